"""DROP DATABASE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, names_list
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


@dataclass(frozen=True)
class DropDatabase:
    """One or more databases; with ``if_exists`` absent ones are passed over."""

    names: tuple[str, ...]
    if_exists: bool


@grammar("DROP DATABASE")
def parse_drop_database(stream: TokenStream) -> DropDatabase:
    """``DROP DATABASE [IF EXISTS] name, …``."""
    if_exists = stream.accept("if", "exists")
    return DropDatabase(names_list(stream), if_exists)


@executes(DropDatabase)
def drop_database(session: Any, statement: DropDatabase) -> Iterator[Result]:
    """Drop them, in order. Raises 226, 3701, 3708, 3702, 3709 or 3752.

    The files of a database that is offline stay on the disk (Microsoft Learn, "DROP DATABASE").
    """
    session.refuse_in_transaction("DROP DATABASE")
    instance = session.instance
    for name in statement.names:
        database = instance.find_database(name)
        if database is None:
            if statement.if_exists:
                continue
            raise sql_error(3701, "drop", "database", name)
        _check_drop(session, database)
        instance.databases.remove(database)
        for file in database.files:
            if database.state == "OFFLINE":
                instance.disk.put(file.path, file.size * 8192, "left")
            else:
                instance.disk.remove(file.path)
    keep(session)
    yield StatementDone()


def _check_drop(session: Any, database: Database) -> None:
    instance = session.instance
    if database.is_system:
        raise sql_error(3708, "drop", "database", database.name)
    allowed = has_server(session, "ALTER ANY DATABASE") or has_database(session, database, "CONTROL")
    if not allowed:
        raise sql_error(3701, "drop", "database", database.name)
    if database.group_database_id is not None:
        raise sql_error(3752, database.name)
    snapshot = next((d for d in instance.databases if d.source_database_id == database.database_id), None)
    if snapshot is not None:
        raise sql_error(3709, snapshot.name, state=2)
    if instance.sessions_in(database):
        raise sql_error(3702, database.name, state=3)
