"""User tables in the catalog.

Sys.objects, sys.tables, sys.columns, sys.types, sys.indexes, keys and constraints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.estate import permission_names as names
from simulator.estate.database import Database
from simulator.estate.permissions import has_securable_permission
from simulator.estate.tables import Key, Table
from simulator.sql.catalog.common import columns, rows
from simulator.sql.catalog.types import SYSTEM_TYPES, type_row
from simulator.sql.ddl.objects import tables_of
from simulator.sql.registry import VIEWS, Rows, view
from simulator.sqltypes import BIGINT, Variant

_SEEING = ("VIEW DEFINITION", "SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES", "ALTER")
_KINDS = {
    "primary key": ("PK", "PRIMARY_KEY_CONSTRAINT"),
    "unique": ("UQ", "UNIQUE_CONSTRAINT"),
}


def schema_id_of(database: Database, table: Table) -> int:
    """The id of a table's schema."""
    schema = database.schema(table.schema)
    return schema.schema_id if schema else 1


def seen_tables(session: Any, database: Database) -> list[Table]:
    """The tables on which the session holds any permission."""

    def seen(table: Table) -> bool:
        schema_id = schema_id_of(database, table)
        return any(
            has_securable_permission(
                session.login, database, p, names.OBJECT, table.object_id, schema_id=schema_id
            )
            for p in _SEEING
        )

    return [t for t in tables_of(database) if seen(t)]


OBJECT_COLUMNS = (
    "name:sysname object_id:int principal_id:int? schema_id:int parent_object_id:int type:char(2)? "
    "type_desc:nvarchar(60)? create_date:datetime modify_date:datetime is_ms_shipped:bit is_published:bit "
    "is_schema_published:bit"
)
_OBJECTS = columns(OBJECT_COLUMNS)


def object_row(of: dict[str, Any], table: Table, schema_id: int) -> dict[str, Any]:
    changed = table.modified or table.created
    return {"schema_id": schema_id, "create_date": table.created, "modify_date": changed, **of}


def _all_objects(session: Any, database: Database) -> Iterator[dict[str, Any]]:
    for table in seen_tables(session, database):
        schema_id = schema_id_of(database, table)
        inside = {"parent_object_id": table.object_id}
        own = {"name": table.name, "object_id": table.object_id, "type": "U ", "type_desc": "USER_TABLE"}
        yield object_row(own, table, schema_id)
        for key in table.keys:
            if key.kind in _KINDS:
                code, text = _KINDS[key.kind]
                row = {"name": key.name, "object_id": key.object_id, "type": code, "type_desc": text}
                yield object_row(row | inside, table, schema_id)
        for check in table.checks:
            row = {
                "name": check.name,
                "object_id": check.object_id,
                "type": "C ",
                "type_desc": "CHECK_CONSTRAINT",
            }
            yield object_row(row | inside, table, schema_id)
        for foreign in table.foreign_keys:
            row = {"name": foreign.name, "object_id": foreign.object_id, "type": "F "}
            yield object_row(row | inside | {"type_desc": "FOREIGN_KEY_CONSTRAINT"}, table, schema_id)
        for column in table.columns:
            if column.default_name:
                row = {"name": column.default_name, "object_id": default_id(table, column), "type": "D "}
                yield object_row(row | inside | {"type_desc": "DEFAULT_CONSTRAINT"}, table, schema_id)


def default_id(table: Table, column: Any) -> int:
    return int(table.object_id) + 1_000_000 + int(column.column_id)


@view("sys.objects", _OBJECTS)
def objects(session: Any, database: Database) -> Rows:
    """User tables and their constraints."""
    return rows(_OBJECTS, _all_objects(session, database))


@view("sys.all_objects", _OBJECTS)
def all_objects(session: Any, database: Database) -> Rows:
    """User objects and the system views."""
    return [*rows(_OBJECTS, _all_objects(session, database)), *rows(_OBJECTS, _system_views(session))]


def _system_views(session: Any) -> Iterator[dict[str, Any]]:
    created = session.instance.databases[0].created
    for number, name in enumerate(sorted(VIEWS)):
        schema, _, short = name.partition(".")
        if schema not in {"sys", "information_schema"}:
            continue
        yield {
            "name": short if schema == "sys" else short.upper(), "object_id": -100 - number,
            "schema_id": 4 if schema == "sys" else 3, "type": "V ", "type_desc": "VIEW",
            "create_date": created, "modify_date": created, "is_ms_shipped": 1,
        }  # fmt: skip


@view("sys.system_views", _OBJECTS)
def system_views(session: Any, _database: Database) -> Rows:
    """The system views that the simulator has."""
    return rows(_OBJECTS, _system_views(session))


@view("sys.system_objects", _OBJECTS)
def system_objects(session: Any, _database: Database) -> Rows:
    """The system views that the simulator has."""
    return rows(_OBJECTS, _system_views(session))


