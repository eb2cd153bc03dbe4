# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Databases, their files and logins: rows of the server's views to what is returned. Pure."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import is_system_database
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import (
    hexadecimal,
    max_mib_from_pages,
    mib_from_pages,
    sum_known,
    truth,
    utc_text,
    word,
)

FILE_KINDS = {0: "data", 1: "log", 2: "filestream", 4: "fulltext"}  # sys.master_files.type


def databases_of(rows: list, *, offset_minutes: int) -> list:
    """The subset ``databases`` from ``instance/databases``, without files yet."""
    names = {row["database_id"]: row["name"] for row in rows}
    return [
        {
            "name": row["name"],
            "database_id": row["database_id"],
            "is_system": is_system_database(row["name"]),
            "state": word(row["state_desc"]),
            "user_access": word(row["user_access_desc"]),
            "owner": row["owner_name"],
            "recovery_model": word(row["recovery_model_desc"]),
            "collation": row["collation_name"],
            "containment": word(row["containment_desc"]),
            "compatibility_level": row["compatibility_level"],
            "read_committed_snapshot": truth(row["is_read_committed_snapshot_on"]),
            "is_read_only": truth(row["is_read_only"]),
            "is_auto_close": truth(row["is_auto_close_on"]),
            "is_encrypted": truth(row["is_encrypted"]),
            "in_availability_group": truth(row["in_availability_group"]),
            "snapshot_of": names.get(row["source_database_id"]),
            "log_reuse_wait": word(row["log_reuse_wait_desc"]),
            "created_at": utc_text(row["create_date"], offset_minutes=offset_minutes),
        }
        for row in rows
    ]


def add_files(databases: list, rows: list) -> None:
    """Give each database its files, and what its data and log files hold and may hold together, in MiB."""
    by_id: dict = {}
    for row in rows:
        by_id.setdefault(row["database_id"], []).append(_file(row))
    for database in databases:
        files = by_id.get(database["database_id"], [])
        database["files"] = files
        for kind in ("data", "log"):
            of_kind = [file for file in files if file["type"] == kind]
            database[f"{kind}_size_mib"] = (
                sum_known([file["size_mib"] for file in of_kind]) if of_kind else None
            )
            database[f"{kind}_max_size_mib"] = (
                sum_known([file["max_size_mib"] for file in of_kind]) if of_kind else None
            )


def _file(row: dict) -> dict:
    kind = FILE_KINDS.get(row["file_type"], "other")
    growth: dict = {"growth_mib": mib_from_pages(row["growth"])}
    if row["is_percent_growth"]:
        growth = {"growth_percent": row["growth"]}
    return {
        "name": row["file_name"],
        "type": kind,
        "path": row["physical_name"],
        "state": word(row["file_state"]),
        "size_mib": mib_from_pages(row["size"]),
        "max_size_mib": max_mib_from_pages(row["max_size"], row["size"], is_log=kind == "log"),
        **growth,
    }


def add_used(databases: list, used: dict) -> list:
    """Give each database what is used in its data and log files, in MiB; the names of those not measured.

    ``used``: database id to ``{"data": pages, "log": pages}`` (None: unknown).
    """
    unmeasured = []
    for database in databases:
        pages = used.get(database["database_id"], {})
        for kind in ("data", "log"):
            database[f"{kind}_used_mib"] = mib_from_pages(pages.get(kind))
        if pages.get("data") is None:
            unmeasured.append(database["name"])
    return unmeasured


def logins_of(rows: list, *, offset_minutes: int) -> list:
    """The subset ``logins``; ``rows`` of ``instance/logins`` hold one row for each server role of a login."""
    found: dict = {}
    for row in rows:
        login = found.setdefault(
            row["principal_id"],
            {
                "name": row["name"],
                "type": word(row["type_desc"]),
                "sid": hexadecimal(row["sid"]),
                "is_disabled": truth(row["is_disabled"]),
                "is_locked": truth(row["is_locked"]),
                "default_database": row["default_database_name"],
                "check_policy": truth(row["is_policy_checked"]),
                "check_expiration": truth(row["is_expiration_checked"]),
                "created_at": utc_text(row["create_date"], offset_minutes=offset_minutes),
                "server_roles": [],
            },
        )
        if row["server_role"]:
            login["server_roles"].append(row["server_role"])
    return list(found.values())
