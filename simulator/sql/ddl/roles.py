"""Database roles and server roles.

CREATE, ALTER … ADD/DROP MEMBER, DROP, and the old procedures for members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.estate.instance import Instance
from simulator.estate.permission_names import DATABASE_PRINCIPAL, SERVER_PRINCIPAL
from simulator.estate.permissions import has_securable_permission, has_server_securable_permission
from simulator.estate.principals import PUBLIC_ID, DatabaseRole, ServerRole, new_sid
from simulator.results import Result, ReturnStatus, StatementDone
from simulator.sql.ddl.common import keep, require_writable
from simulator.sql.ddl.users import remove_principal
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import Argument, executes, grammar, procedure


@dataclass(frozen=True)
class CreateRole:
    """CREATE ROLE or CREATE SERVER ROLE."""

    name: str
    owner: str | None
    at_server: bool


@dataclass(frozen=True)
class AlterRole:
    """ALTER [SERVER] ROLE; ``action``: "add", "drop" or "name"."""

    name: str
    action: str
    other: str
    at_server: bool


@dataclass(frozen=True)
class DropRole:
    """DROP [SERVER] ROLE."""

    name: str
    if_exists: bool
    at_server: bool


def _create(stream: TokenStream, at_server: bool) -> CreateRole:
    name = stream.identifier()
    owner = stream.identifier() if stream.accept("authorization") else None
    return CreateRole(name, owner, at_server)


def _alter(stream: TokenStream, at_server: bool) -> AlterRole:
    name = stream.identifier()
    if stream.accept("add", "member"):
        return AlterRole(name, "add", stream.identifier(), at_server)
    if stream.accept("drop", "member"):
        return AlterRole(name, "drop", stream.identifier(), at_server)
    stream.expect("with", "name", "=")
    return AlterRole(name, "name", stream.identifier(), at_server)


def _drop(stream: TokenStream, at_server: bool) -> DropRole:
    if_exists = stream.accept("if", "exists")
    return DropRole(stream.identifier(), if_exists, at_server)


@grammar("CREATE ROLE")
def parse_create_role(stream: TokenStream) -> CreateRole:
    """``CREATE ROLE name [AUTHORIZATION owner]``."""
    return _create(stream, at_server=False)


@grammar("CREATE SERVER ROLE")
def parse_create_server_role(stream: TokenStream) -> CreateRole:
    """``CREATE SERVER ROLE name [AUTHORIZATION owner]``."""
    return _create(stream, at_server=True)


@grammar("ALTER ROLE")
def parse_alter_role(stream: TokenStream) -> AlterRole:
    """``ALTER ROLE name ADD MEMBER m | DROP MEMBER m | WITH NAME = n``."""
    return _alter(stream, at_server=False)


@grammar("ALTER SERVER ROLE")
def parse_alter_server_role(stream: TokenStream) -> AlterRole:
    """``ALTER SERVER ROLE name ADD MEMBER m | DROP MEMBER m | WITH NAME = n``."""
    return _alter(stream, at_server=True)


@grammar("DROP ROLE")
def parse_drop_role(stream: TokenStream) -> DropRole:
    """``DROP ROLE [IF EXISTS] name``."""
    return _drop(stream, at_server=False)


@grammar("DROP SERVER ROLE")
def parse_drop_server_role(stream: TokenStream) -> DropRole:
    """``DROP SERVER ROLE [IF EXISTS] name``."""
    return _drop(stream, at_server=True)


@executes(CreateRole)
def create_role(session: Any, statement: CreateRole) -> Iterator[Result]:
    """Make a role. Raises 15247, 15023, 15025, 15151."""
    instance: Instance = session.instance
    now = instance.clock.local()
    if statement.at_server:
        if not has_server(session, "CREATE SERVER ROLE"):
            raise sql_error(15247)
        if instance.principal(statement.name) is not None:
            raise sql_error(15025, statement.name)
        owner_id = session.login.principal_id
        if statement.owner is not None:
            found = instance.principal(statement.owner)
            if found is None:
                raise sql_error(15151, "find", "principal", statement.owner)
            owner_id = found.principal_id
        number = instance.new_principal_id()
        instance.roles.append(ServerRole(number, statement.name, new_sid(), now, now, owner_id))
    else:
        database: Database = session.database
        require_writable(database)
        if not has_database(session, database, "CREATE ROLE"):
            raise sql_error(15247)
        if database.principal(statement.name) is not None:
            raise sql_error(15023, statement.name)
        user = database.user_of(session.login)
        owner_id = user.principal_id if user else 1
        if statement.owner is not None:
            owner = database.principal(statement.owner)
            if owner is None:
                raise sql_error(15151, "find", "user", statement.owner)
            owner_id = owner.principal_id
        database.roles.append(DatabaseRole(database.new_principal_id(), statement.name, now, now, owner_id))
    keep(session)
    yield StatementDone()


@executes(AlterRole)
def alter_role(session: Any, statement: AlterRole) -> Iterator[Result]:
    """Add or drop a member, or rename. Raises 15151, 15405, 15413, 15081, 15023, 15025."""
    change = _alter_server_role if statement.at_server else _alter_database_role
    change(session, statement)
    keep(session)
    yield StatementDone()


def _alter_server_role(session: Any, statement: AlterRole) -> None:
    instance: Instance = session.instance
    role = instance.role(statement.name)
    if role is None or not _may_alter_server_role(session, role):
        raise sql_error(15151, "alter", "server role", statement.name)
    if role.principal_id == PUBLIC_ID:
        raise sql_error(15081)
    if statement.action == "name":
        if role.is_fixed:
            raise sql_error(15150, "alter", "server role", role.name)
        if instance.principal(statement.other) not in {None, role}:
            raise sql_error(15025, statement.other)
        role.name = statement.other
        return
    member = instance.principal(statement.other)
    if member is None or (statement.action == "drop" and member.principal_id not in role.members):
        raise sql_error(15151, statement.action, "principal", statement.other)
    _check_member(member, role, instance.roles)
    if member.principal_id == 1 and role.name == "sysadmin":
        raise sql_error(15405, member.name)
    _change_members(role, statement.action, member.principal_id)


def _may_alter_server_role(session: Any, role: ServerRole) -> bool:
    instance: Instance = session.instance
    if role.is_fixed:
        if instance.is_sysadmin(session.login):
            return True
        is_member = role in instance.roles_of(session.login.principal_id)
        return is_member and has_server(session, "ALTER ANY SERVER ROLE")
    if session.login.principal_id == role.owner_id or has_server(session, "ALTER ANY SERVER ROLE"):
        return True
    return has_server_securable_permission(
        instance, session.login, "ALTER", SERVER_PRINCIPAL, role.principal_id
    )


def _alter_database_role(session: Any, statement: AlterRole) -> None:
    database: Database = session.database
    require_writable(database)
    role = database.role(statement.name)
    if role is None or not _may_alter_role(session, database, role):
        raise sql_error(15151, "alter", "role", statement.name)
    if role.principal_id == 0:
        raise sql_error(15081)
    if statement.action == "name":
        if role.is_fixed:
            raise sql_error(15150, "alter", "role", role.name)
        if database.principal(statement.other) not in {None, role}:
            raise sql_error(15023, statement.other)
        role.name = statement.other
        return
    member = database.principal(statement.other)
    if member is None or (statement.action == "drop" and member.principal_id not in role.members):
        raise sql_error(15151, statement.action, "principal", statement.other)
    if 0 <= member.principal_id <= 4 or getattr(member, "is_fixed", False):
        raise sql_error(15405, member.name)
    _check_member(member, role, database.roles)
    _change_members(role, statement.action, member.principal_id)


def _check_member(member: Any, role: Any, roles: Sequence[Any]) -> None:
    if member is role:
        raise sql_error(15413)
    inside, queue = set(), [member.principal_id]
    while queue:
        outer = queue.pop()
        inside.add(outer)
        found = next((r for r in roles if r.principal_id == outer), None)
        queue += [m for m in (found.members if found else ()) if m not in inside]
    if role.principal_id in inside:
        raise sql_error(15413)


def _change_members(role: Any, action: str, member_id: int) -> None:
    if action == "add":
        role.members.add(member_id)
    else:
        role.members.discard(member_id)


def _may_alter_role(session: Any, database: Database, role: DatabaseRole) -> bool:
    if role.is_fixed:
        return has_database(session, database, "CONTROL")
    if has_database(session, database, "ALTER ANY ROLE"):
        return True
    return has_securable_permission(
        session.login, database, "ALTER", DATABASE_PRINCIPAL, role.principal_id, owner_id=role.owner_id
    )


@executes(DropRole)
def drop_role(session: Any, statement: DropRole) -> Iterator[Result]:
    """Drop an empty role. Raises 15151, 15150, 15144, 15138, 15421."""
    if statement.at_server:
        _drop_server_role(session, statement)
    else:
        _drop_database_role(session, statement)
    keep(session)
    yield StatementDone()


def _drop_server_role(session: Any, statement: DropRole) -> None:
    instance: Instance = session.instance
    role = instance.role(statement.name)
    if role is None and statement.if_exists:
        return
    if role is None or not _may_alter_server_role(session, role):
        raise sql_error(15151, "drop", "server role", statement.name)
    if role.is_fixed:
        raise sql_error(15150, "drop", "server role", role.name)
    if role.members:
        raise sql_error(15144)
    instance.roles.remove(role)
    instance.grants = {g for g in instance.grants if g.grantee_id != role.principal_id}
    for other in instance.roles:
        other.members.discard(role.principal_id)


def _drop_database_role(session: Any, statement: DropRole) -> None:
    database: Database = session.database
    require_writable(database)
    role = database.role(statement.name)
    if role is None and statement.if_exists:
        return
    if role is None or not _may_alter_role(session, database, role):
        raise sql_error(15151, "drop", "role", statement.name)
    if role.is_fixed or role.principal_id == 0:
        raise sql_error(15150, "drop", "role", role.name)
    if role.members:
        raise sql_error(15144)
    remove_principal(database, role.principal_id)
    database.roles.remove(role)


def _two(arguments: Sequence[Argument], first: str, second: str) -> tuple[str, str]:
    named = {a.name.lower(): a.value for a in arguments if a.name}
    plain = [a.value for a in arguments if not a.name]
    values = [named.get(key, plain.pop(0) if plain else None) for key in (first, second)]
    if any(v is None for v in values):
        raise sql_error(201, "sp_addrolemember", first if values[0] is None else second)
    return str(values[0]), str(values[1])


def _member_procedure(name: str, action: str, *, at_server: bool) -> None:
    keys = ("@loginame", "@rolename") if at_server else ("@rolename", "@membername")

    def body(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
        one, two = _two(arguments, *keys)
        role, member = (two, one) if at_server else (one, two)
        with session.undoable():
            yield from alter_role(session, AlterRole(role, action, member, at_server))
        yield ReturnStatus(0)

    procedure(name)(body)


_member_procedure("sp_addrolemember", "add", at_server=False)
_member_procedure("sp_droprolemember", "drop", at_server=False)
_member_procedure("sp_addsrvrolemember", "add", at_server=True)
_member_procedure("sp_dropsrvrolemember", "drop", at_server=True)
