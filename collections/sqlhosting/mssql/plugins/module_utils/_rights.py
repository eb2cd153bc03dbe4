# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which right each thing needs, so that what a weak login cannot see is unknown and never empty.

Catalog views give fewer rows, not an error, to a login without the right (Metadata Visibility Configuration
on Microsoft Learn); dynamic management views give error 300 or 371. Hence the rights are asked for first, in
the same statement that tells the version.
"""

from __future__ import annotations

SQL_SERVER_2022 = 16  # the version that split VIEW SERVER STATE and VIEW ANY DEFINITION

STATE, FILES, DATABASES, LOGINS, DEFINITIONS = "state", "files", "databases", "logins", "definitions"

# Any one of the rights is enough; the first is the one that is asked for. Sources: the pages of
# sys.dm_os_sys_info, sys.master_files, sys.databases, sys.server_principals and sys.certificates.
_NEEDS = {
    STATE: ("view_server_state",),
    FILES: ("view_any_definition", "alter_any_database"),
    DATABASES: ("view_any_database", "alter_any_database"),
    LOGINS: ("view_any_definition", "alter_any_login"),
    DEFINITIONS: ("view_any_definition",),
}
_NEEDS_2022 = {
    STATE: ("view_server_performance_state", "view_server_state"),
    LOGINS: ("view_any_security_definition", "view_any_definition", "alter_any_login"),
}


class Rights:
    """What this login may see; ``identity`` is the row of ``instance/identity``."""

    def __init__(self, identity: dict) -> None:
        self._row = identity
        version = identity["product_version"] or ""
        major = version.split(".")[0]
        self.major_version = int(major) if major.isdigit() else 0
        self._needs = dict(_NEEDS, **_NEEDS_2022) if self.major_version >= SQL_SERVER_2022 else _NEEDS

    def missing(self, need: str) -> str | None:
        """The right to ask for, as GRANT spells it; None when the login has enough."""
        rights = self._needs[need]
        if any(self._row[right] == 1 for right in rights):
            return None
        return rights[0].upper().replace("_", " ")


class Unknown:
    """Collects what could not be seen, and why: the ``unknown`` of the result."""

    def __init__(self) -> None:
        self.entries: list = []

    def add(self, what: str, reason: str, *, missing_right: str | None = None) -> None:
        """``what`` is the path in the result: ``memory``, ``cpu.busy_percent``."""
        self.entries.append({"what": what, "reason": reason, "missing_right": missing_right})

    def lacks(self, what: str, right: str | None) -> bool:
        """Whether ``right`` is missing; if so, it is noted."""
        if right is None:
            return False
        self.add(what, f"the login has no right to see it; GRANT {right} shows it", missing_right=right)
        return True
