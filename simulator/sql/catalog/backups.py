"""msdb's backup history. Times are the server's local time, sizes bytes."""

from __future__ import annotations

from typing import Any

from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, view

_SETS = columns(
    """
    backup_set_id:int backup_set_uuid:guid media_set_id:int first_family_number:tinyint?
    first_media_number:smallint?
    last_family_number:tinyint? last_media_number:smallint? position:int? expiration_date:datetime?
    name:nvarchar(128)? description:nvarchar(255)? user_name:nvarchar(128)? first_lsn:lsn? last_lsn:lsn?
    checkpoint_lsn:lsn? database_backup_lsn:lsn? database_creation_date:datetime? backup_start_date:datetime?
    backup_finish_date:datetime? type:char(1)? compatibility_level:tinyint? database_version:int?
    backup_size:bigint? compressed_backup_size:bigint? database_name:nvarchar(128)? server_name:nvarchar(128)?
    machine_name:nvarchar(128)? recovery_model:nvarchar(60)? is_copy_only:bit? has_backup_checksums:bit?
    is_damaged:bit? is_snapshot:bit? is_readonly:bit? is_single_user:bit? begins_log_chain:bit?
    """
)


@view("msdb.dbo.backupset", _SETS)
def backupset(session: Any, _database: Database) -> Rows:
    """One row per backup: type D full, I differential, L log."""
    instance = session.instance
    return rows(
        _SETS,
        (
            {
                "backup_set_id": b["id"], "backup_set_uuid": b["uuid"], "media_set_id": b["id"],
                "first_family_number": 1, "first_media_number": 1, "last_family_number": 1,
                "last_media_number": 1, "position": 1, "name": b["name"], "user_name": b["user"],
                "first_lsn": b["first_lsn"], "last_lsn": b["last_lsn"], "checkpoint_lsn": b["checkpoint_lsn"],
                "database_creation_date": b["created"], "backup_start_date": b["start"],
                "backup_finish_date": b["finish"], "type": b["type"],
                "compatibility_level": instance.major * 10, "backup_size": b["size"],
                "compressed_backup_size": b["size"], "database_name": b["database"],
                "server_name": instance.server_name, "machine_name": instance.name,
                "recovery_model": b["recovery_model"], "is_copy_only": int(b["copy_only"]),
                "has_backup_checksums": int(b["checksum"]), "is_damaged": 0, "is_snapshot": 0,
                "is_readonly": 0,
                "is_single_user": 0, "begins_log_chain": 0,
            }
            for b in instance.backups
        ),
    )  # fmt: skip


_FAMILIES = columns(
    "media_set_id:int family_sequence_number:tinyint media_family_id:guid? media_count:int? "
    "logical_device_name:nvarchar(128)? physical_device_name:nvarchar(260)? device_type:tinyint? "
    "physical_block_size:int? mirror:tinyint"
)


@view("msdb.dbo.backupmediafamily", _FAMILIES)
def backupmediafamily(session: Any, _database: Database) -> Rows:
    """Where each backup lies; device_type 2 is a file on disk."""
    return [
        (b["id"], number, b["uuid"], 1, None, path, 2, 512, 0)
        for b in session.instance.backups
        for number, path in enumerate(b["devices"], start=1)
    ]
