"""Foreign keys, checks, defaults and space of user tables.

And views of things that the simulator does not have.
"""

from __future__ import annotations

from typing import Any

from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.catalog.objects import (
    OBJECT_COLUMNS,
    default_id,
    indexes_of,
    object_row,
    schema_id_of,
    seen_tables,
)
from simulator.sql.registry import Rows, view

_ACTIONS = {"no action": 0, "cascade": 1, "set null": 2, "set default": 3}
_FOREIGN = columns(
    OBJECT_COLUMNS
    + " referenced_object_id:int? key_index_id:int? is_disabled:bit is_not_for_replication:bit "
    "is_not_trusted:bit delete_referential_action:tinyint? delete_referential_action_desc:nvarchar(60)? "
    "update_referential_action:tinyint? update_referential_action_desc:nvarchar(60)? is_system_named:bit"
)


@view("sys.foreign_keys", _FOREIGN)
def foreign_keys(session: Any, database: Database) -> Rows:
    """Foreign keys of the tables that the session sees."""
    return rows(
        _FOREIGN,
        (
            object_row(
                {
                    "name": f.name, "object_id": f.object_id, "parent_object_id": t.object_id, "type": "F ",
                    "type_desc": "FOREIGN_KEY_CONSTRAINT", "referenced_object_id": f.referenced.object_id,
                    "key_index_id": 1, "delete_referential_action": _ACTIONS.get(f.on_delete, 0),
                    "delete_referential_action_desc": f.on_delete.upper().replace(" ", "_"),
                    "update_referential_action": 0, "update_referential_action_desc": "NO_ACTION",
                },
                t,
                schema_id_of(database, t),
            )
            for t in seen_tables(session, database)
            for f in t.foreign_keys
        ),
    )  # fmt: skip


_FOREIGN_COLUMNS = columns(
    "constraint_object_id:int constraint_column_id:int parent_object_id:int parent_column_id:int "
    "referenced_object_id:int referenced_column_id:int"
)


@view("sys.foreign_key_columns", _FOREIGN_COLUMNS)
def foreign_key_columns(session: Any, database: Database) -> Rows:
    """The pairs of columns of each foreign key."""
    return [
        (f.object_id, n, t.object_id, own.column_id, f.referenced.object_id, other.column_id)
        for t in seen_tables(session, database)
        for f in t.foreign_keys
        for n, (own, other) in enumerate(zip(f.columns, f.referenced_columns, strict=True), start=1)
    ]


_CHECKS = columns(
    OBJECT_COLUMNS
    + " is_disabled:bit is_not_for_replication:bit is_not_trusted:bit parent_column_id:int definition:max? "
    "uses_database_collation:bit? is_system_named:bit"
)


@view("sys.check_constraints", _CHECKS)
def check_constraints(session: Any, database: Database) -> Rows:
    """CHECK constraints with their text."""
    return rows(
        _CHECKS,
        (
            object_row(
                {
                    "name": c.name, "object_id": c.object_id, "parent_object_id": t.object_id, "type": "C ",
                    "type_desc": "CHECK_CONSTRAINT", "definition": c.text,
                },
                t,
                schema_id_of(database, t),
            )
            for t in seen_tables(session, database)
            for c in t.checks
        ),
    )  # fmt: skip


_DEFAULTS = columns(OBJECT_COLUMNS + " parent_column_id:int definition:max? is_system_named:bit")


@view("sys.default_constraints", _DEFAULTS)
def default_constraints(session: Any, database: Database) -> Rows:
    """DEFAULT constraints with their text."""
    return rows(
        _DEFAULTS,
        (
            object_row(
                {
                    "name": c.default_name, "object_id": default_id(t, c), "parent_object_id": t.object_id,
                    "type": "D ", "type_desc": "DEFAULT_CONSTRAINT", "parent_column_id": c.column_id,
                    "definition": c.default_text,
                },
                t,
                schema_id_of(database, t),
            )
            for t in seen_tables(session, database)
            for c in t.columns
            if c.default_name
        ),
    )  # fmt: skip


_PARTITIONS = columns(
    "partition_id:bigint object_id:int index_id:int partition_number:int hobt_id:bigint rows:bigint "
    "filestream_filegroup_id:smallint data_compression:tinyint data_compression_desc:nvarchar(60)? "
    "xml_compression:bit? xml_compression_desc:varchar(3)?"
)


@view("sys.partitions", _PARTITIONS)
def partitions(session: Any, database: Database) -> Rows:
    """One partition per heap or index, with its number of rows."""
    found = [
        {
            "partition_id": t.object_id * 65536 + number, "object_id": t.object_id, "index_id": number,
            "partition_number": 1, "hobt_id": t.object_id * 65536 + number, "rows": len(t.rows),
            "data_compression_desc": "NONE", "xml_compression": 0, "xml_compression_desc": "OFF",
        }
        for t in seen_tables(session, database)
        for number, _ in indexes_of(t)
    ]  # fmt: skip
    return rows(_PARTITIONS, found)


_STATS = columns(
    "partition_id:bigint? object_id:int index_id:int partition_number:int in_row_data_page_count:bigint? "
    "in_row_used_page_count:bigint? in_row_reserved_page_count:bigint? lob_used_page_count:bigint? "
    "lob_reserved_page_count:bigint? row_overflow_used_page_count:bigint? "
    "row_overflow_reserved_page_count:bigint? "
    "used_page_count:bigint? reserved_page_count:bigint? row_count:bigint?"
)


@view("sys.dm_db_partition_stats", _STATS)
def dm_db_partition_stats(session: Any, database: Database) -> Rows:
    """Pages and rows of each table; the pages are counted with its heap or clustered index."""
    found = []
    for t in seen_tables(session, database):
        for number, _ in indexes_of(t):
            pages = int(t.used_kib // 8) if number <= 1 else 0
            found.append(
                {
                    "partition_id": t.object_id * 65536 + number, "object_id": t.object_id,
                    "index_id": number,
                    "partition_number": 1, "in_row_data_page_count": pages, "in_row_used_page_count": pages,
                    "in_row_reserved_page_count": pages, "lob_used_page_count": 0,
                    "lob_reserved_page_count": 0,
                    "row_overflow_used_page_count": 0, "row_overflow_reserved_page_count": 0,
                    "used_page_count": pages, "reserved_page_count": pages, "row_count": len(t.rows),
                }
            )  # fmt: skip
    return rows(_STATS, found)


_NONE = {
    "sys.sql_modules": "object_id:int definition:max? uses_ansi_nulls:bit? uses_quoted_identifier:bit? "
    "execute_as_principal_id:int?",
    "sys.triggers": "name:sysname object_id:int parent_class:tinyint parent_id:int type:char(2) "
    "is_disabled:bit",
    "sys.synonyms": OBJECT_COLUMNS + " base_object_name:nvarchar(1035)?",
    "sys.sequences": OBJECT_COLUMNS + " start_value:variant increment:variant current_value:variant",
    "sys.parameters": "object_id:int name:sysname? parameter_id:int system_type_id:tinyint user_type_id:int",
    "sys.linked_logins": "server_id:int local_principal_id:int? uses_self_credential:bit "
    "remote_name:sysname?",
    "sys.dm_database_encryption_keys": "database_id:int encryption_state:int create_date:datetime "
    "key_algorithm:nvarchar(32) key_length:int encryptor_thumbprint:varbinary(20) percent_complete:real",
}


def _nothing(_session: Any, _database: Database) -> Rows:
    return []


for _name, _text in _NONE.items():
    view(_name, columns(_text))(_nothing)
