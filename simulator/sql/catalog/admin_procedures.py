"""Procedures with which an administrator looks round: sp_who2, sp_helpdb, sp_databases and the error log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_server
from simulator.results import Result, ResultSet, ReturnStatus
from simulator.sql.catalog.common import columns
from simulator.sql.catalog.databases import sees_database
from simulator.sql.registry import Argument, procedure

_WHO = columns(
    "SPID:char(5) Status:nvarchar(30) Login:nvarchar(128) HostName:nvarchar(128)? BlkBy:char(5) "
    "DBName:sysname? "
    "Command:nvarchar(32) ProgramName:nvarchar(128)?"
)


@procedure("sp_who2")
def sp_who2(session: Any, _arguments: Sequence[Argument]) -> Iterator[Result]:
    """User sessions: all with VIEW SERVER STATE, else those of the same login."""
    everything = has_server(session, "VIEW SERVER STATE")
    found = [s for s in session.instance.sessions.values() if everything or s.login is session.login]
    yield ResultSet(
        _WHO,
        [
            (
                str(s.spid).ljust(5), "RUNNABLE" if s is session else "sleeping", s.login.name, s.host_name,
                "  .  ", s.database.name, "SELECT" if s is session else "AWAITING COMMAND", s.app_name,
            )
            for s in found
        ],
    )  # fmt: skip
    yield ReturnStatus(0)


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


procedure("sp_readerrorlog")(_error_log)
procedure("xp_readerrorlog")(_error_log)
