# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which instance of a pool gets a booking, and why. Pure: decides from what ``mssql_discover`` returned.

The rules, in their order:

1. An instance that holds anything of the application gets it: a booking that is resumed stays where it began.
   Only the databases that are still missing must fit there.
2. The instance that was named gets it, unless rule 1 says another.
3. Of the instances that have room under every threshold of the pool, the one whose scarcest resource is
   least used gets it; then the one with more free disk; then the first by name.

An instance that could not be asked may hold the application already: then nothing is placed unless an
instance is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib, parse_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.belongings import (
    belonging,
    customer_login,
    is_deleted_form,
    owner_login,
)

THRESHOLDS = {"cpu_percent": 80, "memory_percent": 95, "disk_free_percent": 10, "databases": 100}
LIMITS = ("data_limit", "log_limit")


# Why nothing was placed or resized, for programs; the text is for people.
NO_ROOM, NO_ANSWER = "no_room", "no_answer"


class PlacementError(Exception):
    """No instance can take the booking. The text says for each of them why.

    ``cause``: ``no_room``, ``no_answer``, or None for what asking again does not change.
    """

    def __init__(self, text: str, *, cause: str | None = None) -> None:
        super().__init__(text)
        self.cause = cause


@dataclass(frozen=True)
class Load:
    """How full an instance is. None: the platform's login could not see it."""

    databases: int | None = None
    cpu_percent: int | None = None
    memory_percent: float | None = None
    disk_total_mib: float | None = None
    disk_free_mib: float | None = None
    promised_mib: float | None = 0  # what the databases that are there may still grow by under their limits


@dataclass
class Candidate:
    """One instance of the pool and what speaks against it."""

    name: str
    against: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)  # of ``against``, what holds for its own too
    in_the_way: list[str] = field(default_factory=list)  # of ``blocked``, what more room would not change
    notes: list[str] = field(default_factory=list)
    room: float = 0.0  # 0 to 1: what is left of the scarcest resource
    free_mib: float = 0.0
    reachable: bool = True
    holds: bool = False

    def sentence(self) -> str:
        """For people: ``sql02: cannot take it: …``."""
        if not self.reachable:
            return f"{self.name}: could not be asked: {self.against[0]}"
        if self.holds and not self.blocked:
            return f"{self.name}: holds the application already"
        notes = "; ".join(self.notes)
        if self.against:
            return f"{self.name}: cannot take it: {'; '.join(self.against)}"
        return f"{self.name}: {self.room * 100:.0f} % left of its scarcest resource ({notes})"


def weigh(name: str, load: Load, *, wanted_mib: float, thresholds: dict) -> Candidate:
    """How well an instance would carry ``wanted_mib`` more. Pure arithmetic; every figure is in the notes."""
    candidate = Candidate(name)
    rooms = []

    def judge(what: str, used: float | None, limit: float, shown: str) -> None:
        if used is None:
            candidate.notes.append(f"{what} unknown")
            return
        candidate.notes.append(f"{what} {shown}")
        if used >= limit:
            candidate.against.append(f"{what} {shown}, its threshold is {limit:g}")
        rooms.append(max(0.0, 1 - used / limit) if limit else 0.0)

    judge("CPU", load.cpu_percent, thresholds["cpu_percent"], f"{load.cpu_percent} %")
    memory = load.memory_percent
    judge("memory", memory, thresholds["memory_percent"], f"{memory or 0:.0f} %")
    judge("databases", load.databases, thresholds["databases"], f"{load.databases}")

    if load.disk_total_mib is None or load.disk_free_mib is None or load.promised_mib is None:
        # Without it nothing can be promised; CPU and memory only say how fast it will be.
        candidate.blocked.append(
            "its disk space is not visible to the platform's login (VIEW SERVER STATE, VIEW ANY DEFINITION)"
        )
    else:
        reserve = load.disk_total_mib * thresholds["disk_free_percent"] / 100
        free = load.disk_free_mib - load.promised_mib
        left = free - wanted_mib - reserve
        candidate.free_mib = free
        candidate.notes.append(f"disk {_gib(max(free, 0))} not promised")
        if left < 0 and wanted_mib:
            candidate.blocked.append(
                f"{_gib(wanted_mib)} wanted, {_gib(load.disk_free_mib)} free, of which "
                f"{_gib(load.promised_mib)} are promised to other databases and {_gib(reserve)} are kept "
                f"free (threshold {thresholds['disk_free_percent']:g} %)"
            )
        usable = load.disk_total_mib - reserve
        rooms.append(max(0.0, left / usable) if usable > 0 else 0.0)
    candidate.against += candidate.blocked
    candidate.room = min(rooms) if rooms else 0.0
    return candidate


