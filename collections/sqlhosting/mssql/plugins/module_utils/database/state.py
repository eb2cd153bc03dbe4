# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A database as the instance shows it (sys.databases, sys.master_files), in the words of mssql_database."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PermissionDenied
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import truth, word
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.files import DatabaseFile

# Options that are set by ALTER DATABASE, with the attribute of Database that holds the current value.
SETTINGS = ("recovery_model", "compatibility_level", "read_committed_snapshot", "user_access")
# Options that say how a database shall be; they mean something with state present and online only.
SHAPE_OPTIONS = (
    "collation",
    "recovery_model",
    "containment",
    "owner",
    "compatibility_level",
    "read_committed_snapshot",
    "auto_close",
    "data_size",
    "data_max_size",
    "data_growth",
    "log_size",
    "log_max_size",
    "log_growth",
)


# Columns that may be NULL: a database that is not open, or closed by AUTO_CLOSE, does not tell all of itself.
_TOLD = (
    "collation",
    "recovery_model",
    "containment",
    "owner",
    "compatibility_level",
    "read_committed_snapshot",
    "auto_close",
    "user_access",
)


class Database:
    """An existing database. ``is_planned``: only an earlier task of this check-mode run would have created
    it, so its settings are not known. ``untold``: options whose value the instance shows as NULL; NULL is not
    known, and never different from what is asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_planned = False
        self.database_id = None
        self.state = "online"
        self.user_access = "multi_user"
        self.recovery_model = self.collation = self.containment = self.owner = None
        self.compatibility_level = self.read_committed_snapshot = self.auto_close = None
        self.untold: frozenset = frozenset()
        self.same_collation = self.same_owner = False
        self.is_snapshot = self.in_availability_group = False
        self.files: list = []

    @classmethod
    def from_rows(cls, rows: list) -> Database:
        """From rows of template database/observe: the database's columns, repeated for each file."""
        row = rows[0]
        database = cls(row["name"])
        database.database_id = row["database_id"]
        for option in ("state", "user_access", "recovery_model", "containment"):
            setattr(database, option, word(row[option]))
        database.collation = row["collation"]
        database.owner = row["owner"]
        database.compatibility_level = row["compatibility_level"]
        database.read_committed_snapshot = truth(row["read_committed_snapshot"])
        database.auto_close = truth(row["auto_close"])
        database.same_collation = row["same_collation"] != 0
        database.same_owner = row["same_owner"] != 0
        database.untold = frozenset(option for option in _TOLD if row[option] is None)
        database.is_snapshot = row["source_database_id"] is not None
        database.in_availability_group = bool(row["in_availability_group"])
        database.files = [DatabaseFile(each) for each in rows if each["file_id"] is not None]
        return database

    @classmethod
    def planned(cls, name: str, *, offline: bool = False) -> Database:
        """What check mode may assume of a database that an earlier task would have created."""
        database = cls(name)
        database.is_planned = True
        if offline:
            database.state = "offline"
        return database

    def file(self, kind: str) -> DatabaseFile:
        """The primary data file or the first log file. Raises :class:`PermissionDenied` when hidden."""
        for file in sorted(self.files, key=lambda each: each.file_id):
            if file.kind == kind:
                return file
        raise PermissionDenied(
            f"the files of database [{self.name}] are not visible",
            database=self.name,
            remedy="Grant the login CREATE ANY DATABASE, ALTER ANY DATABASE or VIEW ANY DEFINITION.",
        )

    def differs(self, option: str, wanted: object) -> bool:
        """Whether the option is asked for and is known to be another one."""
        return wanted is not None and option not in self.untold and wanted != getattr(self, option)

    def count_files(self, kind: str) -> int:
        return sum(file.kind == kind for file in self.files)

    def as_dict(self) -> dict:
        """For the result: plain values in the module's own words."""
        shown = {
            "name": self.name,
            "database_id": self.database_id,
            "state": self.state,
            "user_access": self.user_access,
            "recovery_model": self.recovery_model,
            "collation": self.collation,
            "containment": self.containment,
            "owner": self.owner,
            "compatibility_level": self.compatibility_level,
            "read_committed_snapshot": self.read_committed_snapshot,
            "auto_close": self.auto_close,
            "in_availability_group": self.in_availability_group,
        }
        for kind in ("data", "log"):
            if self.count_files(kind):
                shown[kind] = self.file(kind).as_dict()
        return shown
