"""Procedures with which an administrator looks round: sp_who2, sp_helpdb, sp_databases and the error log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import can_enter, has_server
from simulator.results import Result, ResultSet, ReturnStatus
from simulator.sql.catalog.common import columns
from simulator.sql.catalog.databases import sees_database
from simulator.sql.catalog.file_procedures import FILE_COLUMNS, file_row
from simulator.sql.catalog.security_procedures import first_text
from simulator.sql.catalog.sessions import seen_sessions
from simulator.sql.execute_queries import Frame
from simulator.sql.registry import Argument, procedure

_WHO2 = columns(
    "SPID:char(5) Status:nvarchar(30) Login:sysname? HostName:sysname? BlkBy:char(5) DBName:sysname? "
    "Command:nvarchar(32) CPUTime:varchar(30) DiskIO:varchar(30) LastBatch:varchar(30) "
    "ProgramName:sysname? SPID:char(5) REQUESTID:char(5)"
)
_WHO = columns(
    "spid:smallint ecid:smallint status:nchar(30) loginame:nvarchar(128)? hostname:nchar(128) blk:char(5) "
    "dbname:nvarchar(128)? cmd:nchar(26) request_id:int"
)


@procedure("sp_who2")
def sp_who2(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """User sessions: all with VIEW SERVER STATE, else those of the same login. Raises 15007."""
    yield ResultSet(
        _WHO2,
        [
            (
                str(s.spid).ljust(5), _status(session, s).upper() if s.is_running else "sleeping",
                s.login.name, s.host_name, "  .  ", s.database.name, _command(session, s), "0", "0",
                f"{s.last_request_time:%m/%d %H:%M:%S}", s.app_name, str(s.spid).ljust(5), "0    ",
            )
            for s in _chosen(session, first_text(arguments))
        ],
    )  # fmt: skip
    yield ReturnStatus(0)


@procedure("sp_who")
def sp_who(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """User sessions: all with VIEW SERVER STATE, else those of the same login. Raises 15007."""
    yield ResultSet(
        _WHO,
        [
            (
                s.spid, 0, _status(session, s), s.login.name, s.host_name, "0    ", s.database.name,
                _command(session, s), 0,
            )
            for s in _chosen(session, first_text(arguments))
        ],
    )  # fmt: skip
    yield ReturnStatus(0)


def _chosen(session: Any, wanted: str | None) -> list[Any]:
    """The sessions that ``sp_who wanted`` lists: a login's, one with a number, or those ACTIVE."""
    seen = seen_sessions(session)
    if wanted is None:
        return seen
    if wanted.lower() == "active":
        return [s for s in seen if s.is_running]
    if wanted.isdecimal():
        return [s for s in seen if s.spid == int(wanted)]
    if session.instance.login(wanted) is None:
        raise sql_error(15007, wanted)
    return [s for s in seen if session.instance.same_name(s.login.name, wanted)]


def _status(session: Any, of: Any) -> str:
    return "runnable" if of is session else "suspended" if of.is_running else "sleeping"


def _command(session: Any, of: Any) -> str:
    return "SELECT" if of is session else "WAITFOR" if of.is_running else "AWAITING COMMAND"


_HELPDB = columns(
    "name:sysname db_size:nvarchar(13)? owner:sysname? dbid:smallint created:nvarchar(11)? "
    "status:nvarchar(600)? "
    "compatibility_level:tinyint?"
)


