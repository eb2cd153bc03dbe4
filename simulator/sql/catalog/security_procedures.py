"""Procedures that list principals: sp_helplogins, sp_helpuser, sp_helprole, sp_helpsrvrole and their like.

Columns: Microsoft Learn, "Security stored procedures".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_server
from simulator.results import Result, ResultSet, ReturnStatus
from simulator.sql.catalog.common import columns
from simulator.sql.registry import Argument, procedure


def first_text(arguments: Sequence[Argument]) -> str | None:
    """The first argument as text, None when it is missing or NULL."""
    value = arguments[0].value if arguments else None
    return None if value is None else str(value)


_LOGINS = columns(
    "LoginName:sysname SID:varbinary(85)? DefDBName:sysname? DefLangName:sysname? AUser:char(5) "
    "ARemote:char(7)"
)
_MAPPED = columns("LoginName:sysname DBName:sysname UserName:sysname UserOrAlias:char(8)")


@procedure("sp_helplogins")
def sp_helplogins(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Logins, then the users and roles that each has in the databases. Raises 15247, 15007."""
    instance = session.instance
    if not has_server(session, "ALTER ANY LOGIN"):
        raise sql_error(15247)
    wanted = first_text(arguments)
    logins = [x for x in instance.logins if wanted is None or instance.same_name(x.name, wanted)]
    if not logins:
        raise sql_error(15007, wanted)
    logins.sort(key=lambda x: instance.name_key(x.name))
    summary, mapped = [], []
    for login in logins:
        own = []
        for database in instance.databases:
            user = next((u for u in database.users if u.sid == login.sid and u.kind == "login"), None)
            if user is None or not database.is_open:
                continue
            own.append((login.name, database.name, user.name, "User    "))
            own += [
                (login.name, database.name, role.name, "MemberOf")
                for role in database.roles
                if user.principal_id in role.members
            ]
        mapped += own
        has_user = "yes  " if own else "NO   "
        summary.append(
            (login.name, login.sid, login.default_database, login.default_language, has_user, "no     ")
        )
    yield ResultSet(_LOGINS, summary)
    yield ResultSet(_MAPPED, mapped)
    yield ReturnStatus(0)


_USERS = columns(
    "UserName:sysname RoleName:sysname? LoginName:sysname? DefDBName:sysname? DefSchemaName:sysname? "
    "UserID:char(10) SID:varbinary(85)?"
)


@procedure("sp_helpuser")
def sp_helpuser(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Users of the current database, one row for each role of each. Raises 15198."""
    database, instance = session.database, session.instance
    wanted = first_text(arguments)
    users = [u for u in database.users if wanted is None or database.same_name(u.name, wanted)]
    if not users:
        raise sql_error(15198, wanted)
    found = []
    for user in sorted(users, key=lambda u: database.name_key(u.name)):
        login = instance.login_by_sid(user.sid) if user.sid is not None else None
        roles = [r.name for r in database.roles if user.principal_id in r.members]
        if user.principal_id == 1:
            roles = ["db_owner"]
        for role in roles or ["public"]:
            found.append(
                (
                    user.name, role, login.name if login else None,
                    login.default_database if login else None, user.default_schema or None,
                    str(user.principal_id).ljust(10), user.sid,
                )
            )  # fmt: skip
    yield ResultSet(_USERS, found)
    yield ReturnStatus(0)


@procedure("sp_helprole")
def sp_helprole(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Roles of the current database. Raises 15409."""
    database = session.database
    wanted = first_text(arguments)
    found = [r for r in database.roles if wanted is None or database.same_name(r.name, wanted)]
    if not found:
        raise sql_error(15409, wanted)
    yield ResultSet(
        columns("RoleName:sysname RoleId:int IsAppRole:int"), [(r.name, r.principal_id, 0) for r in found]
    )
    yield ReturnStatus(0)


@procedure("sp_helprolemember")
def sp_helprolemember(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Members of the roles of the current database. Raises 15409."""
    database = session.database
    wanted = first_text(arguments)
    roles = [r for r in database.roles if wanted is None or database.same_name(r.name, wanted)]
    if not roles:
        raise sql_error(15409, wanted)
    found = []
    for role in roles:
        members = {1, *role.members} if role.name == "db_owner" else role.members
        for member in map(database.principal_by_id, sorted(members)):
            if member is not None:
                found.append((role.name, member.name, getattr(member, "sid", None)))
    yield ResultSet(columns("DbRole:sysname MemberName:sysname MemberSID:varbinary(85)?"), found)
    yield ReturnStatus(0)


_ROLE_TEXTS = {
    "sysadmin": "System Administrators",
    "securityadmin": "Security Administrators",
    "serveradmin": "Server Administrators",
    "setupadmin": "Setup Administrators",
    "processadmin": "Process Administrators",
    "diskadmin": "Disk Administrators",
    "dbcreator": "Database Creators",
    "bulkadmin": "Bulk Insert Administrators",
}


def _fixed_roles(session: Any, arguments: Sequence[Argument]) -> list[Any]:
    wanted = first_text(arguments)
    instance = session.instance
    roles = [r for r in instance.roles if r.name in _ROLE_TEXTS]
    found = [r for r in roles if wanted is None or instance.same_name(r.name, wanted)]
    if not found:
        raise sql_error(15412, wanted)
    return found


@procedure("sp_helpsrvrole")
def sp_helpsrvrole(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """The fixed server roles. Raises 15412."""
    found = [(r.name, _ROLE_TEXTS[r.name]) for r in _fixed_roles(session, arguments)]
    yield ResultSet(columns("ServerRole:sysname Description:sysname"), found)
    yield ReturnStatus(0)


@procedure("sp_helpsrvrolemember")
def sp_helpsrvrolemember(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Members of the fixed server roles. Raises 15412."""
    found = []
    for role in _fixed_roles(session, arguments):
        for member in map(session.instance.principal_by_id, sorted(role.members)):
            if member is not None:
                found.append((role.name, member.name, member.sid))
    yield ResultSet(columns("ServerRole:sysname MemberName:sysname MemberSID:varbinary(85)?"), found)
    yield ReturnStatus(0)
