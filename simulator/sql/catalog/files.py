"""sys.master_files, sys.database_files, filegroups and volumes."""

from __future__ import annotations

from typing import Any

from simulator.estate.access import has_server
from simulator.estate.database import Database
from simulator.estate.files import DatabaseFile
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, table_function, view

_FILE = (
    "file_id:int file_guid:guid? type:tinyint type_desc:nvarchar(60)? data_space_id:int name:sysname? "
    "physical_name:nvarchar(260)? state:tinyint? state_desc:nvarchar(60)? size:int max_size:int growth:int "
    "is_media_read_only:bit is_read_only:bit is_sparse:bit is_percent_growth:bit is_name_reserved:bit"
)
_LSNS = (
    " create_lsn:lsn? drop_lsn:lsn? read_only_lsn:lsn? read_write_lsn:lsn? differential_base_lsn:lsn? "
    "differential_base_guid:guid? differential_base_time:datetime? redo_start_lsn:lsn? "
    "redo_start_fork_guid:guid? redo_target_lsn:lsn? redo_target_fork_guid:guid? backup_lsn:lsn?"
)
_MASTER = columns(
    "database_id:int " + _FILE + " is_persistent_log_buffer:bit" + _LSNS + " credential_id:int?"
)
_DATABASE = columns(_FILE + " is_persistent_log_buffer:bit" + _LSNS)


def _row(database: Database, file: DatabaseFile, state: str) -> dict[str, Any]:
    return {
        "database_id": database.database_id, "file_id": file.file_id, "file_guid": file.guid,
        "type": int(file.type == "LOG"), "type_desc": file.type, "data_space_id": int(file.type == "ROWS"),
        "name": file.name, "physical_name": file.path,
        "state": {"ONLINE": 0, "RESTORING": 1, "OFFLINE": 6}[state], "state_desc": state,
        "size": file.size, "max_size": file.max_size, "growth": file.growth,
        "is_read_only": int(database.is_read_only), "is_sparse": int(database.is_snapshot),
        "is_percent_growth": int(file.is_percent_growth),
    }  # fmt: skip


@view("sys.master_files", _MASTER)
def master_files(session: Any, _database: Database) -> Rows:
    """All files of all databases.

    Needs CREATE ANY DATABASE, ALTER ANY DATABASE or VIEW ANY DEFINITION per row.
    """
    needed = ("CREATE ANY DATABASE", "ALTER ANY DATABASE", "VIEW ANY DEFINITION")
    if not any(has_server(session, p) for p in needed):
        return []
    found = [
        _row(d, f, d.state if d.state in {"RESTORING", "OFFLINE"} else "ONLINE")
        for d in session.instance.databases
        for f in d.files
    ]
    return rows(_MASTER, found)


@view("sys.database_files", _DATABASE)
def database_files(_session: Any, database: Database) -> Rows:
    """The files of the database it is read in."""
    return rows(_DATABASE, (_row(database, f, "ONLINE") for f in database.files))


_GROUPS = columns(
    "name:sysname data_space_id:int type:char(2) type_desc:nvarchar(60)? is_default:bit? is_system:bit? "
    "filegroup_guid:guid? log_filegroup_id:int? is_read_only:bit? is_autogrow_all_files:bit?"
)


@view("sys.filegroups", _GROUPS)
def filegroups(_session: Any, database: Database) -> Rows:
    """PRIMARY, the only filegroup that the simulator keeps data in, and those that CREATE DATABASE named."""
    names = dict.fromkeys(["PRIMARY", *(f.filegroup for f in database.data_files)])
    return rows(
        _GROUPS,
        (
            {
                "name": n, "data_space_id": i, "type": "FG", "type_desc": "ROWS_FILEGROUP",
                "is_default": int(i == 1), "is_system": 0, "is_read_only": 0, "is_autogrow_all_files": 0,
            }
            for i, n in enumerate(names, start=1)
        ),
    )  # fmt: skip


@view("sys.data_spaces", _GROUPS[:6])
def data_spaces(session: Any, database: Database) -> Rows:
    """Filegroups, seen as data spaces."""
    return [r[:6] for r in filegroups(session, database)]


_VOLUMES = columns(
    "database_id:int? file_id:int? volume_mount_point:nvarchar(512)? volume_id:nvarchar(512)? "
    "logical_volume_name:nvarchar(512)? file_system_type:nvarchar(512)? total_bytes:bigint? "
    "available_bytes:bigint? "
    "supports_compression:tinyint? supports_alternate_streams:tinyint? supports_sparse_files:tinyint? "
    "is_read_only:tinyint? is_compressed:tinyint? incurs_seek_penalty:tinyint?"
)


@table_function("sys.dm_os_volume_stats", _VOLUMES)
def dm_os_volume_stats(session: Any, _database: Database, database_id: Any, file_id: Any) -> Rows:
    """The volume of a database file; bytes. On Linux mount point, id, label and file system are NULL."""
    instance = session.instance
    found = instance.database_by_id(database_id) if database_id is not None else None
    file = next((f for f in found.files if f.file_id == file_id), None) if found else None
    volume = instance.disk.volume_of(file.path) if file else None
    if volume is None:
        return []
    windows = instance.is_windows
    number = instance.disk.volumes.index(volume)
    volume_id = f"\\\\?\\Volume{{00000000-0000-0000-0000-{number:012d}}}\\"
    return rows(
        _VOLUMES,
        [
            {
                "database_id": database_id, "file_id": file_id,
                "volume_mount_point": volume.mount_point if windows else None,
                "volume_id": volume_id if windows else None,
                "logical_volume_name": volume.label if windows else None,
                "file_system_type": "NTFS" if windows else None,
                "total_bytes": volume.total, "available_bytes": instance.disk.free(volume),
                "supports_compression": int(windows), "supports_alternate_streams": int(windows),
                "supports_sparse_files": 1, "is_read_only": 0, "is_compressed": 0,
            }
        ],
    )  # fmt: skip


_SPACE = columns(
    "database_id:smallint? file_id:smallint? filegroup_id:smallint? total_page_count:bigint? "
    "allocated_extent_page_count:bigint? unallocated_extent_page_count:bigint? "
    "version_store_reserved_page_count:bigint? user_object_reserved_page_count:bigint? "
    "internal_object_reserved_page_count:bigint? mixed_extent_page_count:bigint? "
    "modified_extent_page_count:bigint?"
)


@view("sys.dm_db_file_space_usage", _SPACE)
def dm_db_file_space_usage(_session: Any, database: Database) -> Rows:
    """Pages allocated in each data file of the database it is read in."""
    return rows(
        _SPACE,
        (
            {
                "database_id": database.database_id, "file_id": f.file_id, "filegroup_id": 1,
                "total_page_count": f.size, "allocated_extent_page_count": int(f.used),
                "unallocated_extent_page_count": f.size - int(f.used), "version_store_reserved_page_count": 0,
                "user_object_reserved_page_count": int(f.used), "internal_object_reserved_page_count": 0,
                "mixed_extent_page_count": 0, "modified_extent_page_count": 0,
            }
            for f in database.data_files
        ),
    )  # fmt: skip
