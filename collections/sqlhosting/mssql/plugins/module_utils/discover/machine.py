# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The instance itself, its machine and its settings: rows of the server's views to what is returned. Pure."""

from __future__ import annotations

import re

from ansible_collections.sqlhosting.mssql.plugins.module_utils._rights import SQL_SERVER_2022
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import (
    hexadecimal,
    mib_from_bytes,
    mib_from_kib,
    truth,
    utc_text,
    word,
)

RELEASES = {15: "2019", 16: "2022", 17: "2025"}
# EngineEdition of SERVERPROPERTY: 2 Standard and Web, 3 Enterprise, Developer and Evaluation, 4 Express.
STANDARD, ENTERPRISE, EXPRESS = 2, 3, 4
UNLIMITED_MEMORY_MB = 2147483647  # max server memory (MB) when nobody set it
HADR_STATUS = {0: "pending", 1: "running", 2: "failed"}  # HadrManagerStatus of SERVERPROPERTY
SETTINGS = {
    "max server memory (MB)": "max_server_memory_mib",
    "max degree of parallelism": "max_degree_of_parallelism",
    "cost threshold for parallelism": "cost_threshold_for_parallelism",
    "contained database authentication": "contained_database_authentication",
}


# How @@VERSION ends: "… on Linux (Ubuntu 22.04.4 LTS) <X64>", "… on Windows Server 2022 Standard 10.0 <X64>".
_SYSTEM = re.compile(r"\bon (?:(Linux) \(([^()]*)\)|((Windows)\b[^<]*))")


def platform_of(version_text: str | None) -> tuple:
    """(``linux`` or ``windows``, the distribution without its version); None for what is not told.

    From @@VERSION, which everybody may read; sys.dm_os_host_info needs a right from 2022.
    """
    found = list(_SYSTEM.finditer(version_text or ""))
    if not found:
        return None, None
    linux, distribution, windows, _word = found[-1].groups()
    if linux:
        return "linux", re.sub(r"\s+\d.*", "", distribution.strip()) or None
    return "windows", re.sub(r"\s+\d+\.\d+$", "", windows.strip())


def version_of(row: dict, major_version: int, *, offset_minutes: int) -> dict:
    """The subset ``version`` from the row of ``instance/identity``."""
    platform, distribution = platform_of(row["version_text"])
    return {
        "server_name": row["server_name"],
        "machine_name": row["machine_name"],
        "instance_name": row["instance_name"],
        "product_version": row["product_version"],
        "major_version": major_version,
        "release": RELEASES.get(major_version),
        "product_level": row["product_level"],
        "product_update_level": row["product_update_level"],
        "edition": row["edition"],
        "engine_edition": row["engine_edition"],
        "platform": platform,
        "distribution": distribution,
        "collation": row["collation"],
        "default_data_path": row["default_data_path"],
        "default_log_path": row["default_log_path"],
        "default_backup_path": row["default_backup_path"],
        "is_clustered": truth(row["is_clustered"]),
        "is_windows_authentication_only": truth(row["is_windows_authentication_only"]),
        "utc_offset_minutes": offset_minutes,
        "features": features_of(major_version, row["engine_edition"]),
    }


def features_of(major_version: int, engine_edition: int) -> dict:
    """What version and edition allow, as far as hosting needs to know before it asks for it.

    Basic availability groups: Standard; full ones: Enterprise and Developer (Editions and supported features
    on Microsoft Learn). Contained groups and S3 backups: from 2022, the latter not with Express.
    """
    groups = {ENTERPRISE: "full", STANDARD: "basic"}.get(engine_edition, "none")
    modern = major_version >= SQL_SERVER_2022
    return {
        "availability_groups": groups,
        "contained_availability_groups": modern and groups == "full",
        "backup_to_s3": modern and engine_edition != EXPRESS,
    }


def cpu_of(row: dict, load: list, *, is_linux: bool, offset_minutes: int) -> tuple:
    """(the subset ``cpu``, why the load is unknown or None).

    On Linux the kernel's idle share reaches SQL Server up to 2022 as 0, always (engine's ring buffer); a 0
    there is therefore no measurement.
    """
    sample = load[0] if load else {"sql_percent": None, "idle_percent": None}
    idle, reason = sample["idle_percent"], None
    if not load:
        reason = "SQL Server takes one sample a minute and has none yet"
    elif is_linux and not idle:
        idle, reason = (
            None,
            "SQL Server on Linux reports 0 % idle whatever the load is, so the load cannot be told",
        )
    return {
        "count": row["cpu_count"],
        "sockets": row["socket_count"],
        "cores_per_socket": row["cores_per_socket"],
        "hyperthread_ratio": row["hyperthread_ratio"],
        "numa_nodes": row["numa_node_count"],
        "schedulers": row["scheduler_count"],
        "virtual_machine": word(row["virtual_machine_type_desc"]),
        "container": word(row["container_type_desc"]),
        "uptime_s": None if row["uptime_s"] is None else int(row["uptime_s"]),
        "started_at": utc_text(row["sqlserver_start_time"], offset_minutes=offset_minutes),
        "sql_percent": sample["sql_percent"],
        "idle_percent": idle,
        "busy_percent": None if idle is None else 100 - idle,
    }, reason


