# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What an instance is and holds, gathered in at most twelve statements (one more for each 100 databases).

The rights are asked for first: what the login cannot see in full is None and listed in ``unknown``.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PermissionDenied
from ansible_collections.sqlhosting.mssql.plugins.module_utils._result_size import fit
from ansible_collections.sqlhosting.mssql.plugins.module_utils._rights import (
    DATABASES,
    DEFINITIONS,
    FILES,
    LOGINS,
    STATE,
    Rights,
    Unknown,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import utc_offset
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.account import account_of
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.databases import (
    add_files,
    add_used,
    databases_of,
    logins_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.groups import (
    groups_of,
    seen_from_secondaries,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.machine import (
    configuration_of,
    cpu_of,
    hadr_of,
    memory_of,
    platform_of,
    version_of,
    volumes_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.subsets import (
    ACCOUNT,
    ALL,
    SUBSETS,
    wanted_subsets,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.measure import measure_used

ARGUMENT_SPEC = {
    "gather_subset": {"type": "list", "elements": "str", "default": [ALL]},
    "answer": {"type": "dict"},  # the action returns it; where it gets here, this host has to be asked
}
SPEC_RULES: dict = {}

_NAMED_DATABASES = 5  # in a reason; the rest is counted


def run(session, params: dict) -> dict:
    """Gather the wanted subsets. Changes nothing, in check mode or otherwise."""
    wanted = wanted_subsets(params["gather_subset"])
    instance: dict = {}
    if ACCOUNT in wanted:
        # First, and by itself: it also tells why nothing else can be read.
        instance[ACCOUNT] = account_of(session)
        if wanted == {ACCOUNT}:
            return session.result(
                changed=False, summary=_account_summary(session.instance, instance[ACCOUNT]),
                instance=instance, unknown=[], omitted=[],
            )  # fmt: skip
    discovery = Discovery(session)
    for subset in SUBSETS:
        if subset in wanted and subset not in ("files", "space"):
            instance[subset] = getattr(discovery, f"gather_{subset}")(wanted)
    omitted = fit(instance)
    return session.result(
        changed=False,
        summary=_summary(session.instance, instance, discovery.unknown.entries),
        instance=instance,
        unknown=discovery.unknown.entries,
        omitted=omitted,
    )


def _summary(label: str, instance: dict, unknown: list) -> str:
    parts = []
    version = instance.get("version")
    if version:
        parts.append(f"SQL Server {version['release'] or version['product_version']} {version['edition']}")
    if instance.get("databases") is not None:
        parts.append(f"{len(instance['databases'])} databases")
    if instance.get("logins") is not None:
        parts.append(f"{len(instance['logins'])} logins")
    text = f"{label}: {', '.join(parts) or 'seen'}"
    if unknown:
        text += f"; unknown: {', '.join(entry['what'] for entry in unknown)}"
    return text + "."


def _account_summary(label: str, account: dict) -> str:
    lacks = [entry["right"] for entry in account["missing"]]
    text = f"{label}: [{account['login']}] " + (f"lacks {', '.join(lacks)}" if lacks else "lacks no right")
    return " ".join([f"{text}.", *account["obstacles"], *account["warnings"]])


class Discovery:
    """One pass over one instance. Each ``gather_*`` gives its subset, or None and a note in ``unknown``."""

    def __init__(self, session) -> None:
        self.session = session
        self.unknown = Unknown()
        self.identity = session.read("instance/identity", database="master")[0]
        self.rights = Rights(self.identity)
        self.offset_minutes = utc_offset(self.identity["utc_offset_minutes"])
        self.is_linux = platform_of(self.identity["version_text"])[0] == "linux"
        self._kept: dict = {}

    def gather_version(self, _wanted: set) -> dict:
        return version_of(self.identity, self.rights.major_version, offset_minutes=self.offset_minutes)

    def gather_cpu(self, _wanted: set) -> dict | None:
        rows = self._system("cpu")
        if rows is None:
            return None
        load = self._read("cpu.busy_percent", "instance/cpu_load")
        cpu, reason = cpu_of(rows[0], load or [], is_linux=self.is_linux, offset_minutes=self.offset_minutes)
        if reason and load is not None:
            self.unknown.add("cpu.busy_percent", reason)
        return cpu

    def gather_memory(self, _wanted: set) -> dict | None:
        rows = self._system("memory")
        return None if rows is None else memory_of(rows[0])

    def gather_volumes(self, wanted: set) -> list | None:
        rights = self.rights
        lacking = [
            self.unknown.lacks("volumes", right)
            for right in dict.fromkeys([rights.missing(STATE), rights.missing(FILES)])
            if right
        ]
        if lacking:
            return None
        rows = self._file_rows("volumes", wanted)
        if rows is None:
            return None
        unseen = [row["physical_name"] for row in rows if row["total_bytes"] is None]
        volumes = volumes_of(rows)
        if unseen and not volumes:
            self.unknown.add("volumes", "SQL Server tells no volume of any database file")
            return None
        return volumes

    def gather_configuration(self, _wanted: set) -> dict | None:
        rows = self._read("configuration", "instance/configuration")
        return None if rows is None else configuration_of(rows)

    def gather_collations(self, _wanted: set) -> dict | None:
        rows = self._read("collations", "instance/collations")
        return None if rows is None else {"count": len(rows), "names": [row["name"] for row in rows]}

    def gather_hadr(self, _wanted: set) -> dict:
        rows = None
        right = self.rights.missing(DEFINITIONS)
        if right is None:
            rows = self._read("hadr.endpoints and hadr.certificates", "instance/endpoints")
        else:
            self.unknown.lacks("hadr.endpoints", right)
            self.unknown.lacks("hadr.certificates", right)
        return hadr_of(self.identity, rows)

    def gather_databases(self, wanted: set) -> list | None:
        if self.unknown.lacks("databases", self.rights.missing(DATABASES)):
            return None
        rows = self._read("databases", "instance/databases")
        if rows is None:
            return None
        databases = databases_of(rows, offset_minutes=self.offset_minutes)
        if "files" in wanted:
            self._add_files(databases, wanted)
        if "space" in wanted:
            used, reasons = measure_used(self.session, rows)
            unmeasured = add_used(databases, used)
            if unmeasured:
                self._note_unmeasured(databases, unmeasured, reasons)
        return databases

    def gather_logins(self, _wanted: set) -> list | None:
        if self.unknown.lacks("logins", self.rights.missing(LOGINS)):
            return None
        rows = self._read("logins", "instance/logins")
        return None if rows is None else logins_of(rows, offset_minutes=self.offset_minutes)

    def gather_availability_groups(self, _wanted: set) -> list | None:
        what = "availability_groups"
        if self.unknown.lacks(what, self.rights.missing(DEFINITIONS)):
            return None
        right = self.rights.missing(STATE)
        rows = self._read(
            what,
            "instance/availability_groups",
            states=right is None,
            major_version=self.rights.major_version,
        )
        if rows is None:
            return None
        database_rows = None
        if right is None:
            database_rows = self._read(f"{what}[].databases", "instance/availability_databases")
        else:
            self.unknown.lacks(f"{what}[].databases and states", right)
        groups = groups_of(rows, database_rows)
        for name in seen_from_secondaries(groups):
            self.unknown.add(
                f"{what}[{name}]", "only the primary replica sees the states of the others; ask it as well"
            )
        return groups

    # -- reads ----------------------------------------------------------------------------------------------

    def _read(self, what: str, template: str, **values) -> list | None:
        """Rows; None, with a note, when the server refuses in spite of the rights that were asked for (a
        DENY)."""
        try:
            return self.session.read(template, database="master", **values)
        except PermissionDenied as exc:
            self.unknown.add(what, f"the server refused: {exc.message}")
            return None

    def _system(self, what: str) -> list | None:
        if self.unknown.lacks(what, self.rights.missing(STATE)):
            return None
        if "system" not in self._kept:
            self._kept["system"] = self._read(what, "instance/system")
        elif self._kept["system"] is None:
            self.unknown.add(what, "the server refused, as for the subset before it")
        return self._kept["system"]

    def _file_rows(self, what: str, wanted: set) -> list | None:
        """Files, with their volumes when these are wanted and visible: one statement for both subsets."""
        if "files" not in self._kept:
            volumes = "volumes" in wanted and self.rights.missing(STATE) is None
            self._kept["files"] = self._read(what, "instance/files", volumes=volumes)
        return self._kept["files"]

    def _add_files(self, databases: list, wanted: set) -> None:
        what = "databases[].files"
        rows = None
        if not self.unknown.lacks(what, self.rights.missing(FILES)):
            rows = self._file_rows(what, wanted)
        if rows is not None:
            add_files(databases, rows)
            return
        for database in databases:
            database.update(
                dict.fromkeys(
                    ("files", "data_size_mib", "data_max_size_mib", "log_size_mib", "log_max_size_mib")
                )
            )

    def _note_unmeasured(self, databases: list, unmeasured: list, reasons: dict) -> None:
        """One entry for each reason, not for each database: there may be thousands."""
        ids = {database["name"]: database["database_id"] for database in databases}
        by_reason: dict = {}
        for name in unmeasured:
            by_reason.setdefault(reasons.get(ids[name], "the server gave no figure"), []).append(name)
        for reason, names in by_reason.items():
            shown = ", ".join(names[:_NAMED_DATABASES])
            if len(names) > _NAMED_DATABASES:
                shown += f" and {len(names) - _NAMED_DATABASES} more"
            self.unknown.add(f"databases[].data_used_mib of {shown}", reason)
