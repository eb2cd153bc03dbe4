"""Logins, server roles, users, database roles and schemas: what each of them is."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from simulator.estate.database import Database

SA_SID = b"\x01"
PUBLIC_ID = 2  # server role public
DB_PUBLIC_ID = 0  # database role public
DBO_ID = 1
GUEST_ID = 2
DBO = "dbo"

# name -> principal_id, as sys.server_principals has them
FIXED_SERVER_ROLES = {
    "public": 2,
    "sysadmin": 3,
    "securityadmin": 4,
    "serveradmin": 5,
    "setupadmin": 6,
    "processadmin": 7,
    "diskadmin": 8,
    "dbcreator": 9,
    "bulkadmin": 10,
}
FIXED_SERVER_ROLES_2022 = {
    "##MS_ServerStateReader##": 11,
    "##MS_ServerStateManager##": 12,
    "##MS_DefinitionReader##": 13,
    "##MS_DatabaseConnector##": 14,
    "##MS_DatabaseManager##": 15,
    "##MS_LoginManager##": 16,
    "##MS_SecurityDefinitionReader##": 17,
    "##MS_PerformanceDefinitionReader##": 18,
    "##MS_ServerSecurityStateReader##": 19,
    "##MS_ServerPerformanceStateReader##": 20,
}
FIXED_DATABASE_ROLES = {
    "public": 0,
    "db_owner": 16384,
    "db_accessadmin": 16385,
    "db_securityadmin": 16386,
    "db_ddladmin": 16387,
    "db_backupoperator": 16389,
    "db_datareader": 16390,
    "db_datawriter": 16391,
    "db_denydatareader": 16392,
    "db_denydatawriter": 16393,
}


def new_sid() -> bytes:
    """A SQL principal's SID: the 16 bytes of a GUID."""
    return uuid4().bytes


@dataclass(eq=False)
class Login:
    """A SQL login, or (``contained_in``) a contained database's user that logged in by itself."""

    principal_id: int
    name: str
    sid: bytes
    password_hash: bytes | None
    created: datetime
    modified: datetime
    default_database: str = "master"
    default_language: str = "us_english"
    is_disabled: bool = False
    is_policy_checked: bool = True
    is_expiration_checked: bool = False
    must_change: bool = False
    is_locked: bool = False
    password_set: datetime | None = None
    bad_password_count: int = 0
    bad_password_time: datetime | None = None
    contained_in: Database | None = None

    type = "S"
    type_desc = "SQL_LOGIN"

    @property
    def is_sa(self) -> bool:
        """True for the login with SID 0x01, whatever it is called now."""
        return self.sid == SA_SID


@dataclass(eq=False)
class ServerRole:
    """A server role; ``members`` holds principal ids of logins and roles."""

    principal_id: int
    name: str
    sid: bytes
    created: datetime
    modified: datetime
    owner_id: int = 1
    is_fixed: bool = False
    members: set[int] = field(default_factory=set)

    type = "R"
    type_desc = "SERVER_ROLE"


@dataclass(eq=False)
class User:
    """A database user.

    ``kind``: "login" (may be orphaned), "none" (WITHOUT LOGIN), "password" (contained).
    """

    principal_id: int
    name: str
    sid: bytes | None
    created: datetime
    modified: datetime
    kind: str = "login"
    default_schema: str = DBO
    password_hash: bytes | None = None

    type = "S"
    type_desc = "SQL_USER"

    @property
    def authentication_type(self) -> int:
        """0 NONE, 1 INSTANCE, 2 DATABASE (sys.database_principals)."""
        return {"login": 1, "none": 0, "password": 2}[self.kind]


@dataclass(eq=False)
class DatabaseRole:
    """A database role; ``members`` holds principal ids of users and roles."""

    principal_id: int
    name: str
    created: datetime
    modified: datetime
    owner_id: int = DBO_ID
    is_fixed: bool = False
    members: set[int] = field(default_factory=set)

    type = "R"
    type_desc = "DATABASE_ROLE"


@dataclass(eq=False)
class Schema:
    """A schema and its owner."""

    schema_id: int
    name: str
    owner_id: int


@dataclass(eq=False)
class Securable:
    """What a principal of a database owns besides schemas and roles; ``kind`` as errors name it."""

    kind: str
    securable_id: int
    name: str
    owner_id: int


@dataclass(frozen=True)
class Grant:
    """A row of sys.server_permissions or sys.database_permissions.

    ``state``: G grant, W with grant option, D deny.
    """

    class_id: int
    major_id: int
    grantee_id: int
    grantor_id: int
    permission: str
    state: str
    minor_id: int = 0


SYSTEM_SCHEMAS = {"dbo": (1, 1), "guest": (2, 2), "INFORMATION_SCHEMA": (3, 3), "sys": (4, 4)}


def system_users(now: datetime, owner_sid: bytes) -> list[User]:
    """dbo, guest, INFORMATION_SCHEMA and sys, as every database has them."""
    return [
        User(1, "dbo", owner_sid, now, now),
        User(2, "guest", b"\x00", now, now, kind="none", default_schema="guest"),
        User(3, "INFORMATION_SCHEMA", None, now, now, kind="none", default_schema=""),
        User(4, "sys", None, now, now, kind="none", default_schema=""),
    ]


def next_id(used: set[int], start: int) -> int:
    """The first free principal id from ``start``."""
    return next(i for i in itertools.count(start) if i not in used)
