"""Procedures and DBCC statements about files and space: sp_helpfile, sp_spaceused, DBCC SQLPERF …"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_database, has_server, require_server_state
from simulator.estate.database import Database
from simulator.estate.files import UNLIMITED, DatabaseFile
from simulator.results import Info, Result, ResultSet, ReturnStatus, StatementDone
from simulator.sql.catalog.common import columns
from simulator.sql.catalog.security_procedures import first_text
from simulator.sql.ddl.common import name_or_string
from simulator.sql.ddl.objects import object_named
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import Argument, executes, grammar, procedure

FILE_COLUMNS = columns(
    "name:sysname fileid:smallint? filename:nchar(260)? filegroup:sysname? size:nvarchar(18)? "
    "maxsize:nvarchar(18)? growth:nvarchar(18)? usage:varchar(9)?"
)
_COMPLETED = "DBCC execution completed. If DBCC printed error messages, contact your system administrator."


def file_row(file: DatabaseFile) -> tuple[Any, ...]:
    """A file as sp_helpfile and sp_helpdb show it, sizes in KB."""
    is_log = file.type == "LOG"
    limit = "Unlimited" if file.max_size == UNLIMITED else f"{file.max_size * 8} KB"
    growth = f"{file.growth}%" if file.is_percent_growth else f"{file.growth * 8} KB"
    return (
        file.name, file.file_id, file.path, None if is_log else file.filegroup, f"{file.size * 8} KB", limit,
        growth, "log only" if is_log else "data only",
    )  # fmt: skip


@procedure("sp_helpfile")
def sp_helpfile(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Files of the current database. Raises 15325 for a name that none of them has."""
    database: Database = session.database
    wanted = first_text(arguments)
    files = [f for f in database.files if wanted is None or database.same_name(f.name, wanted)]
    if not files:
        raise sql_error(15325, database.name, "file", wanted)
    yield ResultSet(FILE_COLUMNS, [file_row(f) for f in files])
    yield ReturnStatus(0)


