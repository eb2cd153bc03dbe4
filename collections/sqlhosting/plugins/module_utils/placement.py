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

from ansible_collections.sqlhosting.mssql.plugins.module_utils.applications import belonging

THRESHOLDS = {"cpu_percent": 80, "memory_percent": 95, "disk_free_percent": 10, "databases": 100}


class PlacementError(Exception):
    """No instance can take the booking. The text says for each of them why."""


@dataclass(frozen=True)
class Load:
    """How full an instance is. None: the platform's login could not see it."""

    databases: int | None = None
    cpu_percent: int | None = None
    memory_percent: float | None = None
    disk_total_mib: float | None = None
    disk_free_mib: float | None = None
    promised_mib: float = 0  # what the databases that are there may still grow by under their limits


@dataclass
class Candidate:
    """One instance of the pool and what speaks against it."""

    name: str
    against: list[str] = field(default_factory=list)
    too_small: list[str] = field(default_factory=list)  # of ``against``, what no patience mends
    notes: list[str] = field(default_factory=list)
    room: float = 0.0  # 0 to 1: what is left of the scarcest resource
    free_mib: float = 0.0
    reachable: bool = True
    holds: bool = False

    def sentence(self) -> str:
        """For people: ``sql02: has no room: …``."""
        if not self.reachable:
            return f"{self.name}: could not be asked: {self.against[0]}"
        if self.holds and not self.too_small:
            return f"{self.name}: holds the application already"
        notes = "; ".join(self.notes)
        if self.against:
            return f"{self.name}: has no room: {'; '.join(self.against)}"
        return f"{self.name}: {self.room:.0%} left of its scarcest resource ({notes})"


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

    if load.disk_total_mib is None or load.disk_free_mib is None:
        # Without it nothing can be promised; CPU and memory only say how fast it will be.
        candidate.too_small.append(
            "its free disk space is not visible to the platform's login (VIEW SERVER STATE)"
        )
    else:
        reserve = load.disk_total_mib * thresholds["disk_free_percent"] / 100
        free = load.disk_free_mib - load.promised_mib
        left = free - wanted_mib - reserve
        candidate.free_mib = free
        candidate.notes.append(f"disk {_gib(max(free, 0))} not promised")
        if left < 0 and wanted_mib:
            candidate.too_small.append(
                f"{_gib(wanted_mib)} wanted, {_gib(load.disk_free_mib)} free, of which "
                f"{_gib(load.promised_mib)} are promised to other databases and {_gib(reserve)} are kept "
                f"free (threshold {thresholds['disk_free_percent']:g} %)"
            )
        usable = load.disk_total_mib - reserve
        rooms.append(max(0.0, left / usable) if usable > 0 else 0.0)
    candidate.against += candidate.too_small
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


def _promised_mib(instance: dict) -> float:
    return sum(
        max(0, entry["max_size_mib"] - entry["size_mib"])
        for database in instance.get("databases") or []
        if not database.get("is_system")
        for entry in database.get("files") or []
        if entry.get("max_size_mib") is not None and entry.get("size_mib") is not None
    )


def _gib(mib: float) -> str:
    return f"{mib / 1024:.1f} GiB"


def _missing_mib(databases: list[dict], instance: dict) -> float:
    there = {database["name"].lower() for database in instance.get("databases") or []}
    return sum(entry["wanted_mib"] for entry in databases if entry["database"].lower() not in there)


def _holds(application: str, databases: list[dict], instance: dict) -> bool:
    found = belonging(
        application, logins=instance.get("logins") or [], databases=instance.get("databases") or []
    )
    there = {database["name"].lower() for database in instance.get("databases") or []}
    return bool(
        found["owner"] or found["login"] or any(entry["database"].lower() in there for entry in databases)
    )


def place(
    application: str,
    seen: dict[str, dict],
    *,
    databases: list[dict],
    thresholds: dict,
    named: str | None = None,
    must_exist: bool = False,
) -> dict:
    """Choose. ``seen`` maps each instance of the pool to the result of its ``mssql_discover`` task.

    ``databases`` are those of the booking as ``layout`` gives them, ``named`` the instance it asks for,
    ``must_exist`` refuses where the application is not there yet. Returns ``{"instance": name,
    "exists": bool, "reasons": [sentence for each instance]}``. Raises :class:`PlacementError`.
    """
    thresholds = {**THRESHOLDS, **thresholds}
    candidates = []
    for name in sorted(seen):
        result = seen[name]
        if result.get("failed") or result.get("unreachable") or "instance" not in result:
            text = str(result.get("msg") or "no answer")
            candidates.append(Candidate(name, reachable=False, against=[text]))
            continue
        instance = result["instance"]
        candidate = weigh(
            name, load_of(instance), wanted_mib=_missing_mib(databases, instance), thresholds=thresholds
        )
        candidate.holds = _holds(application, databases, instance)
        candidates.append(candidate)
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
                f"already. Mend that, or name an instance with application_instance:\n{listed}"
            )
        fitting = [candidate for candidate in candidates if not candidate.against]
        if not fitting and not must_exist:
            raise PlacementError(
                f"No instance of the pool has room for the application {application}:\n{listed}"
            )
        chosen = max(fitting or candidates, key=lambda c: (c.room, c.free_mib), default=Candidate(""))
    if must_exist and not chosen.holds:
        raise PlacementError(
            f"The application {application} is on no instance of this pool. "
            f"Book it first, with playbooks/book_application.yml:\n{listed}"
        )
    if not chosen.reachable:
        raise PlacementError(f"The instance {chosen.name} could not be asked:\n{listed}")
    if chosen.too_small if chosen.holds else chosen.against:
        raise PlacementError(
            f"The instance {chosen.name} has no room for the application {application}:\n{listed}"
        )
    return chosen
