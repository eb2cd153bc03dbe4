"""sys.databases and the views about a database's state."""

from __future__ import annotations

from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.estate.permissions import has_database_permission
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, view

STATES = ("ONLINE", "RESTORING", "RECOVERING", "RECOVERY_PENDING", "SUSPECT", "EMERGENCY", "OFFLINE")
ACCESS = ("MULTI_USER", "SINGLE_USER", "RESTRICTED_USER")
RECOVERY = ("", "FULL", "BULK_LOGGED", "SIMPLE")
PAGE_VERIFY = ("NONE", "TORN_PAGE_DETECTION", "CHECKSUM")
DURABILITY = ("DISABLED", "ALLOWED", "FORCED")
LOG_WAITS = ("NOTHING", "CHECKPOINT", "LOG_BACKUP", "ACTIVE_BACKUP_OR_RESTORE", "ACTIVE_TRANSACTION")

_DATABASES = columns(
    """
    name:sysname database_id:int source_database_id:int? owner_sid:varbinary(85)? create_date:datetime
    compatibility_level:tinyint collation_name:sysname? user_access:tinyint? user_access_desc:nvarchar(60)?
    is_read_only:bit? is_auto_close_on:bit is_auto_shrink_on:bit? state:tinyint? state_desc:nvarchar(60)?
    is_in_standby:bit? is_cleanly_shutdown:bit? is_supplemental_logging_enabled:bit?
    snapshot_isolation_state:tinyint? snapshot_isolation_state_desc:nvarchar(60)?
    is_read_committed_snapshot_on:bit? recovery_model:tinyint? recovery_model_desc:nvarchar(60)?
    page_verify_option:tinyint? page_verify_option_desc:nvarchar(60)? is_auto_create_stats_on:bit?
    is_auto_create_stats_incremental_on:bit? is_auto_update_stats_on:bit? is_auto_update_stats_async_on:bit?
    is_ansi_null_default_on:bit? is_ansi_nulls_on:bit? is_ansi_padding_on:bit? is_ansi_warnings_on:bit?
    is_arithabort_on:bit? is_concat_null_yields_null_on:bit? is_numeric_roundabort_on:bit?
    is_quoted_identifier_on:bit? is_recursive_triggers_on:bit? is_cursor_close_on_commit_on:bit?
    is_local_cursor_default:bit? is_fulltext_enabled:bit? is_trustworthy_on:bit? is_db_chaining_on:bit?
    is_parameterization_forced:bit? is_master_key_encrypted_by_server:bit is_query_store_on:bit?
    is_published:bit
    is_subscribed:bit is_merge_published:bit is_distributor:bit is_sync_with_backup:bit
    service_broker_guid:guid
    is_broker_enabled:bit log_reuse_wait:tinyint? log_reuse_wait_desc:nvarchar(60)? is_date_correlation_on:bit
    is_cdc_enabled:bit is_encrypted:bit? is_honor_broker_priority_on:bit? replica_id:guid?
    group_database_id:guid?
    resource_pool_id:int? default_language_lcid:smallint? default_language_name:nvarchar(128)?
    default_fulltext_language_lcid:int? default_fulltext_language_name:nvarchar(128)?
    is_nested_triggers_on:bit? is_transform_noise_words_on:bit? two_digit_year_cutoff:smallint?
    containment:tinyint? containment_desc:nvarchar(60)? target_recovery_time_in_seconds:int?
    delayed_durability:int? delayed_durability_desc:nvarchar(60)?
    is_memory_optimized_elevate_to_snapshot_on:bit? is_federation_member:bit?
    is_remote_data_archive_enabled:bit?
    is_mixed_page_allocation_on:bit? is_temporal_history_retention_enabled:bit? catalog_collation_type:int
    catalog_collation_type_desc:nvarchar(60)? physical_database_name:nvarchar(128)?
    is_result_set_caching_on:bit? is_accelerated_database_recovery_on:bit?
    is_tempdb_spill_to_remote_store:bit?
    is_stale_page_detection_on:bit? is_memory_optimized_enabled:bit?
    """
)
_SINCE_2022 = columns("is_data_retention_enabled:bit? is_ledger_on:bit? is_change_feed_enabled:bit?")

