"""CREATE DATABASE, snapshots included."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.collations import find_collation
from simulator.estate.database import Database, new_database_options
from simulator.estate.files import PAGE, DatabaseFile, FileSpec
from simulator.estate.instance import Instance
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, on_off, whole_number, word
from simulator.sql.ddl.filespecs import (
    check_licence,
    check_new_file,
    parse_filespecs,
    path_error,
    room_error,
)
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar

MAX_NAME = 128


@dataclass(frozen=True)
class CreateDatabase:
    """``options`` are those of WITH, by upper-case name."""

    name: str
    containment: str = "NONE"
    data: tuple[FileSpec, ...] = ()
    log: tuple[FileSpec, ...] = ()
    collation: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    snapshot_of: str | None = None


@grammar("CREATE DATABASE")
def parse_create_database(stream: TokenStream) -> CreateDatabase:
    """``CREATE DATABASE name [CONTAINMENT] [ON …] [LOG ON …] [COLLATE c] [WITH …] | [AS SNAPSHOT OF x]``."""
    statement = CreateDatabase(stream.identifier())
    if stream.accept("containment"):
        stream.expect("=")
        statement = replace(statement, containment=_containment(stream))
    if stream.accept("on"):
        statement = replace(statement, data=tuple(_data_files(stream)))
    if stream.accept("log"):
        stream.expect("on")
        statement = replace(statement, log=tuple(parse_filespecs(stream)))
    if stream.accept("collate"):
        statement = replace(statement, collation=stream.collation())
    if stream.accept("as"):
        stream.expect("snapshot", "of")
        statement = replace(statement, snapshot_of=stream.identifier())
    if stream.accept("with"):
        statement = replace(statement, options=_with_options(stream))
    if stream.at("for"):
        raise unknown_tsql("CREATE DATABASE … FOR ATTACH")
    return statement


def _containment(stream: TokenStream) -> str:
    value = word(stream)
    if value not in {"NONE", "PARTIAL"}:
        raise sql_error(102, value)
    return value


def _data_files(stream: TokenStream) -> list[FileSpec]:
    stream.accept("primary")
    found = parse_filespecs(stream)
    while stream.accept(",", "filegroup"):
        group = stream.identifier()
        stream.accept("contains", "filestream")
        stream.accept("default")
        found += parse_filespecs(stream, group)
    return found


def _with_options(stream: TokenStream) -> dict[str, Any]:
    options: dict[str, Any] = {}
    while True:
        name = word(stream)
        if name in {"DB_CHAINING", "TRUSTWORTHY"}:
            options[name] = on_off(stream)
        elif name in {"TWO_DIGIT_YEAR_CUTOFF", "DEFAULT_LANGUAGE", "DEFAULT_FULLTEXT_LANGUAGE"}:
            stream.expect("=")
            options[name] = whole_number(stream)
        else:
            raise unknown_tsql(f"CREATE DATABASE … WITH {name}")
        if not stream.accept(","):
            return options


@executes(CreateDatabase)
def create_database(session: Any, statement: CreateDatabase) -> Iterator[Result]:
    """Make the database.

    Raises 226, 262, 1801, 1803, 1827, 448, 15301, 12824 … and 1802 after a file's own error.
    """
    session.refuse_in_transaction("CREATE DATABASE")
    instance: Instance = session.instance
    if not statement.name.strip():
        raise sql_error(1038, state=4)
    master = instance.databases[0]
    if not has_database(session, master, "CREATE DATABASE"):
        raise sql_error(262, "CREATE DATABASE", "master")
    if instance.find_database(statement.name) is not None:
        raise sql_error(1801, statement.name, state=3)
    database = _snapshot(session, statement) if statement.snapshot_of else _new_database(session, statement)
    instance.databases.append(database)
    for file in database.files:
        kind = "snapshot" if database.is_snapshot else ("log" if file.type == "LOG" else "data")
        instance.disk.put(file.path, file.size * PAGE, kind)
    keep(session)
    yield StatementDone()


def _new_database(session: Any, statement: CreateDatabase) -> Database:
    instance: Instance = session.instance
    collation = _checked_collation(instance, statement.collation)
    if statement.containment == "PARTIAL" and not instance.running.get("contained database authentication"):
        raise sql_error(12824, "create")
    model = instance.databases[2]
    database = Database(
        instance,
        instance.new_database_id(),
        statement.name,
        collation,
        session.login.sid,
        instance.clock.local(),
    )
    database.compatibility_level = model.compatibility_level
    database.recovery_model = model.recovery_model
    # ALTER DATABASE SET options, Microsoft Learn: Express sets AUTO_CLOSE on new databases.
    database.is_auto_close_on = model.is_auto_close_on or instance.spec.edition == "Express"
    database.is_auto_shrink_on, database.page_verify = model.is_auto_shrink_on, model.page_verify
    database.is_read_committed_snapshot_on = model.is_read_committed_snapshot_on
    database.snapshot_isolation, database.options = model.snapshot_isolation, dict(model.options)
    database.options |= new_database_options(instance.major)
    database.containment = statement.containment
    database.is_trustworthy_on = bool(statement.options.get("TRUSTWORTHY", False))
    database.files = _new_files(instance, statement, database)
    check_licence(instance, sum(f.size for f in database.data_files))
    _check_paths(instance, database.files)
    return database


def _checked_collation(instance: Instance, name: str | None) -> str:
    if name is None:
        return instance.collation_name
    found = find_collation(name)
    if found is None:
        raise sql_error(448, name, state=3)
    if found.code_page == 0:
        raise sql_error(15301, found.name, state=5)
    return found.name


def _new_files(instance: Instance, statement: CreateDatabase, database: Database) -> list[DatabaseFile]:
    name, disk, model = statement.name, instance.disk, instance.databases[2]
    if not statement.log and len(name) + len("_log") > MAX_NAME:
        raise sql_error(103, f"{name}_log"[:MAX_NAME], state=4)
    data_specs = list(statement.data) or [FileSpec(name, f"{disk.data_path}{name}.mdf")]
    default_log = FileSpec(f"{name}_log", f"{disk.log_path}{name}_log.ldf")
    if statement.data and not statement.log:
        folder = disk.folder_of(data_specs[0].path or "") or disk.log_path
        stem = (data_specs[0].path or "")[len(folder) :].rpartition(".")[0] or name
        default_log = FileSpec(f"{name}_log", f"{folder}{stem}_log.ldf")
    log_specs = list(statement.log) or [default_log]
    for spec in [*data_specs, *log_specs]:
        if spec.name is None:
            raise sql_error(1036, "NAME", state=2)
        if spec.path is None:
            raise sql_error(1036, "FILENAME", state=2)
    least = model.data_files[0].size
    first = data_specs[0]
    if first.size is not None and first.size < least:
        if first.size < 64:
            raise sql_error(5174)
        raise sql_error(1803, least // 128)
    created = [check_new_file(spec, "ROWS", least=least) for spec in data_specs]
    created += [check_new_file(spec, "LOG", least=model.log_files[0].size) for spec in log_specs]
    for number, file in enumerate(_numbered(created, len(data_specs)), start=1):
        file.file_id = number
    created.sort(key=lambda f: f.file_id)
    seen: set[str] = set()
    for file in created:
        key = database.name_key(file.name)
        if key in seen:
            raise sql_error(1828, file.name, state=3)
        seen.add(key)
    created[0].used = model.data_files[0].used
    created[1].used = 64
    return created


def _numbered(files: list[DatabaseFile], data_count: int) -> list[DatabaseFile]:
    """Files in the order of their ids: primary 1, first log 2, then the rest as listed."""
    primary, log = files[0], files[data_count]
    return [primary, log, *(f for f in files if f is not primary and f is not log)]


def _check_paths(instance: Instance, files: list[DatabaseFile]) -> None:
    seen: set[str] = set()
    for file in files:
        key = instance.disk.key(file.path)
        error: SqlError | None = (
            sql_error(5104, file.path) if key in seen else path_error(instance, file.path)
        )
        seen.add(key)
        if error is not None:
            raise _not_created(error)
    full = room_error(instance, files)
    if full is not None:
        raise _not_created(full)


def _not_created(error: SqlError) -> SqlError:
    error.also = [*error.also, sql_error(1802, state=4)]
    return error


def _snapshot(session: Any, statement: CreateDatabase) -> Database:
    instance: Instance = session.instance
    source = instance.find_database(statement.snapshot_of or "")
    if source is None:
        raise sql_error(911, statement.snapshot_of)
    if source.is_system and source.name != "model":
        raise unknown_tsql("a snapshot of a system database")
    if not source.is_open:
        raise sql_error(1822)
    given = {source.name_key(spec.name or ""): spec for spec in statement.data}
    files: list[DatabaseFile] = []
    for file in source.data_files:
        spec = given.pop(source.name_key(file.name), None)
        if spec is None or spec.path is None:
            raise sql_error(5127, file.name)
        files.append(replace(file, path=spec.path, used=0))
    if given:
        raise sql_error(5114, next(iter(given.values())).name)
    _check_paths(instance, [replace(f, size=16) for f in files])
    snapshot = Database(
        instance, instance.new_database_id(), statement.name, source.collation_name, source.owner_sid,
        instance.clock.local(), files=files, source_database_id=source.database_id, is_read_only=True,
        recovery_model=source.recovery_model, compatibility_level=source.compatibility_level,
        users=list(source.users), roles=list(source.roles), schemas=list(source.schemas),
        grants=set(source.grants),
    )  # fmt: skip
    snapshot.tables = source.tables
    return snapshot
