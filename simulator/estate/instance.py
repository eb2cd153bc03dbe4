"""One SQL Server instance: its logins, databases, sessions, machine and error log."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from simulator.errors import sql_error
from simulator.estate.clock import Clock
from simulator.estate.collations import Collation, find_collation
from simulator.estate.database import Database
from simulator.estate.principals import (
    FIXED_SERVER_ROLES,
    FIXED_SERVER_ROLES_2022,
    SA_SID,
    Grant,
    Login,
    ServerRole,
    next_id,
)
from simulator.estate.volumes import Disk
from simulator.topology import InstanceSpec

if TYPE_CHECKING:
    from simulator.estate.estate import Estate

MAJOR = {2019: 15, 2022: 16, 2025: 17}
PRODUCT_VERSION = {2019: "15.0.4415.2", 2022: "16.0.4135.4", 2025: "17.0.1000.7"}
UPDATE_LEVEL = {2019: "CU30", 2022: "CU14", 2025: None}


@dataclass(frozen=True)
class ErrorLogLine:
    """A line of the instance's error log: where the true reason of a failed login is."""

    at: datetime
    number: int
    state: int
    text: str


@dataclass(eq=False)
class Instance:
    """One instance. ``on_change`` is called after every change worth keeping on disk."""

    estate: Estate = field(repr=False)
    spec: InstanceSpec
    clock: Clock
    disk: Disk
    collation_name: str
    started: datetime
    logins: list[Login] = field(default_factory=list)
    roles: list[ServerRole] = field(default_factory=list)
    grants: set[Grant] = field(default_factory=set)
    databases: list[Database] = field(default_factory=list)
    sessions: dict[int, Any] = field(default_factory=dict)
    configured: dict[str, int] = field(default_factory=dict)  # sp_configure values by option name
    running: dict[str, int] = field(default_factory=dict)  # values in use
    error_log: deque[ErrorLogLine] = field(default_factory=lambda: deque(maxlen=1000))
    jobs: list[dict[str, Any]] = field(default_factory=list)  # msdb.dbo.sysjobs
    backups: list[dict[str, Any]] = field(default_factory=list)  # msdb.dbo.backupset, oldest first
    port: int = 0  # where it listens
    cpu_percent: int = 5
    available_memory_mib: int = 0

    def __post_init__(self) -> None:
        if not self.roles:
            self.roles = [
                ServerRole(number, name, bytes([number]), _BUILT, _BUILT, is_fixed=True)
                for name, number in self._fixed_roles().items()
            ]
            next(role for role in self.roles if role.name == "sysadmin").members.add(1)  # sa
        self.cpu_percent, self.port = self.spec.cpu_percent, self.spec.port
        wanted = self.spec.available_memory_mib
        self.available_memory_mib = self.spec.memory_mib // 2 if wanted is None else wanted

    def _fixed_roles(self) -> dict[str, int]:
        return FIXED_SERVER_ROLES | (FIXED_SERVER_ROLES_2022 if self.major >= 16 else {})

    # -- what it is -----------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The topology's name of the instance."""
        return self.spec.name

    @property
    def server_name(self) -> str:
        """@@SERVERNAME: machine, and ``\\instance`` for a named one."""
        return self.spec.name + (f"\\{self.spec.instance_name}" if self.spec.instance_name else "")

    @property
    def major(self) -> int:
        """15, 16 or 17."""
        return MAJOR[self.spec.version]

    @property
    def product_version(self) -> str:
        """SERVERPROPERTY('ProductVersion')."""
        return PRODUCT_VERSION[self.spec.version]

    @property
    def is_windows(self) -> bool:
        """True on Windows."""
        return self.spec.platform == "Windows"

    @property
    def collation(self) -> Collation:
        """The server collation."""
        found = find_collation(self.collation_name)
        if found is None:
            raise sql_error(448, self.collation_name)
        return found

    @property
    def disk_full_error(self) -> str:
        """How the operating system words a full volume."""
        if self.is_windows:
            return "112(There is not enough space on the disk.)"
        return "31(A device attached to the system is not functioning.)"

    def name_key(self, name: str) -> str:
        """The key under which the names of logins and databases are compared."""
        return self.collation.key(name)

    def same_name(self, a: str, b: str) -> bool:
        """Are these two names the same under the server collation?"""
        return self.name_key(a) == self.name_key(b)

    # -- finding things -------------------------------------------------------------------------------------

    def find_database(self, name: str) -> Database | None:
        """The database of that name, whether or not it is open."""
        same = next((d for d in self.databases if d.name == name), None)  # mostly so, and quick
        if same is not None:
            return same
        key = self.collation.key
        wanted = key(name)
        return next((d for d in self.databases if key(d.name) == wanted), None)

    def database(self, name: str) -> Database:
        """The database of that name. Raises 911."""
        found = self.find_database(name)
        if found is None:
            raise sql_error(911, name)
        return found

    def database_by_id(self, database_id: int) -> Database | None:
        """The database with that id."""
        return next((d for d in self.databases if d.database_id == database_id), None)

    def login(self, name: str) -> Login | None:
        """The login of that name."""
        key = self.name_key(name)
        return next((x for x in self.logins if self.name_key(x.name) == key), None)

    def role(self, name: str) -> ServerRole | None:
        """The server role of that name."""
        key = self.name_key(name)
        return next((r for r in self.roles if self.name_key(r.name) == key), None)

    def principal(self, name: str) -> Login | ServerRole | None:
        """The login or server role of that name."""
        return self.login(name) or self.role(name)

    def principal_by_id(self, principal_id: int) -> Login | ServerRole | None:
        """The login or server role with that id."""
        everybody: list[Login | ServerRole] = [*self.logins, *self.roles]
        return next((p for p in everybody if p.principal_id == principal_id), None)

    def login_by_sid(self, sid: bytes | None) -> Login | None:
        """The login with that SID."""
        return next((x for x in self.logins if x.sid == sid), None)

    def new_principal_id(self) -> int:
        """A free id for a login or server role."""
        used = {x.principal_id for x in self.logins} | {r.principal_id for r in self.roles}
        return next_id(used, 260)

    def new_database_id(self) -> int:
        """A free database id: the lowest from 5, as SQL Server takes it."""
        return next_id({d.database_id for d in self.databases}, 5)

    # -- roles and sessions ---------------------------------------------------------------------------------

    def roles_of(self, principal_id: int) -> list[ServerRole]:
        """The server roles that a principal is in, directly or through a role, public included."""
        found: list[ServerRole] = [r for r in self.roles if r.principal_id == 2 and principal_id != 2]
        queue = [principal_id]
        while queue:
            member = queue.pop()
            for role in self.roles:
                if member in role.members and role not in found:
                    found.append(role)
                    queue.append(role.principal_id)
        return found

    def is_sysadmin(self, login: Login) -> bool:
        """True for sa and the members of sysadmin."""
        if login.contained_in is not None:
            return False
        return login.sid == SA_SID or any(r.name == "sysadmin" for r in self.roles_of(login.principal_id))

    def sessions_in(self, database: Database, *, but: Any = None) -> list[Any]:
        """The sessions whose current database is ``database``."""
        return [s for s in self.sessions.values() if s.database is database and s is not but]

    def kill(self, session: Any) -> None:
        """End a session at once: its connection is closed and it no longer counts as using its database."""
        session.killed = True
        self.sessions.pop(session.spid, None)
        on_kill = getattr(session, "on_kill", None)
        if on_kill is not None:
            on_kill()

    def authenticate(self, user: str, password: str, database: str, *, client: str) -> tuple[Login, Database]:
        """Log in.

        Raises 18456 (always state 1), 18470, 18486, 18488, 4060 or 4064; see the error log for why.
        """
        from simulator.estate.authentication import authenticate  # noqa: PLC0415 - it imports this module

        return authenticate(self, user, password, database, client=client)

    # -- keeping --------------------------------------------------------------------------------------------

    def log(self, number: int, text: str, *, state: int = 1) -> None:
        """Write a line into the instance's error log."""
        self.error_log.append(ErrorLogLine(self.clock.now(), number, state, text))

    def changed(self) -> None:
        """Something worth keeping changed: write the state, if state is kept."""
        self.estate.save(self)

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """A block that changes the instance; the state is written when it ends well."""
        yield
        self.changed()

    @property
    def uptime(self) -> timedelta:
        """How long the instance has been running."""
        return self.clock.now() - self.started


_BUILT = datetime(2009, 4, 13, 12, 59, 6)  # create_date of the fixed roles on every server