_ON_BY_DEFAULT = {
    "is_auto_create_stats_on", "is_auto_update_stats_on", "is_local_cursor_default", "is_fulltext_enabled",
    "is_temporal_history_retention_enabled", "is_memory_optimized_enabled",
}  # fmt: skip


def _database_columns(instance: Any) -> Any:
    return _DATABASES + (_SINCE_2022 if instance.major >= 16 else ())


def sees_database(session: Any, database: Database) -> bool:
    """Does the session see the row of a database.

    VIEW ANY DATABASE, its own, master, tempdb, the current one.
    """
    if database.database_id <= 2 or database is session.database:
        return True
    if has_server(session, "VIEW ANY DATABASE") or has_server(session, "ALTER ANY DATABASE"):
        return True
    return database.owner_sid == session.login.sid


@view("sys.databases", _database_columns)
def databases(session: Any, _database: Database) -> Rows:
    """One row per database that the session may see."""
    seen = [d for d in session.instance.databases if sees_database(session, d)]
    return rows(_database_columns(session.instance), (_database_row(d) for d in seen))


def _database_row(d: Database) -> dict[str, Any]:
    is_open = d.state == "ONLINE" and not d.is_shut
    durability = d.options.get("delayed_durability", "DISABLED")
    isolation = d.snapshot_isolation == "ON" or d.database_id in {1, 4}
    row: dict[str, Any] = {c.name: 0 for c in (*_DATABASES, *_SINCE_2022) if c.type.name == "bit"}
    row |= dict.fromkeys(_ON_BY_DEFAULT, 1)
    row |= {
        "name": d.name, "database_id": d.database_id, "source_database_id": d.source_database_id,
        "owner_sid": d.owner_sid, "create_date": d.created, "compatibility_level": d.compatibility_level,
        "collation_name": d.collation_name if is_open else None,
        "user_access": ACCESS.index(d.user_access), "user_access_desc": d.user_access,
        "is_read_only": int(d.is_read_only), "is_auto_close_on": int(d.is_auto_close_on),
        "is_auto_shrink_on": int(d.is_auto_shrink_on), "state": STATES.index(d.state), "state_desc": d.state,
        "snapshot_isolation_state": int(isolation),
        "snapshot_isolation_state_desc": "ON" if isolation else "OFF",
        "is_read_committed_snapshot_on": int(d.is_read_committed_snapshot_on),
        "recovery_model": RECOVERY.index(d.recovery_model), "recovery_model_desc": d.recovery_model,
        "page_verify_option": PAGE_VERIFY.index(d.page_verify), "page_verify_option_desc": d.page_verify,
        "is_trustworthy_on": int(d.is_trustworthy_on), "is_broker_enabled": int(d.is_broker_enabled),
        "is_db_chaining_on": int(d.database_id in {1, 2, 4}), "service_broker_guid": d.service_broker_guid,
        "is_query_store_on": int(d.options.get("query_store", "OFF") == "ON"),
        "log_reuse_wait": LOG_WAITS.index(d.log_reuse_wait), "log_reuse_wait_desc": d.log_reuse_wait,
        "is_encrypted": int(d.is_encrypted), "replica_id": d.replica_id,
        "group_database_id": d.group_database_id,
        "is_parameterization_forced": int(d.options.get("parameterization") == "FORCED"),
        "containment": int(d.containment == "PARTIAL"), "containment_desc": d.containment,
        "target_recovery_time_in_seconds": d.target_recovery_seconds,
        "delayed_durability": DURABILITY.index(durability), "delayed_durability_desc": durability,
        "catalog_collation_type": 0, "catalog_collation_type_desc": "DATABASE_DEFAULT",
        "physical_database_name": d.name,
    }  # fmt: skip
    row |= {name: int(value) for name, value in d.options.items() if name.startswith("is_")}
    return row


