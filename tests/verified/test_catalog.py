"""Columns that the templates read: the simulator's views have the names and types of a real server's."""

from __future__ import annotations

import pytest

from tests.verified.server import Server

pytestmark = pytest.mark.sqlserver_verified

# view -> the columns that the platform reads, with their types (Microsoft Learn, one page for each view)
COLUMNS = {
    "sys.databases": {
        "name": str,
        "database_id": int,
        "owner_sid": bytearray,
        "collation_name": str,
        "state_desc": str,
        "recovery_model_desc": str,
        "containment_desc": str,
        "user_access_desc": str,
        "compatibility_level": int,
        "is_read_committed_snapshot_on": bool,
        "is_read_only": bool,
    },
    "sys.master_files": {
        "database_id": int,
        "file_id": int,
        "type_desc": str,
        "name": str,
        "physical_name": str,
        "size": int,
        "max_size": int,
        "growth": int,
        "is_percent_growth": bool,
    },
    "sys.sql_logins": {
        "name": str,
        "sid": bytearray,
        "is_disabled": bool,
        "is_policy_checked": bool,
        "is_expiration_checked": bool,
        "default_database_name": str,
        "password_hash": bytearray,
    },
    "sys.dm_os_sys_info": {"cpu_count": int, "physical_memory_kb": int, "committed_target_kb": int},
    "sys.dm_os_sys_memory": {"total_physical_memory_kb": int, "available_physical_memory_kb": int},
    "sys.dm_os_host_info": {"host_platform": str, "host_distribution": str},
    "sys.configurations": {"name": str},
    "sys.dm_exec_sessions": {
        "session_id": int,
        "login_name": str,
        "security_id": bytearray,
        "database_id": int,
    },
}


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_has_the_columns_that_the_platform_reads(server: Server, view: str) -> None:
    wanted = COLUMNS[view]
    connection = server.connect()
    try:
        cursor = connection.execute(f"SELECT TOP (1) {', '.join(wanted)} FROM {view}")
        assert {column[0]: column[1] for column in cursor.description} == wanted
        assert cursor.fetchone() is not None
    finally:
        connection.close()
