"""Sessions, connections and requests."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_OID, uuid5

from simulator.estate.access import has_server
from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, view

_SESSIONS = columns(
    """
    session_id:smallint login_time:datetime host_name:nvarchar(128)? program_name:nvarchar(128)?
    host_process_id:int?
    client_version:int? client_interface_name:nvarchar(32)? security_id:varbinary(85) login_name:nvarchar(128)
    nt_domain:nvarchar(128)? nt_user_name:nvarchar(128)? status:nvarchar(30) context_info:varbinary(128)?
    cpu_time:int
    memory_usage:int total_scheduled_time:int total_elapsed_time:int endpoint_id:int
    last_request_start_time:datetime last_request_end_time:datetime? reads:bigint writes:bigint
    logical_reads:bigint
    is_user_process:bit text_size:int language:nvarchar(128)? date_format:nvarchar(3)? date_first:smallint
    quoted_identifier:bit arithabort:bit ansi_null_dflt_on:bit ansi_defaults:bit ansi_warnings:bit
    ansi_padding:bit
    ansi_nulls:bit concat_null_yields_null:bit transaction_isolation_level:smallint lock_timeout:int
    deadlock_priority:int row_count:bigint prev_error:int original_security_id:varbinary(85)
    original_login_name:nvarchar(128) last_successful_logon:datetime? last_unsuccessful_logon:datetime?
    unsuccessful_logons:bigint? group_id:int database_id:smallint authenticating_database_id:int?
    open_transaction_count:int
    """
)


def seen_sessions(session: Any) -> list[Any]:
    """The sessions that this one may see: all with VIEW SERVER STATE, else those of its own login."""
    state = has_server(session, "VIEW SERVER STATE") or has_server(session, "VIEW SERVER PERFORMANCE STATE")
    everybody = list(session.instance.sessions.values())
    return [s for s in everybody if state or s.login is session.login]


def _local(value: Any) -> Any:
    """A time as the catalogue shows it: naive, in the machine's zone."""
    return value.astimezone().replace(tzinfo=None) if getattr(value, "tzinfo", None) else value


@view("sys.dm_exec_sessions", _SESSIONS)
def dm_exec_sessions(session: Any, _database: Database) -> Rows:
    """User sessions (51 and up)."""
    found = []
    for s in seen_sessions(session):
        at = _local(s.login_time)
        running = s is session
        found.append(
            {
                "session_id": s.spid, "login_time": at, "host_name": s.host_name, "program_name": s.app_name,
                "host_process_id": 1, "client_version": 7, "client_interface_name": "ODBC",
                "security_id": s.login.sid, "login_name": s.login.name, "nt_domain": "", "nt_user_name": "",
                "status": "running" if running else "sleeping", "memory_usage": 2, "endpoint_id": 4,
                "last_request_start_time": at, "last_request_end_time": at, "is_user_process": 1,
                "text_size": 2147483647, "language": "us_english", "date_format": s.options.date_format,
                "date_first": s.options.date_first,
                "quoted_identifier": 1, "ansi_null_dflt_on": 1, "ansi_warnings": 1, "ansi_padding": 1,
                "ansi_nulls": 1, "concat_null_yields_null": 1, "transaction_isolation_level": 2,
                "lock_timeout": -1, "row_count": 0, "original_security_id": s.login.sid,
                "original_login_name": s.original_login_name, "group_id": 2,
                "database_id": s.database.database_id, "authenticating_database_id": 1,
                "open_transaction_count": s.transaction_count,
            }
        )  # fmt: skip
    return rows(_SESSIONS, found)


_REQUESTS = columns(
    """
    session_id:smallint request_id:int start_time:datetime status:nvarchar(30) command:nvarchar(32)
    sql_handle:varbinary(64)? statement_start_offset:int? statement_end_offset:int? plan_handle:varbinary(64)?
    database_id:smallint user_id:int connection_id:guid? blocking_session_id:smallint? wait_type:nvarchar(60)?
    wait_time:int last_wait_type:nvarchar(60) wait_resource:nvarchar(256) open_transaction_count:int
    open_resultset_count:int transaction_id:bigint context_info:varbinary(128)? percent_complete:real
    estimated_completion_time:bigint cpu_time:int total_elapsed_time:int scheduler_id:int? reads:bigint
    writes:bigint logical_reads:bigint text_size:int language:nvarchar(128)? date_format:nvarchar(3)?
    date_first:smallint transaction_isolation_level:smallint lock_timeout:int row_count:bigint prev_error:int
    nest_level:int granted_query_memory:int executing_managed_code:bit group_id:int
    """
)


@view("sys.dm_exec_requests", _REQUESTS)
def dm_exec_requests(session: Any, _database: Database) -> Rows:
    """Requests that run now: this one, and those that wait (WAITFOR, or a client slow to read)."""
    found = []
    for s in seen_sessions(session):
        if not s.is_running:
            continue
        command = "SELECT" if s is session else "WAITFOR"
        found.append(
            {
                "session_id": s.spid, "start_time": session.instance.clock.local(),
                "status": "running" if s is session else "suspended", "command": command,
                "sql_handle": s.sql_handle if s is session else None,
                "database_id": s.database.database_id, "user_id": 1, "blocking_session_id": 0,
                "last_wait_type": "MISCELLANEOUS", "wait_resource": "", "percent_complete": 0.0,
                "open_transaction_count": s.transaction_count, "text_size": 2147483647,
                "language": "us_english",
                "date_format": s.options.date_format, "date_first": s.options.date_first,
                "transaction_isolation_level": 2, "lock_timeout": -1,
                "row_count": 1, "nest_level": 0, "group_id": 2,
            }
        )  # fmt: skip
    return rows(_REQUESTS, found)


_CONNECTIONS = columns(
    """
    session_id:int? most_recent_session_id:int? connect_time:datetime net_transport:nvarchar(40)
    protocol_type:nvarchar(40)? protocol_version:int? endpoint_id:int? encrypt_option:nvarchar(40)
    auth_scheme:nvarchar(40) node_affinity:smallint num_reads:int? num_writes:int? last_read:datetime?
    last_write:datetime? net_packet_size:int? client_net_address:varchar(48)? client_tcp_port:int?
    local_net_address:varchar(48)? local_tcp_port:int? connection_id:guid parent_connection_id:guid?
    most_recent_sql_handle:varbinary(64)?
    """
)


@view("sys.dm_exec_connections", _CONNECTIONS)
def dm_exec_connections(session: Any, _database: Database) -> Rows:
    """One row per connection."""
    found = []
    for s in session.instance.sessions.values():
        at = _local(s.login_time)
        found.append(
            {
                "session_id": s.spid, "most_recent_session_id": s.spid, "connect_time": at,
                "net_transport": "TCP", "protocol_type": "TSQL", "protocol_version": 0x74000004,
                "endpoint_id": 4,
                "encrypt_option": "TRUE" if s.is_encrypted else "FALSE", "auth_scheme": "SQL",
                "num_reads": 1, "num_writes": 1, "last_read": at, "last_write": at, "net_packet_size": 4096,
                "client_net_address": "127.0.0.1", "local_net_address": "127.0.0.1",
                "local_tcp_port": session.instance.port,
                "connection_id": uuid5(NAMESPACE_OID, f"{s.spid}-{at}"),
            }
        )  # fmt: skip
    return rows(_CONNECTIONS, found)
