"""ALTER DATABASE: its grammar, and renaming and collation. Files and SET options have files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database, has_server
from simulator.estate.collations import find_collation
from simulator.estate.database import Database
from simulator.estate.files import FileSpec
from simulator.results import Info, Result, StatementDone
from simulator.sql.ddl.common import alter_failed, info, keep
from simulator.sql.ddl.database_options import SetOptions, parse_set
from simulator.sql.ddl.filespecs import parse_filespec, parse_filespecs
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


@dataclass(frozen=True)
class RenameDatabase:
    """ALTER DATABASE … MODIFY NAME. ``name`` None: the current database."""

    name: str | None
    new_name: str


@dataclass(frozen=True)
class CollateDatabase:
    """ALTER DATABASE … COLLATE."""

    name: str | None
    collation: str


@dataclass(frozen=True)
class ModifyFile:
    """ALTER DATABASE … MODIFY FILE."""

    name: str | None
    file: FileSpec


@dataclass(frozen=True)
class AddFiles:
    """ALTER DATABASE … ADD FILE or ADD LOG FILE."""

    name: str | None
    files: tuple[FileSpec, ...]
    type: str
    filegroup: str


@dataclass(frozen=True)
class RemoveFile:
    """ALTER DATABASE … REMOVE FILE."""

    name: str | None
    file: str


AlterDatabase = RenameDatabase | CollateDatabase | ModifyFile | AddFiles | RemoveFile | SetOptions


@grammar("ALTER DATABASE")
def parse_alter_database(stream: TokenStream) -> AlterDatabase:  # noqa: PLR0911 - one per clause
    """``ALTER DATABASE name|CURRENT MODIFY NAME|COLLATE|MODIFY FILE|ADD FILE|REMOVE FILE|SET …``."""
    name = None if stream.accept("current") else stream.identifier()
    if stream.accept("modify", "name"):
        stream.expect("=")
        return RenameDatabase(name, stream.identifier())
    if stream.accept("collate"):
        return CollateDatabase(name, stream.collation())
    if stream.accept("modify", "file"):
        return ModifyFile(name, parse_filespec(stream))
    if stream.accept("add", "log", "file"):
        return AddFiles(name, tuple(parse_filespecs(stream)), "LOG", "PRIMARY")
    if stream.accept("add", "file"):
        files = tuple(parse_filespecs(stream))
        group = "PRIMARY"
        if stream.accept("to", "filegroup"):
            group = stream.identifier()
        return AddFiles(name, files, "ROWS", group)
    if stream.accept("remove", "file"):
        return RemoveFile(name, stream.identifier())
    if stream.accept("set"):
        return parse_set(stream, name)
    token = stream.peek()
    if token is not None and token.lower in {"add", "remove", "modify", "scoped", "perform"}:
        raise unknown_tsql(f"ALTER DATABASE … {token.text.upper()}")
    raise stream.fail(token)


def target(session: Any, name: str | None) -> Database:
    """The database that ALTER DATABASE names, for a session that may alter it. Raises 226, 5011."""
    session.refuse_in_transaction("ALTER DATABASE")
    database = session.database if name is None else session.instance.find_database(name)
    if database is None or not may_alter(session, database):
        raise alter_failed(sql_error(5011, name or session.database.name, state=5))
    found: Database = database
    return found


def may_alter(session: Any, database: Database) -> bool:
    """ALTER on the database, which ALTER ANY DATABASE implies."""
    return has_server(session, "ALTER ANY DATABASE") or has_database(session, database, "ALTER")


@executes(RenameDatabase)
def rename_database(session: Any, statement: RenameDatabase) -> Iterator[Result]:
    """Rename. Raises 5011, 5016, 1801, 5030 while others use it, 5093, 957."""
    database = target(session, statement.name)
    instance = session.instance
    if database.is_system:
        raise sql_error(5016, database.name)
    if database.is_snapshot:
        raise alter_failed(sql_error(5093))
    if database.group_database_id is not None:
        raise sql_error(957, database.name)
    other = instance.find_database(statement.new_name)
    if other is not None and other is not database:
        raise sql_error(1801, statement.new_name, state=3)
    if not statement.new_name.strip():
        raise sql_error(1038, state=4)
    if instance.sessions_in(database, but=session):
        raise alter_failed(sql_error(5030, state=2))
    database.name = statement.new_name
    keep(session)
    yield Info(5021, 10, 1, f"The database name '{database.name}' has been set.")
    yield StatementDone()


@executes(CollateDatabase)
def collate_database(session: Any, statement: CollateDatabase) -> Iterator[Result]:
    """Change the default collation. Raises 448, 15301, 5072, 5073, 5030."""
    database = target(session, statement.name)
    found = find_collation(statement.collation)
    if found is None:
        raise sql_error(448, statement.collation, state=3)
    if found.code_page == 0:
        raise sql_error(15301, found.name, state=5)
    if database.is_system:
        raise alter_failed(sql_error(5072, database.name, found.name))
    if not database.is_open or database.is_read_only:
        raise alter_failed(sql_error(5073, database.name))
    if session.instance.sessions_in(database, but=session):
        raise alter_failed(sql_error(5030, state=2))
    database.collation_name = found.name
    keep(session)
    yield StatementDone()


__all__ = ["AlterDatabase", "info", "may_alter", "target"]