def load_of(instance: dict) -> Load:
    """The load of an instance, from the ``instance`` that ``mssql_discover`` returned."""
    memory = instance.get("memory") or {}
    total, available = memory.get("total_mib"), memory.get("available_mib")
    volume = _volume_for_data(instance)
    databases = instance.get("databases")
    return Load(
        databases=None if databases is None else sum(not database.get("is_system") for database in databases),
        cpu_percent=(instance.get("cpu") or {}).get("busy_percent"),
        memory_percent=None if not total or available is None else 100 * (1 - available / total),
        disk_total_mib=volume and volume["total_mib"],
        disk_free_mib=volume and volume["available_mib"],
        promised_mib=_promised_mib(instance),
    )


def _volume_for_data(instance: dict) -> dict | None:
    volumes = [volume for volume in instance.get("volumes") or [] if volume.get("available_mib") is not None]
    path = ((instance.get("version") or {}).get("default_data_path") or "").lower()
    mounted = [volume for volume in volumes if path and path.startswith(volume["mount_point"].lower())]
    if mounted:
        return max(mounted, key=lambda volume: len(volume["mount_point"]))
    # No file of it is on a volume that is known: the fullest one is the safe guess.
    return min(volumes, key=lambda volume: volume["available_mib"]) if volumes else None


def _promised_mib(instance: dict) -> float | None:
    """What user databases may still grow by under their limits; None when their files are not visible."""
    promised = 0.0
    for database in instance.get("databases") or []:
        if database.get("is_system"):
            continue
        for kind in ("data", "log"):
            size, most = database.get(f"{kind}_size_mib"), database.get(f"{kind}_max_size_mib")
            if size is None:
                return None
            # Without a limit of its own a database has been promised nothing.
            promised += max(0, most - size) if most is not None else 0
    return promised


def merged_thresholds(*given: dict) -> dict:
    """The thresholds, later ones before earlier ones. Raises :class:`PlacementError` for what is none."""
    thresholds: dict = dict(THRESHOLDS)
    for name, value in ((name, value) for some in given for name, value in some.items()):
        if name not in THRESHOLDS:
            raise PlacementError(f"{name} is not a threshold: known are {', '.join(THRESHOLDS)}.")
        try:
            thresholds[name] = float(value)
        except (TypeError, ValueError):
            raise PlacementError(f"The threshold {name}: {value!a} is not a number.") from None
    return thresholds


def too_large(databases: list[dict], pool: dict) -> list[str]:
    """Limits of the booking that are beyond the largest ones of the pool."""
    found = []
    for option in LIMITS:
        largest = pool.get(f"largest_{option}")
        if largest is None:
            continue
        try:
            most = parse_mib(largest, field=f"pool_largest_{option}")
        except InvalidInput as exc:
            raise PlacementError(str(exc)) from None
        for entry in databases:
            wanted = parse_mib(entry[option], field=option)
            if wanted > most:
                found.append(
                    f"{option} of {entry['name']}: {format_mib(wanted)} is more than the pool allows "
                    f"({format_mib(most)})"
                )
    return found