@procedure("sp_helpfilegroup")
def sp_helpfilegroup(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """Filegroups of the current database with the number of their files."""
    names = dict.fromkeys(f.filegroup for f in session.database.data_files)
    found = [
        (name, number, sum(f.filegroup == name for f in session.database.data_files))
        for number, name in enumerate(names, 1)
    ]
    yield ResultSet(columns("groupname:sysname groupid:smallint filecount:int"), found)
    yield ReturnStatus(0)


@procedure("sp_spaceused")
def sp_spaceused(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Space of the current database, or of a table in it. Raises 15009."""
    database: Database = session.database
    wanted = first_text(arguments)
    if wanted is not None:
        table = object_named(session, database, TokenStream(wanted).name())
        if table is None:
            raise sql_error(15009, wanted, database.name)
        kib = f"{int(table.used_kib)} KB"
        yield ResultSet(
            columns(
                "name:sysname rows:char(20) reserved:varchar(18) data:varchar(18) index_size:varchar(18) "
                "unused:varchar(18)"
            ),
            [(table.name, str(len(table.rows)).ljust(20), kib, kib, "0 KB", "0 KB")],
        )
        yield ReturnStatus(0)
        return
    pages = sum(f.size for f in database.files)
    data = sum(f.size for f in database.data_files)
    used = int(sum(f.used for f in database.data_files))
    yield ResultSet(
        columns("database_name:sysname database_size:varchar(18) unallocated_space:varchar(18)"),
        [(database.name, f"{pages / 128:.2f} MB", f"{(data - used) / 128:.2f} MB")],
    )
    yield ResultSet(
        columns("reserved:varchar(18) data:varchar(18) index_size:varchar(18) unused:varchar(18)"),
        [(f"{used * 8} KB", f"{used * 8} KB", "0 KB", "0 KB")],
    )
    yield ReturnStatus(0)


@procedure("xp_fixeddrives")
def xp_fixeddrives(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """Drives of a Windows machine with their free MB; none on Linux."""
    disk = session.instance.disk
    volumes = disk.volumes if session.instance.is_windows else []
    found = [(v.mount_point[0], disk.free(v) // 1048576) for v in volumes if len(v.mount_point) == 3]
    yield ResultSet(columns("drive:char(1) MB_free:int"), sorted(found))
    yield ReturnStatus(0)


@dataclass(frozen=True)
class LogSpace:
    """DBCC SQLPERF (LOGSPACE)."""

    quiet: bool


@dataclass(frozen=True)
class CheckDatabase:
    """DBCC CHECKDB."""

    name: str | None
    quiet: bool


@dataclass(frozen=True)
class OpenTransaction:
    """DBCC OPENTRAN."""

    quiet: bool


def _quiet(stream: TokenStream) -> bool:
    return stream.accept("with", "no_infomsgs")


@grammar("DBCC SQLPERF")
def parse_sqlperf(stream: TokenStream) -> LogSpace:
    """``DBCC SQLPERF (LOGSPACE) [WITH NO_INFOMSGS]``."""
    stream.expect("(")
    stream.expect("logspace")
    stream.expect(")")
    return LogSpace(_quiet(stream))


@grammar("DBCC CHECKDB")
def parse_checkdb(stream: TokenStream) -> CheckDatabase:
    """``DBCC CHECKDB [(name)] [WITH NO_INFOMSGS]``."""
    name = None
    if stream.accept("("):
        name = name_or_string(stream)
        stream.expect(")")
    return CheckDatabase(name, _quiet(stream))


@grammar("DBCC OPENTRAN")
def parse_opentran(stream: TokenStream) -> OpenTransaction:
    """``DBCC OPENTRAN [WITH NO_INFOMSGS]``, of the current database."""
    return OpenTransaction(_quiet(stream))


def _end(*, quiet: bool) -> Iterator[Result]:
    if not quiet:
        yield Info(2528, 10, 1, _COMPLETED)
    yield StatementDone()


@executes(LogSpace)
def log_space(session: Any, statement: LogSpace) -> Iterator[Result]:
    """Size of each database's log in MB and how much of it is used. Raises 300 and 297."""
    require_server_state(session)
    found = []
    for d in session.instance.databases:
        if d.is_open:
            size, used = sum(f.size for f in d.log_files), sum(f.used for f in d.log_files)
            found.append((d.name, size / 128, 100 * used / size if size else 0.0, 0))
    names = ("Database Name", "Log Size (MB)", "Log Space Used (%)", "Status")
    kinds = columns("name:sysname size:real used:real status:int")
    yield ResultSet([type(c)(name, c.type) for name, c in zip(names, kinds, strict=True)], found)
    yield from _end(quiet=statement.quiet)


@executes(CheckDatabase)
def check_database(session: Any, statement: CheckDatabase) -> Iterator[Result]:
    """A database without pages has no damage. Raises 911, 7983, and what entering it raises."""
    name = statement.name or session.database.name
    database = session.resolve((name, "", ""))[0]
    if not has_database(session, database, "CONTROL") and not has_server(session, "CONTROL SERVER"):
        raise sql_error(7983, session.login.name, "CHECKDB", database.name)
    if not statement.quiet:
        text = f"CHECKDB found 0 allocation errors and 0 consistency errors in database '{database.name}'."
        yield Info(8989, 10, 1, text)
    yield from _end(quiet=statement.quiet)


@executes(OpenTransaction)
def open_transaction(session: Any, statement: OpenTransaction) -> Iterator[Result]:
    """The oldest open transaction of the current database."""
    inside = [s for s in session.instance.sessions_in(session.database) if s.transaction_count]
    if inside:
        oldest = min(inside, key=lambda s: s.transaction_descriptor)
        text = f"Oldest active transaction:\n    SPID (server process ID): {oldest.spid}"
        yield Info(7969, 0, 1, f"Transaction information for database '{session.database.name}'.\n\n{text}")
    else:
        yield Info(7969, 0, 1, "No active open transactions.")
    yield from _end(quiet=statement.quiet)
