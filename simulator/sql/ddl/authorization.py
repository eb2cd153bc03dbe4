"""ALTER AUTHORIZATION: new owners for databases, and for what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.estate.permission_names import SERVER_PRINCIPAL
from simulator.estate.permissions import has_server_securable_permission
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, require_writable
from simulator.sql.ddl.securables import KINDS
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


@dataclass(frozen=True)
class AlterAuthorization:
    """``kind``: "database", "schema", "role" or one of securables.KINDS."""

    kind: str
    name: str
    owner: str


@grammar("ALTER AUTHORIZATION ON")
def parse_alter_authorization(stream: TokenStream) -> AlterAuthorization:
    """``ALTER AUTHORIZATION ON DATABASE|SCHEMA|ROLE|CERTIFICATE|…::name TO principal``."""
    for kind in ("database", "schema", "role", *KINDS):
        if stream.accept(*kind.split(), "::"):
            name = stream.identifier()
            stream.expect("to")
            return AlterAuthorization(kind, name, stream.identifier())
    raise unknown_tsql("ALTER AUTHORIZATION on this class")


@executes(AlterAuthorization)
def alter_authorization(session: Any, statement: AlterAuthorization) -> Iterator[Result]:
    """Change the owner. Raises 15151, 15110, 5011, 3906."""
    if statement.kind == "database":
        _own_database(session, statement)
    else:
        _own_inside(session, statement)
    keep(session)
    yield StatementDone()


def _own_database(session: Any, statement: AlterAuthorization) -> None:
    instance = session.instance
    database: Database | None = instance.find_database(statement.name)
    if database is None or not has_database(session, database, "TAKE OWNERSHIP"):
        raise sql_error(15151, "find", "database", statement.name)
    login = instance.login(statement.owner)
    if login is None or not _may_impersonate(session, login):
        raise sql_error(15151, "find", "principal", statement.owner)
    if database.is_system:
        raise sql_error(15151, "find", "database", statement.name)
    if any(u.sid == login.sid for u in database.users[1:]):
        raise sql_error(15110)
    require_writable(database)
    database.owner_sid = login.sid
    database.users[0].sid = login.sid


def _may_impersonate(session: Any, login: Any) -> bool:
    if login is session.login or has_server(session, "IMPERSONATE ANY LOGIN"):
        return True
    instance = session.instance
    return has_server_securable_permission(
        instance, session.login, "IMPERSONATE", SERVER_PRINCIPAL, login.principal_id
    )


def _own_inside(session: Any, statement: AlterAuthorization) -> None:
    database: Database = session.database
    require_writable(database)
    thing: Any = database.securable(statement.kind, statement.name)
    if statement.kind in {"schema", "role"}:
        thing = getattr(database, statement.kind)(statement.name)
    if thing is None or not has_database(session, database, "CONTROL"):
        raise sql_error(15151, "find", statement.kind, statement.name)
    owner = database.principal(statement.owner)
    if owner is None:
        raise sql_error(15151, "find", "principal", statement.owner)
    thing.owner_id = owner.principal_id