_RECOVERY_STATUS = columns(
    "database_id:int database_guid:guid? family_guid:guid? last_log_backup_lsn:lsn? recovery_fork_guid:guid? "
    "first_recovery_fork_guid:guid? fork_point_lsn:lsn?"
)


@view("sys.database_recovery_status", _RECOVERY_STATUS)
def database_recovery_status(session: Any, _database: Database) -> Rows:
    """``last_log_backup_lsn`` is NULL until a full backup starts the log chain."""
    seen = [
        d for d in session.instance.databases if has_database_permission(session.login, d, "VIEW DEFINITION")
    ]
    return rows(
        _RECOVERY_STATUS,
        (
            {
                "database_id": d.database_id, "database_guid": d.service_broker_guid,
                "family_guid": d.service_broker_guid, "last_log_backup_lsn": d.last_log_backup_lsn,
                "recovery_fork_guid": d.service_broker_guid,
            }
            for d in seen
        ),
    )  # fmt: skip


_COUNTERS = columns(
    "object_name:nchar(128) counter_name:nchar(128) instance_name:nchar(128)? cntr_value:bigint cntr_type:int"
)
_RAW = 65792  # PERF_COUNTER_LARGE_RAWCOUNT


@view("sys.dm_os_performance_counters", _COUNTERS)
def dm_os_performance_counters(session: Any, _database: Database) -> Rows:
    """The Databases object: sizes in KB; names are padded with blanks to 128 characters, as nchar(128) is."""
    instance = session.instance
    prefix = f"MSSQL${instance.spec.instance_name}" if instance.spec.instance_name else "SQLServer"
    found: list[tuple[Any, ...]] = []

    def add(kind: str, counter: str, of: str, value: float) -> None:
        name = f"{prefix}:{kind}"
        found.append((name.ljust(128), counter.ljust(128), of.ljust(128), int(value), _RAW))

    totals = [0.0, 0.0, 0.0]
    for d in [x for x in instance.databases if x.state == "ONLINE"]:
        data = sum(f.size for f in d.data_files) * 8
        log = sum(f.size for f in d.log_files) * 8
        used = sum(f.used for f in d.log_files) * 8
        totals = [totals[0] + data, totals[1] + log, totals[2] + used]
        _database_counters(add, d.name, data, log, used)
    _database_counters(add, "_Total", *totals)
    add("General Statistics", "User Connections", "", len(instance.sessions))
    add("Memory Manager", "Total Server Memory (KB)", "", 400_000)
    add("Memory Manager", "Target Server Memory (KB)", "", instance.spec.memory_mib * 1024 * 0.8)
    add("Buffer Manager", "Page life expectancy", "", max(1, instance.uptime.total_seconds()))
    return found


def _database_counters(add: Any, name: str, data: float, log: float, used: float) -> None:
    add("Databases", "Data File(s) Size (KB)", name, data)
    add("Databases", "Log File(s) Size (KB)", name, log)
    add("Databases", "Log File(s) Used Size (KB)", name, used)
    add("Databases", "Percent Log Used", name, 100 * used / log if log else 0)
    add("Databases", "Active Transactions", name, 0)


_LOG_SPACE = columns(
    "database_id:int? total_log_size_in_bytes:bigint? used_log_space_in_bytes:bigint? "
    "used_log_space_in_percent:real? log_space_in_bytes_since_last_backup:bigint?"
)


@view("sys.dm_db_log_space_usage", _LOG_SPACE)
def dm_db_log_space_usage(session: Any, database: Database) -> Rows:
    """Log of the database it is read in; bytes."""
    if not has_database(session, database, "VIEW DATABASE STATE"):
        raise sql_error(262, "VIEW DATABASE STATE", database.name)
    total = sum(f.size for f in database.log_files) * 8192
    used = int(sum(f.used for f in database.log_files) * 8192)
    return [(database.database_id, total, used, 100.0 * used / total if total else 0.0, used)]
