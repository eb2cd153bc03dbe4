"""Availability groups, endpoints and credentials.

Rightly typed, and empty until there are some.
"""

from __future__ import annotations

from typing import Any

from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, require_server_state
from simulator.sql.registry import Rows, function, view
from simulator.sqltypes import BIT

# Views without rows in an instance that has no availability group. Microsoft Learn, page of each view.
_EMPTY = {
    "sys.availability_groups": "group_id:guid name:sysname? resource_id:nvarchar(40)? "
    "resource_group_id:nvarchar(40)? "
    "failure_condition_level:int? health_check_timeout:int? automated_backup_preference:tinyint? "
    "automated_backup_preference_desc:nvarchar(60)? version:smallint? basic_features:bit? dtc_support:bit? "
    "db_failover:bit? is_distributed:bit? cluster_type:tinyint? cluster_type_desc:nvarchar(60)? "
    "required_synchronized_secondaries_to_commit:int? sequence_number:bigint? is_contained:bit?",
    "sys.availability_groups_cluster": "group_id:guid name:sysname? resource_id:nvarchar(40)? "
    "resource_group_id:nvarchar(40)? failure_condition_level:int? health_check_timeout:int? "
    "automated_backup_preference:tinyint? automated_backup_preference_desc:nvarchar(60)?",
    "sys.availability_replicas": "replica_id:guid? group_id:guid? replica_metadata_id:int? "
    "replica_server_name:nvarchar(256)? owner_sid:varbinary(85)? endpoint_url:nvarchar(128)? "
    "availability_mode:tinyint? "
    "availability_mode_desc:nvarchar(60)? failover_mode:tinyint? failover_mode_desc:nvarchar(60)? "
    "session_timeout:int? "
    "primary_role_allow_connections:tinyint? primary_role_allow_connections_desc:nvarchar(60)? "
    "secondary_role_allow_connections:tinyint? secondary_role_allow_connections_desc:nvarchar(60)? "
    "create_date:datetime? modify_date:datetime? backup_priority:int? read_only_routing_url:nvarchar(256)? "
    "seeding_mode:tinyint? seeding_mode_desc:nvarchar(60)? read_write_routing_url:nvarchar(256)?",
    "sys.availability_databases_cluster": "group_id:guid group_database_id:guid database_name:sysname? "
    "truncation_lsn:lsn?",
    "sys.availability_group_listeners": "group_id:guid listener_id:nvarchar(36)? dns_name:nvarchar(63)? "
    "port:int? "
    "is_conformant:bit? ip_configuration_string_from_cluster:nvarchar(4000)? "
    "is_distributed_network_name:bit?",
    "sys.availability_group_listener_ip_addresses": "listener_id:nvarchar(36)? ip_address:nvarchar(48)? "
    "ip_subnet_mask:nvarchar(15)? is_dhcp:bit? network_subnet_ip:nvarchar(48)? "
    "network_subnet_prefix_length:int? "
    "network_subnet_ipv4_mask:nvarchar(15)? state:tinyint? state_desc:nvarchar(60)?",
    "sys.database_mirroring_endpoints": "name:sysname endpoint_id:int principal_id:int? protocol:tinyint "
    "protocol_desc:nvarchar(60)? type:tinyint type_desc:nvarchar(60)? state:tinyint? "
    "state_desc:nvarchar(60)? "
    "is_admin_endpoint:bit role:tinyint? role_desc:nvarchar(60)? is_encryption_enabled:bit "
    "connection_auth:tinyint "
    "connection_auth_desc:nvarchar(60)? certificate_id:int encryption_algorithm:tinyint "
    "encryption_algorithm_desc:nvarchar(60)?",
    "sys.server_event_notifications": "name:sysname object_id:int parent_class:tinyint "
    "parent_class_desc:nvarchar(60)? parent_id:int create_date:datetime modify_date:datetime "
    "service_name:nvarchar(256)? broker_instance:nvarchar(128)? creator_sid:varbinary(85)? principal_id:int?",
    "sys.credentials": "credential_id:int name:sysname credential_identity:nvarchar(4000)? "
    "create_date:datetime "
    "modify_date:datetime target_type:nvarchar(100)? target_id:int?",
}
_EMPTY_STATE = {
    "sys.dm_hadr_cluster": "cluster_name:nvarchar(128) quorum_type:tinyint quorum_type_desc:nvarchar(60) "
    "quorum_state:tinyint quorum_state_desc:nvarchar(60)",
    "sys.dm_hadr_cluster_members": "member_name:nvarchar(128) member_type:tinyint "
    "member_type_desc:nvarchar(60) "
    "member_state:tinyint member_state_desc:nvarchar(60) number_of_quorum_votes:int?",
    "sys.dm_hadr_availability_group_states": "group_id:guid primary_replica:nvarchar(256)? "
    "primary_recovery_health:tinyint? primary_recovery_health_desc:nvarchar(60)? "
    "secondary_recovery_health:tinyint? "
    "secondary_recovery_health_desc:nvarchar(60)? synchronization_health:tinyint? "
    "synchronization_health_desc:nvarchar(60)?",
    "sys.dm_hadr_availability_replica_states": "replica_id:guid group_id:guid is_local:bit role:tinyint? "
    "role_desc:nvarchar(60)? operational_state:tinyint? operational_state_desc:nvarchar(60)? "
    "connected_state:tinyint? "
    "connected_state_desc:nvarchar(60)? recovery_health:tinyint? recovery_health_desc:nvarchar(60)? "
    "synchronization_health:tinyint? synchronization_health_desc:nvarchar(60)? "
    "last_connect_error_number:int? "
    "last_connect_error_description:nvarchar(1024)? last_connect_error_timestamp:datetime? "
    "write_lease_remaining_ticks:bigint? "
    "current_configuration_commit_start_time_utc:datetime?",
    "sys.dm_hadr_availability_replica_cluster_states": "replica_id:guid "
    "replica_server_name:nvarchar(256) group_id:guid "
    "join_state:tinyint join_state_desc:nvarchar(60)",
    "sys.dm_hadr_database_replica_states": "database_id:int group_id:guid replica_id:guid "
    "group_database_id:guid "
    "is_local:bit? is_primary_replica:bit? synchronization_state:tinyint? "
    "synchronization_state_desc:nvarchar(60)? "
    "is_commit_participant:bit? synchronization_health:tinyint? synchronization_health_desc:nvarchar(60)? "
    "database_state:tinyint? database_state_desc:nvarchar(60)? is_suspended:bit? suspend_reason:tinyint? "
    "suspend_reason_desc:nvarchar(60)? recovery_lsn:lsn? truncation_lsn:lsn? last_sent_lsn:lsn? "
    "last_sent_time:datetime? last_received_lsn:lsn? last_received_time:datetime? last_hardened_lsn:lsn? "
    "last_hardened_time:datetime? last_redone_lsn:lsn? last_redone_time:datetime? "
    "log_send_queue_size:bigint? "
    "log_send_rate:bigint? redo_queue_size:bigint? redo_rate:bigint? filestream_send_rate:bigint? "
    "end_of_log_lsn:lsn? last_commit_lsn:lsn? last_commit_time:datetime? low_water_mark_for_ghosts:bigint? "
    "secondary_lag_seconds:bigint? quorum_commit_lsn:lsn? quorum_commit_time:datetime?",
    "sys.dm_hadr_database_replica_cluster_states": "replica_id:guid group_database_id:guid "
    "database_name:sysname? "
    "is_failover_ready:bit is_pending_secondary_suspend:bit? is_database_joined:bit recovery_lsn:lsn? "
    "truncation_lsn:lsn?",
    "sys.dm_hadr_automatic_seeding": "start_time:datetime completion_time:datetime? ag_id:guid ag_db_id:guid "
    "ag_remote_replica_id:guid operation_id:guid is_source:bit current_state:nvarchar(60) "
    "performed_seeding:bit "
    "failure_state:int? failure_state_desc:nvarchar(60)? error_code:int? number_of_attempts:int",
    "sys.dm_hadr_physical_seeding_stats": "local_physical_seeding_id:guid remote_physical_seeding_id:guid? "
    "local_database_id:int local_database_name:nvarchar(128) remote_machine_name:nvarchar(256) "
    "role_desc:nvarchar(60) internal_state_desc:nvarchar(60) transfer_rate_bytes_per_second:bigint "
    "transferred_size_bytes:bigint database_size_bytes:bigint start_time_utc:datetime? "
    "end_time_utc:datetime? "
    "estimate_time_complete_utc:datetime? total_disk_io_wait_time_ms:bigint "
    "total_network_wait_time_ms:bigint "
    "failure_code:int? failure_message:nvarchar(1024)? failure_time_utc:datetime? is_compression_enabled:bit",
}


