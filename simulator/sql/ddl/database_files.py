"""ALTER DATABASE … MODIFY FILE, ADD FILE, REMOVE FILE, and DBCC SHRINKFILE."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.estate.files import (
    MAX_DATA_PAGES,
    MAX_LOG_PAGES,
    PAGE,
    UNLIMITED,
    DatabaseFile,
    FileSpec,
)
from simulator.results import Column, Info, Result, ResultSet, StatementDone
from simulator.sql.ddl.alter_database import AddFiles, ModifyFile, RemoveFile, target
from simulator.sql.ddl.common import alter_failed, info, keep, name_or_string, require_writable, whole_number
from simulator.sql.ddl.filespecs import check_licence, check_new_file, path_error, room_error
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar
from simulator.sqltypes import INT, SMALLINT


def _check_state(database: Database) -> None:
    if database.state == "RESTORING":
        raise alter_failed(sql_error(5052, "ALTER DATABASE", "RESTORING"))
    if database.is_snapshot:
        raise alter_failed(sql_error(5093))
    if database.is_read_only:
        raise sql_error(5004)


@executes(ModifyFile)
def modify_file(session: Any, statement: ModifyFile) -> Iterator[Result]:
    """Change properties of a file. Raises 5036, 5038, 5039, 5040, 5041, 5149, 5169, 1827.

    The page says one property per statement; servers take several of SIZE, MAXSIZE, FILEGROWTH and NEWNAME,
    all or none of them. With FILENAME the simulator takes no other (59999).
    """
    database, spec = target(session, statement.name), statement.file
    if spec.name is None:
        raise sql_error(5036)
    properties = [option for option in spec.given if option != "name"]
    if not properties:
        raise sql_error(5038, spec.name)
    file = database.file(spec.name)
    if file is None:
        raise sql_error(5041, spec.name)
    _check_state(database)
    if not database.is_open and properties != ["filename"]:
        raise alter_failed(sql_error(5052, "ALTER DATABASE", database.state))
    for each in properties:
        if each not in _CHANGES or (each == "filename" and len(properties) > 1):
            raise unknown_tsql(f"MODIFY FILE ( {', '.join(properties).upper()} )")
    messages = _change_all(database, file, spec, properties)
    keep(session)
    yield from messages
    yield StatementDone()


def _change_all(database: Database, file: DatabaseFile, spec: FileSpec, properties: list[str]) -> list[Info]:
    """Growth and maximum are compared as they will be, and the size with the maximum that will be."""
    before = (file.name, file.max_size, file.growth, file.is_percent_growth)
    if {"filegrowth", "maxsize"} <= set(properties):
        file.growth, file.is_percent_growth = spec.growth or 0, spec.is_percent_growth
        properties = [each for each in properties if each != "filegrowth"]
    messages: list[Info] = []
    try:
        for each in sorted(properties, key=list(_CHANGES).index):
            messages += _CHANGES[each](database, file, spec)
    except SqlError:
        file.name, file.max_size, file.growth, file.is_percent_growth = before
        raise
    return messages


def _ceiling(file: DatabaseFile) -> int:
    return MAX_LOG_PAGES if file.type == "LOG" else MAX_DATA_PAGES


def _change_size(database: Database, file: DatabaseFile, spec: FileSpec) -> list[Info]:
    size = spec.size or 0
    if size <= file.size:
        raise sql_error(5039)
    if size > _ceiling(file):
        raise sql_error(1842)
    if file.max_size not in {UNLIMITED, 0} and size > file.max_size:
        raise sql_error(5040)
    if file.type == "ROWS":
        check_licence(database.instance, sum(f.size for f in database.data_files) + size - file.size)
    database.resize(file, size)
    return []


def _change_max(_database: Database, file: DatabaseFile, spec: FileSpec) -> list[Info]:
    limit = spec.max_size if spec.max_size is not None else UNLIMITED
    if limit == UNLIMITED:
        file.max_size = MAX_LOG_PAGES if file.type == "LOG" else UNLIMITED
        return []
    if limit > _ceiling(file):
        raise sql_error(1842)
    if limit < file.size:
        raise sql_error(5040)
    if not file.is_percent_growth and file.growth > limit:
        raise sql_error(5169, file.name)
    file.max_size = limit
    return []


def _change_growth(_database: Database, file: DatabaseFile, spec: FileSpec) -> list[Info]:
    growth = spec.growth or 0
    if not spec.is_percent_growth and file.max_size not in {UNLIMITED, 0} and growth > file.max_size:
        raise sql_error(5169, file.name)
    file.growth, file.is_percent_growth = growth, spec.is_percent_growth
    return []


def _change_name(database: Database, file: DatabaseFile, spec: FileSpec) -> list[Info]:
    new = spec.new_name or ""
    other = database.file(new)
    if other is not None and other is not file:
        raise sql_error(1828, new)
    file.name = new
    return [info(5021, "file", new)]


def _change_path(database: Database, file: DatabaseFile, spec: FileSpec) -> list[Info]:
    path = spec.path or ""
    disk = database.instance.disk
    if not disk.is_absolute(path):
        raise sql_error(5105, path)
    if not disk.has_folder(disk.folder_of(path)):
        raise sql_error(5133, path, "2(The system cannot find the file specified.)")
    raise unknown_tsql("MODIFY FILE ( FILENAME ): moving files is not simulated")


_CHANGES = {  # in the order in which they are carried out: what cannot be taken back comes last
    "newname": _change_name,
    "filegrowth": _change_growth,
    "maxsize": _change_max,
    "size": _change_size,
    "filename": _change_path,
}


@executes(AddFiles)
def add_files(session: Any, statement: AddFiles) -> Iterator[Result]:
    """Add files. Raises 1036, 1828, 5013, 5149, 5169, 5170, 1827."""
    database = target(session, statement.name)
    if database.name in {"master", "model"}:
        raise sql_error(5013)
    _check_state(database)
    if statement.filegroup.upper() != "PRIMARY":
        raise unknown_tsql("ADD FILE … TO FILEGROUP other than PRIMARY")
    instance = database.instance
    created: list[DatabaseFile] = []
    for spec in statement.files:
        for value, option in ((spec.name, "NAME"), (spec.path, "FILENAME")):
            if value is None:
                raise sql_error(1036, option, state=2)
        file = check_new_file(spec, statement.type, least=1024)
        if database.file(file.name) is not None or any(
            database.same_name(f.name, file.name) for f in created
        ):
            raise sql_error(1828, file.name, state=4)
        problem: SqlError | None = path_error(instance, file.path)
        if problem is not None:
            raise problem
        created.append(file)
    full = room_error(instance, created)
    if full is not None:
        raise full
    if statement.type == "ROWS":
        check_licence(instance, sum(f.size for f in [*database.data_files, *created]))
    for file in created:
        file.file_id = max(f.file_id for f in database.files) + 1
        database.files.append(file)
        instance.disk.put(file.path, file.size * PAGE, "log" if file.type == "LOG" else "data")
    keep(session)
    yield StatementDone()


@executes(RemoveFile)
def remove_file(session: Any, statement: RemoveFile) -> Iterator[Result]:
    """Remove an empty file. Raises 5009, 5020, 5042."""
    database = target(session, statement.name)
    _check_state(database)
    file = database.file(statement.file)
    if file is None:
        raise sql_error(5009)
    if file.file_id in {1, 2}:
        raise sql_error(5020)
    if file.used:
        raise sql_error(5042, "file", file.name)
    database.files.remove(file)
    database.instance.disk.remove(file.path)
    keep(session)
    yield info(5044, "file", file.name)
    yield StatementDone()


@dataclass(frozen=True)
class ShrinkFile:
    """DBCC SHRINKFILE: ``file`` by name or id, ``target_mib`` None or 0: as small as it goes."""

    file: str | int
    target_mib: int | None
    no_infomsgs: bool


@grammar("DBCC SHRINKFILE")
def parse_shrinkfile(stream: TokenStream) -> ShrinkFile:
    """``DBCC SHRINKFILE ( name|id [, target MB] [, TRUNCATEONLY] ) [WITH NO_INFOMSGS]``."""
    stream.expect("(")
    token = stream.peek()
    file = whole_number(stream) if token is not None and token.kind == "number" else name_or_string(stream)
    size: int | None = None
    while stream.accept(","):
        if not stream.accept("truncateonly") and not stream.accept("notruncate"):
            size = whole_number(stream)
    stream.expect(")")
    quiet = stream.accept("with", "no_infomsgs")
    return ShrinkFile(file, size, quiet)


_SHRINK_COLUMNS = (
    Column("DbId", SMALLINT),
    Column("FileId", INT),
    Column("CurrentSize", INT),
    Column("MinimumSize", INT),
    Column("UsedPages", INT),
    Column("EstimatedPages", INT),
)


@executes(ShrinkFile)
def shrink_file(session: Any, statement: ShrinkFile) -> Iterator[Result]:
    """Shrink a file of the current database, never below what is used. Raises 8985, 15247, 3906."""
    database: Database = session.database
    if not has_database(session, database, "CONTROL"):
        raise sql_error(15247)
    require_writable(database)
    wanted = statement.file
    file = next((f for f in database.files if f.file_id == wanted), None) if isinstance(wanted, int) else None
    if isinstance(wanted, str):
        file = database.file(wanted)
    if file is None:
        raise sql_error(8985, wanted, database.name)
    used = max(64, math.ceil(file.used / 8) * 8)
    pages = max(used, (statement.target_mib or 0) * 128)
    if pages < file.size:
        database.resize(file, pages)
        keep(session)
    row = (database.database_id, file.file_id, file.size, 1024, used, used)
    yield ResultSet(_SHRINK_COLUMNS, [row])
    if not statement.no_infomsgs:
        text = "DBCC execution completed. If DBCC printed error messages, contact your system administrator."
        yield Info(2528, 10, 1, text)
    yield StatementDone()