@procedure("sp_helpdb")
def sp_helpdb(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """Databases with size, owner and state; of one database when it is named. Raises 15010."""
    instance = session.instance
    seen = [d for d in instance.databases if sees_database(session, d)]
    if arguments:
        wanted = str(arguments[0].value)
        seen = [d for d in seen if instance.same_name(d.name, wanted)]
        if not seen:
            raise sql_error(15010, wanted)
    found = []
    for d in sorted(seen, key=lambda d: instance.name_key(d.name)):
        size = f"{sum(f.size for f in d.files) / 128:.2f} MB".rjust(13)
        owner = instance.login_by_sid(d.owner_sid)
        status = f"Status={d.state}, UserAccess={d.user_access}, Recovery={d.recovery_model}"
        created = f"{d.created:%b %d %Y}"
        found.append(
            (
                d.name,
                size,
                owner.name if owner else None,
                d.database_id,
                created,
                status,
                d.compatibility_level,
            )
        )
    yield ResultSet(_HELPDB, found)
    if arguments:
        yield ResultSet(FILE_COLUMNS, [file_row(f) for d in seen for f in d.files])
    yield ReturnStatus(0)


_DATABASES = columns("DATABASE_NAME:sysname DATABASE_SIZE:int? REMARKS:varchar(254)?")


@procedure("sp_databases")
def sp_databases(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """Databases with their size in KB."""
    seen = [d for d in session.instance.databases if d.is_open and sees_database(session, d)]
    found = [(d.name, sum(f.size for f in d.files) * 8, None) for d in seen]
    yield ResultSet(_DATABASES, sorted(found))
    yield ReturnStatus(0)


_LOG = columns("LogDate:datetime ProcessInfo:nvarchar(50) Text:max")


def _error_log(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """The error log: two lines an error, the first with its true state.

    Needs securityadmin or VIEW ANY ERROR LOG.
    """
    allowed = ("VIEW ANY ERROR LOG", "ALTER ANY LOGIN", "CONTROL SERVER")
    if not any(has_server(session, p) for p in allowed):
        raise sql_error(15247)
    found = []
    for line in session.instance.error_log:
        at = line.at.astimezone().replace(tzinfo=None)
        severity = 14 if line.number >= 18000 else 16
        found.append((at, "Logon", f"Error: {line.number}, Severity: {severity}, State: {line.state}."))
        found.append((at, "Logon", line.text))
    yield ResultSet(_LOG, found)
    yield ReturnStatus(0)


_SERVERS = columns(
    "name:sysname network_name:sysname? status:varchar(70)? id:char(4)? collation_name:sysname? "
    "connect_timeout:int? query_timeout:int?"
)


@procedure("sp_helpserver")
def sp_helpserver(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """This server; linked ones the simulator does not have."""
    name = session.instance.server_name
    yield ResultSet(_SERVERS, [(name, name, "rpc,rpc out,use remote collation", "0   ", None, 0, 0)])
    yield ReturnStatus(0)


_LINKED = columns(
    "SRV_NAME:sysname? SRV_PROVIDERNAME:nvarchar(128)? SRV_PRODUCT:nvarchar(128)? "
    "SRV_DATASOURCE:nvarchar(4000)? SRV_PROVIDERSTRING:nvarchar(4000)? SRV_LOCATION:nvarchar(4000)? "
    "SRV_CAT:sysname?"
)


@procedure("sp_linkedservers")
def sp_linkedservers(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """This server, as the real procedure lists it too."""
    name = session.instance.server_name
    yield ResultSet(_LINKED, [(name, "SQLNCLI", "SQL Server", name, None, None, None)])
    yield ReturnStatus(0)


@procedure("xp_msver")
def xp_msver(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """Version, processors and memory of the server and its machine."""
    instance, spec = session.instance, session.instance.spec
    major, minor, build, revision = map(int, instance.product_version.split("."))
    found = [
        ("ProductName", None, "Microsoft SQL Server"),
        ("ProductVersion", major << 16 | minor, instance.product_version),
        ("Language", 1033, "English (United States)"),
        ("Platform", None, "NT x64" if instance.is_windows else "Linux"),
        ("FileVersion", build << 16 | revision, instance.product_version),
        ("ProcessorCount", spec.cpus, str(spec.cpus)),
        ("ProcessorType", 8664, None),
        ("PhysicalMemory", spec.memory_mib, f"{spec.memory_mib} ({spec.memory_mib * 1048576})"),
    ]
    yield ResultSet(
        columns("Index:int? Name:nvarchar(22) Internal_Value:int? Character_Value:nvarchar(120)?"),
        [(number, *row) for number, row in enumerate(found, 1)],
    )
    yield ReturnStatus(0)


@procedure("sp_MSforeachdb")
async def sp_msforeachdb(session: Any, arguments: Sequence[Argument]) -> AsyncIterator[Result]:
    """Runs a text once for each open database, ``?`` replaced by its name (not documented, much used)."""
    text = first_text(arguments)
    if text is None:
        raise sql_error(201, "sp_MSforeachdb", "@command1")
    if len(arguments) > 1:
        raise unknown_tsql("sp_MSforeachdb with more than one argument")
    for database in list(session.instance.databases):
        if can_enter(session, database):
            async for result in session.run_text(text.replace("?", database.name), Frame()):
                yield result
    yield ReturnStatus(0)


procedure("sp_readerrorlog")(_error_log)
procedure("xp_readerrorlog")(_error_log)
