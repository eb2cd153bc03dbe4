"""CREATE TRIGGER … ON DATABASE: who may is decided, the trigger itself is not known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.results import Result
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


@dataclass(frozen=True)
class CreateDatabaseTrigger:
    """A DDL trigger of the current database; events and body are not kept."""

    name: str


@grammar("CREATE TRIGGER")
def parse_create_trigger(stream: TokenStream) -> CreateDatabaseTrigger:
    """``CREATE TRIGGER t ON DATABASE …`` to the end of the batch, which is the body.

    Raises 59999 for triggers on tables, views and the server.
    """
    name = stream.name()
    if len(name) != 1 or not stream.accept("on", "database"):
        raise unknown_tsql("CREATE TRIGGER other than ON DATABASE")
    while stream.peek() is not None:
        stream.next()
    return CreateDatabaseTrigger(name[0])


@executes(CreateDatabaseTrigger)
def create_database_trigger(session: Any, statement: CreateDatabaseTrigger) -> Iterator[Result]:
    """Refuse who lacks the right (1088), everybody else with 59999: no trigger is ever made.

    The right is ALTER ANY DATABASE DDL TRIGGER (Microsoft Learn, "CREATE TRIGGER", Permissions). Which number
    a server answers without it is not documented there and was not verified; 1088 is chosen because it is
    the one for an object that cannot be found or must not be changed.
    """
    if not has_database(session, session.database, "ALTER ANY DATABASE DDL TRIGGER"):
        raise sql_error(1088, "DATABASE")
    raise unknown_tsql(f"CREATE TRIGGER {statement.name} ON DATABASE")
