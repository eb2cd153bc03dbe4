"""CREATE and DROP of what is owned besides schemas and roles: certificates, keys, Service Broker's things.

Only that they are there, and whose: nothing can be encrypted or sent with them. Each has the shortest
clauses of its page on Microsoft Learn ("CREATE CERTIFICATE", "CREATE MESSAGE TYPE" …); others are 59999.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.estate.principals import Securable
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, require_writable, word
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar

FIRST_ID = 65536  # of Service Broker's things that users make; certificates and keys count from 256


@dataclass(frozen=True)
class CreateSecurable:
    """``kind`` in lower case, as errors name it."""

    kind: str
    name: str
    owner: str | None


@dataclass(frozen=True)
class DropSecurable:
    """DROP of one."""

    kind: str
    name: str


def _password(stream: TokenStream) -> None:
    stream.expect("encryption", "by", "password", "=")
    stream.string()


def _certificate(stream: TokenStream) -> None:
    if stream.at("encryption"):
        _password(stream)
    stream.expect("with", "subject", "=")
    stream.string()


def _key(stream: TokenStream) -> None:
    stream.expect("with", "algorithm", "=")
    word(stream)
    _password(stream)


def _message_type(stream: TokenStream) -> None:
    if stream.accept("validation", "="):
        stream.expect("none")


def _contract(stream: TokenStream) -> None:
    stream.expect("(")
    stream.identifier()
    stream.expect("sent", "by", "any", ")")


def _route(stream: TokenStream) -> None:
    stream.expect("with", "address", "=")
    stream.string()


def _nothing(_stream: TokenStream) -> None:
    """The name and its owner are all."""


# The permission that CREATE asks for, and the clauses behind the owner.
KINDS: dict[str, tuple[str, Callable[[TokenStream], None]]] = {
    "certificate": ("CREATE CERTIFICATE", _certificate),
    "asymmetric key": ("CREATE ASYMMETRIC KEY", _key),
    "symmetric key": ("CREATE SYMMETRIC KEY", _key),
    "message type": ("CREATE MESSAGE TYPE", _message_type),
    "contract": ("CREATE CONTRACT", _contract),
    "route": ("CREATE ROUTE", _route),
    "fulltext catalog": ("CREATE FULLTEXT CATALOG", _nothing),
}


def _grammars(kind: str) -> None:
    clauses = KINDS[kind][1]

    def create(stream: TokenStream) -> CreateSecurable:
        name = stream.identifier()
        owner = stream.identifier() if stream.accept("authorization") else None
        clauses(stream)
        if not stream.end_of_statement():
            raise unknown_tsql(f"CREATE {kind.upper()} with further clauses")
        return CreateSecurable(kind, name, owner)

    def drop(stream: TokenStream) -> DropSecurable:
        return DropSecurable(kind, stream.identifier())

    grammar(f"CREATE {kind.upper()}")(create)
    grammar(f"DROP {kind.upper()}")(drop)


for _kind in KINDS:
    _grammars(_kind)


@executes(CreateSecurable)
def create_securable(session: Any, statement: CreateSecurable) -> Iterator[Result]:
    """Make one. Raises 262, 15151, 15232, 3906."""
    database: Database = session.database
    require_writable(database)
    if not has_database(session, database, KINDS[statement.kind][0]):
        raise sql_error(262, KINDS[statement.kind][0], database.name)
    if database.securable(statement.kind, statement.name) is not None:
        if statement.kind == "certificate":
            raise sql_error(15232, statement.name)
        raise unknown_tsql(f"CREATE {statement.kind.upper()} of a name that is taken")
    mine = database.user_of(session.login)
    owner = mine if statement.owner is None else database.principal(statement.owner)
    if owner is None:
        raise sql_error(15151, "find", "principal", statement.owner)
    used = [each.securable_id for each in database.securables]
    database.securables.append(
        Securable(statement.kind, max(used, default=FIRST_ID - 1) + 1, statement.name, owner.principal_id)
    )
    keep(session)
    yield StatementDone()


@executes(DropSecurable)
def drop_securable(session: Any, statement: DropSecurable) -> Iterator[Result]:
    """Drop one. Raises 15151, 3906."""
    database: Database = session.database
    require_writable(database)
    found = database.securable(statement.kind, statement.name)
    if found is None or not owns(session, database, found):
        raise sql_error(15151, "drop", statement.kind, statement.name)
    database.securables.remove(found)
    keep(session)
    yield StatementDone()


def owns(session: Any, database: Database, found: Securable) -> bool:
    """Whether the session is the owner, or controls the database."""
    mine = database.user_of(session.login)
    return (mine is not None and mine.principal_id == found.owner_id) or has_database(
        session, database, "CONTROL"
    )
