"""What goes on: locks, transactions, the text that runs, I/O of files, schedulers, services."""

from __future__ import annotations

from typing import Any

from simulator.estate.access import require_server_state
from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.catalog.databases import sees_database
from simulator.sql.registry import Rows, table_function, view

_LOCKS = columns(
    "resource_type:nvarchar(60) resource_subtype:nvarchar(60) resource_database_id:int "
    "resource_description:nvarchar(256) resource_associated_entity_id:bigint? resource_lock_partition:int "
    "request_mode:nvarchar(60) request_type:nvarchar(60) request_status:nvarchar(60) "
    "request_reference_count:smallint request_lifetime:int request_session_id:int "
    "request_exec_context_id:int request_request_id:int request_owner_type:nvarchar(60)"
)


@view("sys.dm_tran_locks", _LOCKS)
def dm_tran_locks(session: Any, _database: Database) -> Rows:
    """The shared lock that each session holds on its database; the simulator takes no others."""
    require_server_state(session)
    return rows(
        _LOCKS,
        (
            {
                "resource_type": "DATABASE", "resource_subtype": "", "resource_description": "",
                "resource_database_id": s.database.database_id, "resource_associated_entity_id": 0,
                "request_mode": "S", "request_type": "LOCK", "request_status": "GRANT",
                "request_reference_count": 1, "request_session_id": s.spid,
                "request_owner_type": "SHARED_TRANSACTION_WORKSPACE",
            }
            for s in session.instance.sessions.values()
            if s.database.database_id > 2  # master and tempdb are not locked
        ),
    )  # fmt: skip


_TRANSACTIONS = columns(
    "session_id:int transaction_id:bigint transaction_descriptor:binary(8) enlist_count:int "
    "is_user_transaction:bit is_local:bit is_enlisted:bit is_bound:bit open_transaction_count:int"
)


@view("sys.dm_tran_session_transactions", _TRANSACTIONS)
def dm_tran_session_transactions(session: Any, _database: Database) -> Rows:
    """The sessions with an open transaction."""
    require_server_state(session)
    return [
        (
            s.spid, s.transaction_descriptor, s.transaction_descriptor.to_bytes(8, "little"), 0, 1, 1, 0, 0,
            s.transaction_count,
        )
        for s in session.instance.sessions.values()
        if s.transaction_count
    ]  # fmt: skip


_TEXT = columns("dbid:smallint? objectid:int? number:smallint? encrypted:bit text:max?")


@table_function("sys.dm_exec_sql_text", _TEXT)
def dm_exec_sql_text(session: Any, _database: Database, handle: Any) -> Rows:
    """The text behind a handle of sys.dm_exec_requests: the asking session's own batch, no other."""
    require_server_state(session)
    if handle is None or handle != session.sql_handle:
        return []
    return [(session.database.database_id, None, None, 0, session.running_text)]


_IO = columns(
    "database_id:smallint file_id:smallint sample_ms:bigint num_of_reads:bigint num_of_bytes_read:bigint "
    "io_stall_read_ms:bigint io_stall_queued_read_ms:bigint num_of_writes:bigint "
    "num_of_bytes_written:bigint io_stall_write_ms:bigint io_stall_queued_write_ms:bigint io_stall:bigint "
    "size_on_disk_bytes:bigint file_handle:varbinary(8)"
)


@table_function("sys.dm_io_virtual_file_stats", _IO)
def dm_io_virtual_file_stats(session: Any, _database: Database, database_id: Any, file_id: Any) -> Rows:
    """Sizes on disk of one file or of all; the simulator counts no reads and writes."""
    require_server_state(session)
    instance = session.instance
    up_ms = int(instance.uptime.total_seconds() * 1000)
    return [
        (d.database_id, f.file_id, up_ms, 0, 0, 0, 0, 0, 0, 0, 0, 0, f.size * 8192, b"")
        for d in instance.databases
        for f in d.files
        if database_id in {None, d.database_id} and file_id in {None, f.file_id}
    ]


_SCHEDULERS = columns(
    "scheduler_address:varbinary(8) parent_node_id:int scheduler_id:int cpu_id:smallint status:nvarchar(60) "
    "is_online:bit is_idle:bit current_tasks_count:int runnable_tasks_count:int current_workers_count:int "
    "active_workers_count:int work_queue_count:bigint pending_disk_io_count:int load_factor:int"
)


@view("sys.dm_os_schedulers", _SCHEDULERS)
def dm_os_schedulers(session: Any, _database: Database) -> Rows:
    """A visible scheduler for each CPU."""
    require_server_state(session)
    return [
        (n.to_bytes(8, "big"), 0, n, n, "VISIBLE ONLINE", 1, 1, 1, 0, 1, 0, 0, 0, 0)
        for n in range(session.instance.spec.cpus)
    ]


_SERVICES = columns(
    "servicename:nvarchar(256) startup_type:int? startup_type_desc:nvarchar(256) status:int? "
    "status_desc:nvarchar(256) process_id:int? last_startup_time:datetimeoffset? "
    "service_account:nvarchar(256) filename:nvarchar(256) is_clustered:nvarchar(1) "
    "cluster_nodename:nvarchar(256)? instant_file_initialization_enabled:nvarchar(1)"
)


@view("sys.dm_server_services", _SERVICES)
def dm_server_services(session: Any, _database: Database) -> Rows:
    """The database engine's service."""
    require_server_state(session)
    instance = session.instance
    name = instance.spec.instance_name or "MSSQLSERVER"
    account = f"NT Service\\{name}" if instance.is_windows else "mssql"
    program = "sqlservr.exe" if instance.is_windows else "/opt/mssql/bin/sqlservr"
    started = instance.started
    return [
        (
            f"SQL Server ({name})", 2, "Automatic", 4, "Running", 1, started, account, program, "N", None,
            "Y",
        )
    ]  # fmt: skip


_MIRRORING = columns(
    "database_id:int mirroring_guid:guid? mirroring_state:tinyint? mirroring_state_desc:nvarchar(60)? "
    "mirroring_role:tinyint? mirroring_role_desc:nvarchar(60)?"
)


@view("sys.database_mirroring", _MIRRORING)
def database_mirroring(session: Any, _database: Database) -> Rows:
    """A row for each database, all NULL: none is mirrored."""
    found = [d for d in session.instance.databases if sees_database(session, d)]
    return rows(_MIRRORING, ({"database_id": d.database_id} for d in found))
