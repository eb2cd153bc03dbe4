"""A database: its files, options, principals, grants and the rules of space."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from simulator.errors import SqlError, sql_error
from simulator.estate import messages  # noqa: F401 - registers the texts
from simulator.estate.collations import Collation, find_collation
from simulator.estate.files import PAGE, DatabaseFile
from simulator.estate.principals import (
    DB_PUBLIC_ID,
    FIXED_DATABASE_ROLES,
    SYSTEM_SCHEMAS,
    DatabaseRole,
    Grant,
    Login,
    Schema,
    Securable,
    User,
    next_id,
    system_users,
)
from simulator.estate.tables import Tables

if TYPE_CHECKING:
    from simulator.estate.instance import Instance


def new_database_options(major: int) -> dict[str, Any]:
    """Options of a new user database that are not simply off: since 2022 the Query Store is on."""
    return {"query_store": "ON"} if major >= 16 else {}


@dataclass(eq=False)
class Database:
    """One database of an instance. ``state`` is sys.databases.state_desc: ONLINE, OFFLINE, RESTORING …"""

    instance: Instance = field(repr=False)
    database_id: int
    name: str
    collation_name: str
    owner_sid: bytes
    created: datetime
    files: list[DatabaseFile] = field(default_factory=list)
    state: str = "ONLINE"
    user_access: str = "MULTI_USER"
    recovery_model: str = "FULL"
    containment: str = "NONE"
    compatibility_level: int = 160
    is_read_only: bool = False
    is_auto_close_on: bool = False
    is_auto_shrink_on: bool = False
    is_read_committed_snapshot_on: bool = False
    snapshot_isolation: str = "OFF"
    is_encrypted: bool = False
    is_trustworthy_on: bool = False
    is_broker_enabled: bool = True
    page_verify: str = "CHECKSUM"
    target_recovery_seconds: int = 60
    source_database_id: int | None = None
    replica_id: UUID | None = None
    group_database_id: UUID | None = None
    service_broker_guid: UUID = field(default_factory=uuid4)
    last_log_backup_lsn: int | None = None
    last_full_backup: datetime | None = None
    lsn: int = 37_000_000_010_400_001
    options: dict[str, Any] = field(default_factory=dict)  # further SET options by sys.databases column name
    users: list[User] = field(default_factory=list)
    roles: list[DatabaseRole] = field(default_factory=list)
    schemas: list[Schema] = field(default_factory=list)
    securables: list[Securable] = field(default_factory=list)
    grants: set[Grant] = field(default_factory=set)
    tables: Tables = field(init=False)
    single_user_spid: int | None = None

    def __post_init__(self) -> None:
        self.tables = Tables(self.name_key)
        if not self.users:
            self.users = system_users(self.created, self.owner_sid)
        if not self.roles:
            self.roles = [
                DatabaseRole(number, name, self.created, self.created, is_fixed=number != DB_PUBLIC_ID)
                for name, number in FIXED_DATABASE_ROLES.items()
            ]
        if not self.schemas:
            self.schemas = [Schema(i, name, owner) for name, (i, owner) in SYSTEM_SCHEMAS.items()]
            self.schemas += [Schema(r.principal_id, r.name, r.principal_id) for r in self.roles if r.is_fixed]

    # -- names ----------------------------------------------------------------------------------------------

    @property
    def collation(self) -> Collation:
        """The database's collation."""
        found = find_collation(self.collation_name)
        if found is None:
            raise sql_error(448, self.collation_name)
        return found

    def name_key(self, name: str) -> str:
        """The key under which names inside this database are compared."""
        return self.collation.key(name)

    def same_name(self, a: str, b: str) -> bool:
        """Are these two names the same inside this database?"""
        return self.name_key(a) == self.name_key(b)

    @property
    def is_system(self) -> bool:
        """True for master, tempdb, model and msdb."""
        return self.database_id <= 4

    @property
    def is_snapshot(self) -> bool:
        """True for a database snapshot."""
        return self.source_database_id is not None

    @property
    def is_open(self) -> bool:
        """True if its contents can be read."""
        return self.state == "ONLINE"

    @property
    def is_shut(self) -> bool:
        """True if AUTO_CLOSE has shut it down: nobody is in it. It then does not tell its collation."""
        return self.is_auto_close_on and not self.instance.sessions_in(self)

    # -- principals -----------------------------------------------------------------------------------------

    def user(self, name: str) -> User | None:
        """The user of that name."""
        key = self.name_key(name)
        return next((u for u in self.users if self.name_key(u.name) == key), None)

    def role(self, name: str) -> DatabaseRole | None:
        """The role of that name."""
        key = self.name_key(name)
        return next((r for r in self.roles if self.name_key(r.name) == key), None)

    def principal(self, name: str) -> User | DatabaseRole | None:
        """The user or role of that name."""
        return self.user(name) or self.role(name)

    def principal_by_id(self, principal_id: int) -> User | DatabaseRole | None:
        """The user or role with that id."""
        everybody: list[User | DatabaseRole] = [*self.users, *self.roles]
        return next((p for p in everybody if p.principal_id == principal_id), None)

    def schema(self, name: str) -> Schema | None:
        """The schema of that name."""
        key = self.name_key(name)
        return next((s for s in self.schemas if self.name_key(s.name) == key), None)

    def securable(self, kind: str, name: str) -> Securable | None:
        """What is of that kind and name."""
        key = self.name_key(name)
        return next((s for s in self.securables if s.kind == kind and self.name_key(s.name) == key), None)

    def new_principal_id(self) -> int:
        """A free id for a user or role."""
        used = {u.principal_id for u in self.users} | {r.principal_id for r in self.roles}
        return next_id(used, 5)

    def user_of(self, login: Login) -> User | None:
        """The user that ``login`` is in here, by SID; dbo for the owner and sysadmins; None without one."""
        if login.contained_in is not None:
            return self.user(login.name) if login.contained_in is self else None
        if login.sid == self.owner_sid or self.instance.is_sysadmin(login):
            return self.users[0]
        return next((u for u in self.users if u.kind == "login" and u.sid == login.sid), None)

    # -- files and space ------------------------------------------------------------------------------------

    @property
    def data_files(self) -> list[DatabaseFile]:
        """The ROWS files, primary first."""
        return [f for f in self.files if f.type == "ROWS"]

    @property
    def log_files(self) -> list[DatabaseFile]:
        """The LOG files."""
        return [f for f in self.files if f.type == "LOG"]

    def file(self, name: str) -> DatabaseFile | None:
        """The file with that logical name."""
        key = self.name_key(name)
        return next((f for f in self.files if self.name_key(f.name) == key), None)

    def resize(self, file: DatabaseFile, pages: int) -> None:
        """Set a file's size. Raises 5149 when the volume has no room for the growth."""
        more = (pages - file.size) * PAGE
        disk = self.instance.disk
        if more > 0 and not disk.has_room(file.path, more):
            raise sql_error(5149, self.instance.disk_full_error, file.path)
        file.size = pages
        disk.put(file.path, pages * PAGE, "log" if file.type == "LOG" else "data")

    def reserve(self, kib: float, what: str = "") -> None:
        """Take ``kib`` of space in the data files and the log, growing them as needed.

        Raises 1105 when the filegroup is full and 9002 when the log is. Negative ``kib`` gives data space
        back.
        """
        pages = kib * 1024 / PAGE
        if pages < 0:
            self._give_back(-pages)
            return
        self._reserve_in(self.log_files, pages, sql_error(9002, self.name, self.log_reuse_wait))
        if self.log_truncates:
            for log in self.log_files:
                log.used = max(0.0, log.used - pages)
        self._reserve_in(
            self.data_files, pages, sql_error(1105, what or "dbo.object", "", self.name, "PRIMARY")
        )

    def _reserve_in(self, files: list[DatabaseFile], pages: float, full: SqlError) -> None:
        for file in files:
            while file.used + pages > file.size:
                step = file.next_growth()
                if step == 0 or not self._try_resize(file, file.size + step):
                    break
            if file.used + pages <= file.size:
                file.used += pages
                return
        raise full

    def _try_resize(self, file: DatabaseFile, pages: int) -> bool:
        try:
            self.resize(file, pages)
        except SqlError as exc:
            self.instance.log(exc.number, exc.message)
            return False
        return True

    def _give_back(self, pages: float) -> None:
        for file in self.data_files:
            taken = min(pages, file.used)
            file.used -= taken
            pages -= taken

    @property
    def log_truncates(self) -> bool:
        """True while the log empties itself: SIMPLE, or no full backup since FULL was set."""
        return self.recovery_model == "SIMPLE" or self.last_log_backup_lsn is None

    @property
    def log_reuse_wait(self) -> str:
        """sys.databases.log_reuse_wait_desc."""
        if self.log_truncates or sum(f.used for f in self.log_files) < 256:
            return "NOTHING"
        return "LOG_BACKUP"