def memory_of(row: dict) -> dict:
    """The subset ``memory``. ``total_mib`` and ``available_mib`` are the machine's, the rest SQL Server's
    own."""
    return {
        "total_mib": mib_from_kib(row["total_physical_memory_kb"]),
        "available_mib": mib_from_kib(row["available_physical_memory_kb"]),
        "state": row["system_memory_state_desc"],
        "is_low": truth(row["system_low_memory_signal_state"]),
        "process_in_use_mib": mib_from_kib(row["physical_memory_in_use_kb"]),
        "process_is_low": truth(row["process_physical_memory_low"]),
        "committed_mib": mib_from_kib(row["committed_kb"]),
        "committed_target_mib": mib_from_kib(row["committed_target_kb"]),
    }


def configuration_of(rows: list) -> dict:
    """The subset ``configuration``: each setting as configured and as running; memory None when unlimited."""
    found = {}
    for row in rows:
        key = SETTINGS[row["name"]]
        values = {"configured": int(row["configured"]), "running": int(row["running"])}
        if key == "max_server_memory_mib":
            values = {name: None if mb == UNLIMITED_MEMORY_MB else mb for name, mb in values.items()}
        if key == "contained_database_authentication":
            values = {name: bool(value) for name, value in values.items()}
        found[key] = values
    return found


def hadr_of(identity: dict, rows: list | None) -> dict:
    """The subset ``hadr``: ``rows`` of ``instance/endpoints``, None when the login may not see them."""
    is_enabled = truth(identity["is_hadr_enabled"])
    endpoints = certificates = None
    if rows is not None:
        endpoints = [_endpoint(row) for row in rows if row["endpoint_name"]]
        certificates = [
            {
                "name": row["certificate_name"],
                "thumbprint": hexadecimal(row["thumbprint"]),
                "expires_at": utc_text(row["expiry_date"]),  # certificates carry their dates in UTC
                "private_key": word(row["pvt_key_encryption_type_desc"]),
            }
            for row in rows
            if row["certificate_name"] and not row["certificate_name"].startswith("##")
        ]
    return {
        "is_enabled": is_enabled,
        # Where it is off, its manager does not run by intention, which the server calls failed too.
        "manager_status": HADR_STATUS.get(identity["hadr_manager_status"]) if is_enabled else None,
        "endpoints": endpoints,
        "certificates": certificates,
    }


def _endpoint(row: dict) -> dict:
    return {
        "name": row["endpoint_name"],
        "state": word(row["state_desc"]),
        "role": word(row["role_desc"]),
        "authentication": word(row["connection_auth_desc"]),
        "encryption": word(row["encryption_algorithm_desc"]),
        "port": row["port"],
        "ip_address": row["ip_address"],
        "certificate": row["certificate_name"],
    }


def volumes_of(rows: list) -> list:
    """The subset ``volumes``, from rows of ``instance/files`` with volumes; only volumes that hold a
    database file.

    On Linux SQL Server names no mount point (sys.dm_os_volume_stats): then the folders of the files tell
    volumes apart, ``mount_point`` is what their paths have in common, and ``is_derived`` is true. Folders
    with the same total space and, within a thousandth of it, the same free space are taken for one volume,
    so that room is rather counted once too seldom than twice.
    """
    volumes: list = []
    for row in rows:
        if row["total_bytes"] is None:
            continue
        volume = _same_volume(volumes, row)
        if volume is None:
            volume = {"row": row, "folders": set(), "files": 0}
            volumes.append(volume)
        volume["folders"].add(_folder(row["physical_name"]))
        volume["files"] += 1
        if row["available_bytes"] < volume["row"]["available_bytes"]:
            volume["row"] = row
    return sorted((_volume(volume) for volume in volumes), key=lambda volume: volume["mount_point"])


def _same_volume(volumes: list, row: dict) -> dict | None:
    for volume in volumes:
        other = volume["row"]
        if row["mount_point"] or other["mount_point"]:
            if row["mount_point"] == other["mount_point"]:
                return volume
        elif _folder(row["physical_name"]) in volume["folders"] or (
            row["total_bytes"] == other["total_bytes"]
            and abs(row["available_bytes"] - other["available_bytes"]) * 1000 <= row["total_bytes"]
        ):
            return volume
    return None


def _volume(volume: dict) -> dict:
    row, folders = volume["row"], sorted(volume["folders"])
    total, available = row["total_bytes"], row["available_bytes"]
    return {
        "mount_point": row["mount_point"] or _common_folder(folders),
        "is_derived": not row["mount_point"],
        "label": row["label"] or None,
        "folders": folders,
        "files": volume["files"],
        "total_mib": mib_from_bytes(total),
        "available_mib": mib_from_bytes(available),
        "available_percent": round(100 * available / total, 1) if total else None,
    }


def _folder(path: str) -> str:
    """The folder of a server's path, with its last separator (``/`` or ``\\``)."""
    end = max(path.rfind("/"), path.rfind("\\")) + 1
    return path[:end]


def _common_folder(folders: list) -> str:
    """The longest folder that all lie in: ``/var/opt/mssql/`` of ``/var/opt/mssql/data/`` and ``…/log/``."""
    first, last = folders[0], folders[-1]
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    return _folder(first[:common])