@view("sys.views", _OBJECTS)
def views(_session: Any, _database: Database) -> Rows:
    """User views: the simulator has none."""
    return []


@view("sys.procedures", _OBJECTS)
def procedures(_session: Any, _database: Database) -> Rows:
    """User procedures: the simulator has none."""
    return []


_TABLES = columns(
    OBJECT_COLUMNS
    + " lob_data_space_id:int filestream_data_space_id:int? max_column_id_used:int lock_on_bulk_load:bit "
    "uses_ansi_nulls:bit? is_replicated:bit? is_merge_published:bit? is_memory_optimized:bit? "
    "durability:tinyint? "
    "temporal_type:tinyint? temporal_type_desc:nvarchar(60)? history_table_id:int? is_external:bit "
    "is_node:bit? "
    "is_edge:bit?"
)


@view("sys.tables", _TABLES)
def tables(session: Any, database: Database) -> Rows:
    """User tables."""
    found = [
        object_row(
            {
                "name": t.name, "object_id": t.object_id, "type": "U ", "type_desc": "USER_TABLE",
                "max_column_id_used": len(t.columns), "uses_ansi_nulls": 1, "is_replicated": 0,
                "is_merge_published": 0, "is_memory_optimized": 0, "durability": 0, "temporal_type": 0,
                "temporal_type_desc": "NON_TEMPORAL_TABLE", "is_node": 0, "is_edge": 0,
            },
            t,
            schema_id_of(database, t),
        )
        for t in seen_tables(session, database)
    ]  # fmt: skip
    return rows(_TABLES, found)


_COLUMNS = columns(
    "object_id:int name:sysname? column_id:int system_type_id:tinyint user_type_id:int max_length:smallint "
    "precision:tinyint scale:tinyint collation_name:sysname? is_nullable:bit? is_ansi_padded:bit "
    "is_rowguidcol:bit is_identity:bit is_computed:bit is_filestream:bit is_replicated:bit? "
    "is_non_sql_subscribed:bit? is_merge_published:bit? is_dts_replicated:bit? is_xml_document:bit "
    "xml_collection_id:int default_object_id:int rule_object_id:int is_sparse:bit? is_column_set:bit? "
    "generated_always_type:tinyint? generated_always_type_desc:nvarchar(60)? is_hidden:bit is_masked:bit"
)


def _column_row(database: Database, table: Table, column: Any) -> dict[str, Any]:
    kind = type_row(column.type)
    is_text = column.type.name in {"char", "varchar", "nchar", "nvarchar", "text", "ntext"}
    return {
        "object_id": table.object_id, "name": column.name, "column_id": column.column_id, **kind,
        "collation_name": (column.collation or database.collation_name) if is_text else None,
        "is_nullable": int(column.nullable), "is_ansi_padded": 1, "is_identity": int(bool(column.identity)),
        "default_object_id": default_id(table, column) if column.default_name else 0, "is_sparse": 0,
        "is_column_set": 0, "generated_always_type": 0, "generated_always_type_desc": "NOT_APPLICABLE",
    }  # fmt: skip


@view("sys.columns", _COLUMNS)
def columns_(session: Any, database: Database) -> Rows:
    """Columns of user tables; ``max_length`` in bytes, −1 for max."""
    found = [_column_row(database, t, c) for t in seen_tables(session, database) for c in t.columns]
    return rows(_COLUMNS, found)


@view("sys.all_columns", _COLUMNS)
def all_columns(session: Any, database: Database) -> Rows:
    """Columns of user tables and of the system views."""
    return [*columns_(session, database), *system_columns(session, database)]


@view("sys.system_columns", _COLUMNS)
def system_columns(session: Any, database: Database) -> Rows:
    """Columns of the system views."""
    found = []
    for of in _system_views(session):
        name = ("sys." if of["schema_id"] == 4 else "information_schema.") + of["name"].lower()
        for place, c in enumerate(VIEWS[name].columns_for(session.instance), 1):
            text = c.type.name in {"char", "varchar", "nchar", "nvarchar"}
            found.append(
                {
                    "object_id": of["object_id"], "name": c.name, "column_id": place, **type_row(c.type),
                    "collation_name": database.collation_name if text else None,
                    "is_nullable": int(c.nullable), "is_ansi_padded": 1, "is_sparse": 0, "is_column_set": 0,
                }
            )  # fmt: skip
    return rows(_COLUMNS, found)


_TYPES = columns(
    "name:sysname system_type_id:tinyint user_type_id:int schema_id:int principal_id:int? "
    "max_length:smallint "
    "precision:tinyint scale:tinyint collation_name:sysname? is_nullable:bit? is_user_defined:bit "
    "is_assembly_type:bit default_object_id:int rule_object_id:int is_table_type:bit"
)


