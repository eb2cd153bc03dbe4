"""What mssql_discover returns, in small: facts for tests, and events as ansible-runner gives them."""

from __future__ import annotations

import copy
from typing import Any

GIB = 1024
FACTS: dict[str, Any] = {
    "version": {
        "server_name": "sql01", "product_version": "16.0.4135.4", "release": "2022", "product_level": "RTM",
        "product_update_level": "CU14", "edition": "Developer Edition (64-bit)", "platform": "linux",
        "distribution": "Ubuntu", "collation": "SQL_Latin1_General_CP1_CI_AS",
        "default_data_path": "/var/opt/mssql/data/", "default_log_path": "/var/opt/mssql/data/",
    },
    "cpu": {"count": 8, "uptime_s": 86400, "busy_percent": 12, "sql_percent": 7},
    "memory": {"total_mib": 16 * GIB, "available_mib": 8 * GIB, "process_in_use_mib": 4200},
    "volumes": [{
        "mount_point": "/var/opt/mssql/data/", "is_derived": True, "folders": ["/var/opt/mssql/data/"],
        "files": 4, "total_mib": 100 * GIB, "available_mib": 80 * GIB, "available_percent": 80.0,
    }],
    "configuration": {"max_server_memory_mib": {"configured": 8192, "running": 8192}},
    "collations": {"count": 3, "names": [
        "Latin1_General_100_CI_AS", "Latin1_General_100_CI_AS_SC_UTF8", "SQL_Latin1_General_CP1_CI_AS",
    ]},
    "hadr": {"is_enabled": False, "manager_status": "not_started", "endpoints": [], "certificates": []},
    "databases": [
        {"name": "master", "is_system": True, "state": "online", "data_size_mib": 4, "log_size_mib": 1,
         "data_max_size_mib": None, "log_max_size_mib": None, "files": []},
        {"name": "shop_orders", "is_system": False, "state": "online", "owner": "shop_owner",
         "recovery_model": "full", "collation": "SQL_Latin1_General_CP1_CI_AS", "compatibility_level": 160,
         "data_size_mib": 64, "data_max_size_mib": 10 * GIB, "log_size_mib": 64, "log_max_size_mib": 2 * GIB,
         "files": [{"name": "shop_orders", "type": "data", "path": "/var/opt/mssql/data/shop_orders.mdf",
                    "state": "online", "size_mib": 64, "max_size_mib": 10 * GIB, "growth_mib": 64}]},
    ],
    "logins": [
        {"name": "sa", "is_disabled": False, "server_roles": ["sysadmin"], "default_database": "master"},
    ],
    "availability_groups": [],
}  # fmt: skip
PROMISED_MIB = 10 * GIB - 64 + 2 * GIB - 64


def facts(**subsets: Any) -> dict[str, Any]:
    """A copy of the facts with some subsets replaced."""
    return {**copy.deepcopy(FACTS), **subsets}


def discovered(host: str, found: dict[str, Any], **result: Any) -> dict[str, Any]:
    """The event of an instance that answered."""
    res = {"instance": found, "unknown": [], "omitted": [], "changed": False, **result}
    return event("runner_on_ok", host, "sqlhosting.mssql.mssql_discover", res)


def unanswered(host: str, text: str) -> dict[str, Any]:
    """The event of an instance that did not answer."""
    res = {"failed": True, "msg": text, "error": {"kind": "ConnectionFailed", "number": None}}
    return event("runner_on_failed", host, "sqlhosting.mssql.mssql_discover", res)


def checked(host: str, **account: Any) -> dict[str, Any]:
    """The event of an account check."""
    outcome = {
        "ok": True, "reachable": True, "encrypted": True, "certificate_verified": False, "login": "platform",
        "is_sysadmin": False, "version": "16.0.4135.4", "missing": [], "obstacles": [], "error": None,
        "error_number": None, **account,
    }  # fmt: skip
    return event("runner_on_ok", host, "ansible.builtin.debug", {"instance_account": outcome})


def event(kind: str, host: str, action: str, res: dict[str, Any]) -> dict[str, Any]:
    """An event of ansible-runner."""
    return {"event": kind, "event_data": {"host": host, "task_action": action, "task": "a task", "res": res}}