def _nothing(_session: Any, _database: Database) -> Rows:
    return []


def _nothing_with_state(session: Any, _database: Database) -> Rows:
    require_server_state(session)
    return []


for _name, _text in _EMPTY.items():
    view(_name, columns(_text))(_nothing)
for _name, _text in _EMPTY_STATE.items():
    view(_name, columns(_text))(_nothing_with_state)

_ENDPOINTS = (
    "name:sysname endpoint_id:int principal_id:int? protocol:tinyint protocol_desc:nvarchar(60)? "
    "type:tinyint "
    "type_desc:nvarchar(60)? state:tinyint? state_desc:nvarchar(60)? is_admin_endpoint:bit"
)
_SYSTEM_ENDPOINTS = (
    ("Dedicated Admin Connection", 1, 1, 2, "TCP", 2, "TSQL", 0, "STARTED", 1),
    ("TSQL Local Machine", 2, 1, 4, "SHARED_MEMORY", 2, "TSQL", 0, "STARTED", 0),
    ("TSQL Named Pipes", 3, 1, 3, "NAMED_PIPES", 2, "TSQL", 0, "STARTED", 0),
    ("TSQL Default TCP", 4, 1, 2, "TCP", 2, "TSQL", 0, "STARTED", 0),
    ("TSQL Default VIA", 5, 1, 5, "VIA", 2, "TSQL", 0, "STARTED", 0),
)


@view("sys.endpoints", columns(_ENDPOINTS))
def endpoints(_session: Any, _database: Database) -> Rows:
    """The endpoints that every instance has."""
    return _SYSTEM_ENDPOINTS


@view("sys.tcp_endpoints", columns(_ENDPOINTS + " port:int is_dynamic_port:bit ip_address:nvarchar(45)?"))
def tcp_endpoints(_session: Any, _database: Database) -> Rows:
    """The TCP ones; port 0 stands for the instance's own port, as on real servers."""
    return [(*e, 0, 1 if e[1] == 1 else 0, None) for e in _SYSTEM_ENDPOINTS if e[4] == "TCP"]


@function("sys.fn_hadr_backup_is_preferred_replica", returns=BIT)
def fn_hadr_backup_is_preferred_replica(session: Any, database: str | None) -> int:
    """1 for a database that is in no availability group."""
    found = session.instance.find_database(database) if database is not None else None
    return int(found is not None)