def _gib(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB"


def _there(instance: dict) -> dict[str, dict]:
    return {database["name"].lower(): database for database in instance["databases"]}


def _missing_mib(databases: list[dict], instance: dict) -> float:
    there = _there(instance)
    return sum(entry["wanted_mib"] for entry in databases if entry["database"].lower() not in there)


def _in_the_way(databases: list[dict], instance: dict, owner: str | None, platform_login: str) -> list[str]:
    """Databases that have a wanted name and are not the application's, or are, under another spelling.

    A run that ended between creating a database and handing it to its owner leaves it with the platform's
    login: where the owner login is there, such a database is the application's. One of another administrator
    is not, or a customer could book its way into it.
    """
    there = _there(instance)
    ours = {owner.lower(), platform_login.lower()} if owner else set()
    ours.discard("")  # no owner that is known is nobody's consent
    found = []
    for entry in databases:
        wanted = entry["database"]
        database = there.get(wanted.lower())
        if database is not None and (database.get("owner") or "").lower() not in ours:
            found.append(f"a database {database['name']} is there that belongs to {database.get('owner')}")
        elif database is not None and database["name"] != wanted:
            found.append(f"it is there as {database['name']}: spell it so")
        found += [
            f"{name} is kept since {wanted} was deleted: purge it first, or choose another name"
            for name in sorted(database["name"] for database in there.values())
            if is_deleted_form(name, wanted)
        ]
    return found


def _candidate(
    name: str,
    result: dict,
    *,
    application: str,
    databases: list[dict],
    thresholds: dict,
    pool: dict,
    platform_login: str,
    sids: dict,
) -> Candidate:
    instance = result.get("instance")
    if result.get("failed") or result.get("unreachable") or not instance:
        return Candidate(name, reachable=False, against=[str(result.get("msg") or "no answer")])
    if instance.get("logins") is None or instance.get("databases") is None:
        hidden = "its logins or databases are not visible to the platform's login (VIEW ANY DEFINITION)"
        return Candidate(name, reachable=False, against=[hidden])
    wanted_mib = _missing_mib(databases, instance)
    thresholds = merged_thresholds(pool.get("thresholds") or {}, thresholds)
    candidate = weigh(name, load_of(instance), wanted_mib=wanted_mib, thresholds=thresholds)
    found = belonging(application, logins=instance["logins"], databases=instance["databases"], **sids)
    # A login of somebody else holds the place too: booking elsewhere would hide that SIDs were left out.
    candidate.holds = bool(found["owner"] or found["login"] or found["problems"])
    other_spelling = {found["owner"], found["login"]} - {
        owner_login(application),
        customer_login(application),
        None,
    }
    candidate.in_the_way = [
        *too_large(databases, pool),
        *found["problems"],
        *(f"its login is spelt {login} there: spell the application so" for login in other_spelling),
        *_in_the_way(databases, instance, found["owner"], platform_login),
    ]
    candidate.blocked += candidate.in_the_way
    candidate.against += candidate.in_the_way
    return candidate


def place(
    application: str,
    seen: dict[str, dict],
    *,
    databases: list[dict],
    thresholds: dict,
    pools: dict[str, dict] | None = None,
    named: str | None = None,
    must_exist: bool = False,
    platform_login: str = "",
    owner_sid: str | None = None,
    customer_sid: str | None = None,
) -> dict:
    """Choose. ``seen`` maps each instance of the pool to the result of its ``mssql_discover`` task.

    ``databases`` are those of the booking as ``layout`` gives them, ``named`` the instance it asks for,
    ``pools`` what the pool of each instance says (``thresholds``, before which those of the argument go,
    ``largest_data_limit``, ``largest_log_limit``), ``must_exist`` refuses where the application is not there
    yet, ``platform_login`` is whom new databases belong to before they are handed to their owner, the SIDs
    are those of the application's logins when they are not made from the names. Returns ``{"instance": name,
    "exists": bool, "reasons": [sentence for each instance]}``. Raises :class:`PlacementError`.
    """
    candidates = [
        _candidate(
            name,
            seen[name],
            application=application,
            databases=databases,
            thresholds=thresholds,
            pool=(pools or {}).get(name, {}),
            platform_login=platform_login,
            sids={"owner_sid": owner_sid, "customer_sid": customer_sid},
        )
        for name in sorted(seen)
    ]
    reasons = [candidate.sentence() for candidate in candidates]
    chosen = _choose(application, candidates, named=named, must_exist=must_exist, reasons=reasons)
    return {"instance": chosen.name, "exists": chosen.holds, "reasons": reasons}


def _choose(
    application: str, candidates: list[Candidate], *, named: str | None, must_exist: bool, reasons: list[str]
) -> Candidate:
    listed = "\n".join(f"  {reason}" for reason in reasons)
    by_name = {candidate.name: candidate for candidate in candidates}
    if named and named not in by_name:
        raise PlacementError(f"application_instance {named!r} is not an instance of this pool:\n{listed}")
    holding = [candidate for candidate in candidates if candidate.holds]
    if len(holding) > 1 and not named:
        raise PlacementError(
            f"The application {application} is on several instances; say with application_instance which is "
            f"meant:\n{listed}"
        )
    if named:
        others = [candidate.name for candidate in holding if candidate.name != named]
        if others and not by_name[named].holds:
            raise PlacementError(
                f"The application {application} is on {', '.join(others)} already, not on {named}: "
                f"leave application_instance out, or choose another name for the application."
            )
        chosen = by_name[named]
    elif holding:
        chosen = holding[0]
    else:
        silent = [candidate.name for candidate in candidates if not candidate.reachable]
        if silent:
            raise PlacementError(
                f"{', '.join(silent)} could not be asked, and may hold the application {application} "
                f"already. Mend that, or name an instance with application_instance:\n{listed}",
                cause=NO_ANSWER,
            )
        fitting = [candidate for candidate in candidates if not candidate.against]
        if not fitting and not must_exist:
            raise PlacementError(
                f"No instance of the pool has room for the application {application}:\n{listed}",
                cause=None if all(candidate.in_the_way for candidate in candidates) else NO_ROOM,
            )
        chosen = max(fitting or candidates, key=lambda c: (c.room, c.free_mib), default=Candidate(""))
    if must_exist and not chosen.holds:
        raise PlacementError(
            f"The application {application} is on no instance of this pool. "
            f"Book it first, with playbooks/book_application.yml:\n{listed}"
        )
    if not chosen.reachable:
        raise PlacementError(f"The instance {chosen.name} could not be asked:\n{listed}", cause=NO_ANSWER)
    if chosen.blocked if chosen.holds else chosen.against:
        why = "cannot hold" if chosen.in_the_way else "has no room for"
        raise PlacementError(
            f"The instance {chosen.name} {why} the application {application}:\n{listed}",
            cause=None if chosen.in_the_way else NO_ROOM,
        )
    return chosen
