# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Availability groups with their replicas, listener and databases: rows of the server's views to what is
returned.

Pure. Without the right to see states the keys of states are None, never left out.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import truth, word


def groups_of(rows: list, database_rows: list | None) -> list:
    """The subset ``availability_groups``: ``rows`` of ``instance/availability_groups``, ``database_rows`` of
    ``instance/availability_databases`` (None when the login may not see them)."""
    groups: dict = {}
    for row in rows:
        name = row["group_name"]
        group = groups.setdefault(name, _group(row, None if database_rows is None else []))
        listener = {"name": row["dns_name"], "port": row["port"]}
        if row["dns_name"] and listener not in group["listeners"]:
            group["listeners"].append(listener)
        replica = _replica(row)
        if replica["name"] and replica not in group["replicas"]:
            group["replicas"].append(replica)
    for row in database_rows or []:
        if row["group_name"] in groups:
            groups[row["group_name"]]["databases"].append(_database(row))
    return list(groups.values())


def seen_from_secondaries(groups: list) -> list:
    """Names of the groups of which this instance is not the primary: it sees its own rows only."""
    return [
        group["name"]
        for group in groups
        if any(replica["is_local"] and replica["role"] != "primary" for replica in group["replicas"])
    ]


def _group(row: dict, databases: list | None) -> dict:
    return {
        "name": row["group_name"],
        "cluster_type": word(row["cluster_type_desc"]),
        "is_basic": truth(row["basic_features"]),
        "is_contained": truth(row.get("is_contained", False)),
        "database_health_failover": truth(row["db_failover"]),
        "required_synchronized_secondaries": row["required_synchronized_secondaries_to_commit"],
        "backup_preference": word(row["automated_backup_preference_desc"]),
        "primary_replica": row.get("primary_replica"),
        "health": word(row.get("group_health_desc")),
        "listeners": [],
        "replicas": [],
        "databases": databases,
    }


def _replica(row: dict) -> dict:
    return {
        "name": row["replica_server_name"],
        "endpoint_url": row["endpoint_url"],
        "availability_mode": word(row["availability_mode_desc"]),
        "failover_mode": word(row["failover_mode_desc"]),
        "seeding_mode": word(row["seeding_mode_desc"]),
        "secondary_connections": word(row["secondary_role_allow_connections_desc"]),
        "is_local": truth(row.get("is_local")),
        "role": word(row.get("role_desc")),
        "connected_state": word(row.get("connected_state_desc")),
        "health": word(row.get("synchronization_health_desc")),
        "last_connect_error_number": row.get("last_connect_error_number"),
    }


def _database(row: dict) -> dict:
    return {
        "name": row["database_name"],
        "replica": row["replica_server_name"],
        "is_joined": truth(row["is_database_joined"]),
        "is_failover_ready": truth(row["is_failover_ready"]),
        "synchronization_state": word(row["synchronization_state_desc"]),
        "health": word(row["synchronization_health_desc"]),
        "database_state": word(row["database_state_desc"]),
        "is_suspended": truth(row["is_suspended"]),
        "suspend_reason": word(row["suspend_reason_desc"]),
        "log_send_queue_kib": row["log_send_queue_size"],
        "redo_queue_kib": row["redo_queue_size"],
        "secondary_lag_s": row["secondary_lag_seconds"],
    }