@view("sys.types", _TYPES)
def types(_session: Any, database: Database) -> Rows:
    """The system types."""
    return rows(
        _TYPES,
        (
            {
                "name": name, "system_type_id": s, "user_type_id": u, "schema_id": 4, "max_length": length,
                "precision": precision, "scale": scale, "is_nullable": int(name != "sysname"),
                "collation_name": database.collation_name if "char" in name or "text" in name else None,
            }
            for name, (s, u, length, precision, scale) in SYSTEM_TYPES.items()
        ),
    )  # fmt: skip


_INDEXES = columns(
    "object_id:int name:sysname? index_id:int type:tinyint type_desc:nvarchar(60)? is_unique:bit? "
    "data_space_id:int? "
    "ignore_dup_key:bit? is_primary_key:bit? is_unique_constraint:bit? fill_factor:tinyint is_padded:bit? "
    "is_disabled:bit? is_hypothetical:bit? is_ignored_in_optimization:bit? allow_row_locks:bit? "
    "allow_page_locks:bit? has_filter:bit? filter_definition:nvarchar(4000)? auto_created:bit?"
)


def indexes_of(table: Table) -> list[tuple[int, Key | None]]:
    primary = next((k for k in table.keys if k.kind == "primary key"), None)
    rest = [k for k in table.keys if k is not primary]
    first: list[tuple[int, Key | None]] = [(1, primary)] if primary else [(0, None)]
    return first + [(number, key) for number, key in enumerate(rest, start=2)]


@view("sys.indexes", _INDEXES)
def indexes(session: Any, database: Database) -> Rows:
    """Heaps, clustered (the primary key) and nonclustered indexes."""
    found = []
    for table in seen_tables(session, database):
        for number, key in indexes_of(table):
            kind = ("HEAP", "CLUSTERED", "NONCLUSTERED")[min(number, 2)]
            found.append(
                {
                    "object_id": table.object_id, "name": key.name if key else None, "index_id": number,
                    "type": min(number, 2), "type_desc": kind, "is_unique": int(bool(key and key.is_unique)),
                    "data_space_id": 1, "ignore_dup_key": 0,
                    "is_primary_key": int(bool(key and key.kind == "primary key")),
                    "is_unique_constraint": int(bool(key and key.kind == "unique")), "is_padded": 0,
                    "is_disabled": 0, "is_hypothetical": 0, "is_ignored_in_optimization": 0,
                    "allow_row_locks": 1, "allow_page_locks": 1, "has_filter": 0, "auto_created": 0,
                }
            )  # fmt: skip
    return rows(_INDEXES, found)


_INDEX_COLUMNS = columns(
    "object_id:int index_id:int index_column_id:int column_id:int key_ordinal:tinyint "
    "partition_ordinal:tinyint "
    "is_descending_key:bit? is_included_column:bit? column_store_order_ordinal:tinyint"
)


@view("sys.index_columns", _INDEX_COLUMNS)
def index_columns(session: Any, database: Database) -> Rows:
    """The columns of each index."""
    return [
        (t.object_id, number, place, c.column_id, place, 0, 0, 0, 0)
        for t in seen_tables(session, database)
        for number, key in indexes_of(t)
        for place, c in enumerate(key.columns if key else (), start=1)
    ]


_KEYS = columns(OBJECT_COLUMNS + " unique_index_id:int? is_system_named:bit is_enforced:bit?")


@view("sys.key_constraints", _KEYS)
def key_constraints(session: Any, database: Database) -> Rows:
    """Primary keys and unique constraints."""
    found = []
    for t in seen_tables(session, database):
        for number, key in indexes_of(t):
            if key is None or key.kind not in _KINDS:
                continue
            code, text = _KINDS[key.kind]
            row = {
                "name": key.name, "object_id": key.object_id, "parent_object_id": t.object_id, "type": code,
                "type_desc": text, "unique_index_id": number, "is_enforced": 1,
            }  # fmt: skip
            found.append(object_row(row, t, schema_id_of(database, t)))
    return rows(_KEYS, found)


_IDENTITY = _COLUMNS + columns(
    "seed_value:variant? increment_value:variant? last_value:variant? is_not_for_replication:bit?"
)


@view("sys.identity_columns", _IDENTITY)
def identity_columns(session: Any, database: Database) -> Rows:
    """Identity columns with their seed, increment and last value."""
    found = []
    for t in seen_tables(session, database):
        for c in t.columns:
            if c.identity:
                last = None if t.identity_last is None else Variant(BIGINT, t.identity_last)
                found.append(
                    _column_row(database, t, c)
                    | {
                        "seed_value": Variant(BIGINT, c.identity[0]),
                        "increment_value": Variant(BIGINT, c.identity[1]),
                        "last_value": last,
                        "is_not_for_replication": 0,
                    }
                )
    return rows(_IDENTITY, found)


_COMPUTED = _COLUMNS + columns("definition:max? uses_database_collation:bit is_persisted:bit")


@view("sys.computed_columns", _COMPUTED)
def computed_columns(_session: Any, _database: Database) -> Rows:
    """The simulator's tables have no computed columns."""
    return []
