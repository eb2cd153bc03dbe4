"""BACKUP DATABASE, BACKUP LOG, RESTORE VERIFYONLY and RESTORE FILELISTONLY.

A backup leaves a file on the simulated volume and rows in msdb; nothing can be restored from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate.access import has_database, unavailable
from simulator.estate.database import Database
from simulator.results import Column, Info, Result, ResultSet, StatementDone
from simulator.sql.ddl.common import info, keep, whole_number
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar
from simulator.sqltypes import BIGINT, BIT, INT, SqlType, nvarchar

_FLAGS = {
    "CHECKSUM", "NO_CHECKSUM", "COMPRESSION", "NO_COMPRESSION", "INIT", "NOINIT", "FORMAT", "NOFORMAT",
    "SKIP",
    "NOSKIP", "COPY_ONLY", "DIFFERENTIAL", "STOP_ON_ERROR", "CONTINUE_AFTER_ERROR", "NOREWIND", "NOUNLOAD",
    "REWIND", "UNLOAD", "STATS", "LOADHISTORY",
}  # fmt: skip
_NUMBERS = {"STATS", "RETAINDAYS", "BLOCKSIZE", "BUFFERCOUNT", "MAXTRANSFERSIZE", "FILE"}
_TEXTS = {"NAME", "DESCRIPTION", "MEDIANAME", "MEDIADESCRIPTION", "MEDIAPASSWORD"}
_WITHOUT_COMPRESSION = {"Express", "Web"}  # Microsoft Learn, "Editions and supported features"
_MISSING = "2(The system cannot find the file specified.)"


@dataclass(frozen=True)
class Backup:
    """``kind``: "DATABASE" or "LOG"; ``paths``: the DISK devices."""

    kind: str
    database: str
    paths: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RestoreInfo:
    """RESTORE VERIFYONLY or FILELISTONLY."""

    kind: str
    path: str


def _devices(stream: TokenStream) -> tuple[str, ...]:
    found = []
    while True:
        if stream.at("url"):
            raise unknown_tsql("backups TO URL")
        stream.expect("disk", "=")
        found.append(stream.string())
        if not stream.accept(","):
            return tuple(found)


def _options(stream: TokenStream) -> dict[str, Any]:
    options: dict[str, Any] = {}
    while True:
        token = stream.next()
        name = token.text.upper()
        if name in _NUMBERS and stream.accept("="):
            options[name] = whole_number(stream)
        elif name in _TEXTS:
            stream.expect("=")
            options[name] = stream.string()
        elif name in _FLAGS:
            options[name] = True
        else:
            raise unknown_tsql(f"BACKUP or RESTORE WITH {name}")
        if not stream.accept(","):
            return options


def _backup(stream: TokenStream, kind: str) -> Backup:
    name = stream.identifier()
    stream.expect("to")
    paths = _devices(stream)
    options = _options(stream) if stream.accept("with") else {}
    return Backup(kind, name, paths, options)


@grammar("BACKUP DATABASE")
def parse_backup_database(stream: TokenStream) -> Backup:
    """``BACKUP DATABASE name TO DISK = … [WITH …]``."""
    return _backup(stream, "DATABASE")


@grammar("BACKUP LOG")
def parse_backup_log(stream: TokenStream) -> Backup:
    """``BACKUP LOG name TO DISK = … [WITH …]``."""
    return _backup(stream, "LOG")


def _restore(stream: TokenStream, kind: str) -> RestoreInfo:
    stream.expect("from")
    paths = _devices(stream)
    if stream.accept("with"):
        _options(stream)
    return RestoreInfo(kind, paths[0])


@grammar("RESTORE VERIFYONLY")
def parse_verify(stream: TokenStream) -> RestoreInfo:
    """``RESTORE VERIFYONLY FROM DISK = …``."""
    return _restore(stream, "VERIFYONLY")


@grammar("RESTORE FILELISTONLY")
def parse_file_list(stream: TokenStream) -> RestoreInfo:
    """``RESTORE FILELISTONLY FROM DISK = …``."""
    return _restore(stream, "FILELISTONLY")


def _ended(error: SqlError, statement: str) -> SqlError:
    error.also = [*error.also, sql_error(3013, statement)]
    return error


@executes(Backup)
def backup(session: Any, statement: Backup) -> Iterator[Result]:
    """Back up. Raises 3021, 911, 262, 942, 4208, 4214, 3201, 3202, 1844 – with 3013 behind them."""
    words = f"BACKUP {statement.kind}"
    if session.transaction_count:
        raise _ended(sql_error(3021), words)
    instance = session.instance
    database: Database | None = instance.find_database(statement.database)
    if database is None:
        raise _ended(sql_error(911, statement.database), words)
    if not has_database(session, database, words):
        raise _ended(sql_error(262, words, database.name), words)
    closed = unavailable(database)
    if closed is not None:
        raise _ended(closed, words)
    if statement.kind == "LOG":
        if database.recovery_model == "SIMPLE":
            raise _ended(sql_error(4208, words), words)
        if database.last_log_backup_lsn is None:
            raise _ended(sql_error(4214), words)
    edition = instance.spec.edition
    if statement.options.get("COMPRESSION") and edition in _WITHOUT_COMPRESSION:
        raise _ended(sql_error(1844, f"{words} WITH COMPRESSION", f"{edition} Edition (64-bit)"), words)
    pages = _pages(database, statement)
    for path in statement.paths:
        problem = _device_problem(instance, path, pages * 8192 // len(statement.paths))
        if problem is not None:
            raise _ended(problem, words)
    _record(session, database, statement, pages)
    keep(session)
    yield from _messages(database, statement, pages)
    yield StatementDone()


def _pages(database: Database, statement: Backup) -> int:
    if statement.kind == "LOG":
        return max(2, int(sum(f.used for f in database.log_files)))
    return max(16, int(sum(f.used for f in database.data_files)))


def _device_problem(instance: Any, path: str, size: int) -> SqlError | None:
    if path.upper() == "NUL":
        return None
    disk = instance.disk
    full = path if disk.is_absolute(path) else disk.backup_path + path
    if not disk.has_folder(disk.folder_of(full)):
        missing = "3(The system cannot find the path specified.)" if instance.is_windows else _MISSING
        return sql_error(3201, full, missing)
    if not disk.has_room(full, size):
        return sql_error(3202, full, "112(There is not enough space on the disk.)")
    disk.put(full, size, "backup")
    return None


def _record(session: Any, database: Database, statement: Backup, pages: int) -> None:
    instance, now = session.instance, session.instance.clock.local()
    first = database.lsn
    database.lsn += 1000
    kind = "L" if statement.kind == "LOG" else "I" if statement.options.get("DIFFERENTIAL") else "D"
    copy_only = bool(statement.options.get("COPY_ONLY"))
    instance.backups.append(
        {
            "id": len(instance.backups) + 1, "uuid": str(uuid4()), "database": database.name, "type": kind,
            "start": now, "finish": now, "size": pages * 8192, "copy_only": copy_only,
            "first_lsn": first, "last_lsn": database.lsn, "checkpoint_lsn": first,
            "recovery_model": database.recovery_model, "user": session.login.name,
            "checksum": bool(statement.options.get("CHECKSUM")), "devices": list(statement.paths),
            "created": database.created, "name": statement.options.get("NAME"),
            "files": [(f.name, f.path,
            "L" if f.type == "LOG" else "D", f.size * 8192, f.file_id) for f in database.files],
        }
    )  # fmt: skip
    if kind == "D" and not copy_only:
        database.last_full_backup = now
        if database.recovery_model != "SIMPLE":
            database.last_log_backup_lsn = database.lsn
    if kind == "L" and not copy_only:
        database.last_log_backup_lsn = database.lsn
        for file in database.log_files:
            file.used = min(file.used, 64)


def _messages(database: Database, statement: Backup, pages: int) -> list[Info]:
    found: list[Info] = []
    step = statement.options.get("STATS")
    if step:
        percent = 10 if step is True else max(1, min(100, int(step)))
        done = [*range(percent, 100, percent), 100]
        found += [Info(3211, 10, 1, f"{p} percent processed.") for p in done]
    files = database.log_files if statement.kind == "LOG" else database.data_files
    found += [info(4035, pages, database.name, f.name, 1) for f in files[:1]]
    return [*found, info(3014, f"BACKUP {statement.kind}", pages, "0.010", f"{pages * 0.78:.3f}")]


@executes(RestoreInfo)
def restore_info(session: Any, statement: RestoreInfo) -> Iterator[Result]:
    """Look at a backup file. Raises 3201 or 3241 with 3013 behind them."""
    words = f"RESTORE {statement.kind}" if statement.kind == "FILELISTONLY" else "VERIFY DATABASE"
    instance = session.instance
    disk = instance.disk
    path = statement.path if disk.is_absolute(statement.path) else disk.backup_path + statement.path
    found = disk.files.get(disk.key(path))
    if found is None:
        raise _ended(sql_error(3201, path, _MISSING), words)
    if found.kind != "backup":
        raise _ended(sql_error(3241, path), words)
    entry = next((b for b in reversed(instance.backups) if statement.path in b["devices"]), None)
    if statement.kind == "VERIFYONLY" or entry is None:
        yield info(3262, 1)
    else:
        yield ResultSet(_FILE_LIST, [_file_row(*f) for f in entry["files"]])
    yield StatementDone()


_FILE_LIST = (
    Column("LogicalName", nvarchar(128)),
    Column("PhysicalName", nvarchar(260)),
    Column("Type", SqlType("char", 1)),
    Column("FileGroupName", nvarchar(128)),
    Column("Size", BIGINT),
    Column("MaxSize", BIGINT),
    Column("FileId", BIGINT),
    Column("IsReadOnly", BIT),
    Column("IsPresent", BIT),
    Column("BackupSizeInBytes", BIGINT),
    Column("SourceBlockSize", INT),
)


def _file_row(name: str, path: str, kind: str, size: int, file_id: int) -> tuple[Any, ...]:
    group = "PRIMARY" if kind == "D" else None
    return (name, path, kind, group, size, 35_184_372_080_640, file_id, 0, 1, size, 4096)
