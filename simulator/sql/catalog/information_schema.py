"""INFORMATION_SCHEMA over user tables: tables, columns, schemata, constraints.

Source: Microsoft Learn, "System information schema views (Transact-SQL)".
"""

from __future__ import annotations

from typing import Any

from simulator.estate.database import Database
from simulator.sql.catalog.common import columns, rows
from simulator.sql.catalog.objects import seen_tables
from simulator.sql.registry import Rows, view
from simulator.sqltypes import MAX

_TABLES = columns("TABLE_CATALOG:sysname? TABLE_SCHEMA:sysname? TABLE_NAME:sysname TABLE_TYPE:varchar(10)?")
_COLUMNS = columns(
    "TABLE_CATALOG:sysname? TABLE_SCHEMA:sysname? TABLE_NAME:sysname COLUMN_NAME:sysname? "
    "ORDINAL_POSITION:int? COLUMN_DEFAULT:nvarchar(4000)? IS_NULLABLE:varchar(3)? "
    "DATA_TYPE:sysname? CHARACTER_MAXIMUM_LENGTH:int? "
    "CHARACTER_OCTET_LENGTH:int? NUMERIC_PRECISION:tinyint? "
    "NUMERIC_PRECISION_RADIX:smallint? NUMERIC_SCALE:int? "
    "DATETIME_PRECISION:smallint? CHARACTER_SET_NAME:sysname? COLLATION_NAME:sysname?"
)
_SCHEMATA = columns("CATALOG_NAME:sysname? SCHEMA_NAME:sysname SCHEMA_OWNER:sysname?")
_CONSTRAINT = "CONSTRAINT_CATALOG:sysname? CONSTRAINT_SCHEMA:sysname? CONSTRAINT_NAME:sysname "
_TABLE_CONSTRAINTS = columns(
    _CONSTRAINT
    + "TABLE_CATALOG:sysname? TABLE_SCHEMA:sysname? TABLE_NAME:sysname? CONSTRAINT_TYPE:varchar(11)? "
    "IS_DEFERRABLE:varchar(2) INITIALLY_DEFERRED:varchar(2)"
)
_KEY_COLUMN_USAGE = columns(
    _CONSTRAINT + "TABLE_CATALOG:sysname? TABLE_SCHEMA:sysname? TABLE_NAME:sysname? COLUMN_NAME:sysname? "
    "ORDINAL_POSITION:int"
)
_REFERENTIAL = columns(
    _CONSTRAINT + "UNIQUE_CONSTRAINT_CATALOG:sysname? UNIQUE_CONSTRAINT_SCHEMA:sysname? "
    "UNIQUE_CONSTRAINT_NAME:sysname? MATCH_OPTION:varchar(7)? "
    "UPDATE_RULE:varchar(11)? DELETE_RULE:varchar(11)?"
)
_PRECISION = {
    "bit": None,
    "tinyint": 3,
    "smallint": 5,
    "int": 10,
    "bigint": 19,
    "float": 53,
    "real": 24,
    "money": 19,
}
_PRECISION["smallmoney"] = 10
_SUBSECONDS = {"date": 0, "datetime": 3, "smalldatetime": 0}
_KEY_WORDS = {"primary key": "PRIMARY KEY", "unique": "UNIQUE"}


@view("INFORMATION_SCHEMA.TABLES", _TABLES)
def tables(session: Any, database: Database) -> Rows:
    """User tables."""
    return [(database.name, t.schema, t.name, "BASE TABLE") for t in seen_tables(session, database)]


@view("INFORMATION_SCHEMA.VIEWS", _TABLES)
def views(_session: Any, _database: Database) -> Rows:
    """User views: the simulator has none."""
    return []


@view("INFORMATION_SCHEMA.COLUMNS", _COLUMNS)
def columns_(session: Any, database: Database) -> Rows:
    """Columns of user tables; lengths in characters and bytes, -1 for max."""
    found = [_column(database, t, c) for t in seen_tables(session, database) for c in t.columns]
    return rows(_COLUMNS, found)


def _column(database: Database, table: Any, column: Any) -> dict[str, Any]:
    kind = column.type
    is_text = kind.name in {"char", "varchar", "nchar", "nvarchar", "text", "ntext"}
    exact = kind.name in _PRECISION or kind.precision is not None
    record: dict[str, Any] = {
        "TABLE_CATALOG": database.name,
        "TABLE_SCHEMA": table.schema,
        "TABLE_NAME": table.name,
        "COLUMN_NAME": column.name,
        "ORDINAL_POSITION": column.column_id,
        "COLUMN_DEFAULT": column.default_text or None,
        "IS_NULLABLE": "YES" if column.nullable else "NO",
        "DATA_TYPE": kind.name,
    }
    if kind.length is not None:
        record["CHARACTER_MAXIMUM_LENGTH"] = kind.length
        wide = kind.length != MAX and kind.is_unicode
        record["CHARACTER_OCTET_LENGTH"] = kind.length * 2 if wide else kind.length
    if exact:
        record["NUMERIC_PRECISION"] = kind.precision or _PRECISION.get(kind.name)
        record["NUMERIC_PRECISION_RADIX"] = 2 if kind.name in {"float", "real"} else 10
        record["NUMERIC_SCALE"] = (
            kind.scale if kind.precision is not None else 4 if "money" in kind.name else 0
        )
    elif kind.scale is not None or kind.name in _SUBSECONDS:
        record["DATETIME_PRECISION"] = _SUBSECONDS.get(kind.name, kind.scale)
    if is_text:
        record["CHARACTER_SET_NAME"] = "UNICODE" if kind.is_unicode else "iso_1"
        record["COLLATION_NAME"] = column.collation or database.collation_name
    return record


@view("INFORMATION_SCHEMA.SCHEMATA", _SCHEMATA)
def schemata(_session: Any, database: Database) -> Rows:
    """Schemas and their owners."""
    owners = {s.schema_id: database.principal_by_id(s.owner_id) for s in database.schemas}
    return [
        (database.name, s.name, owner.name if (owner := owners[s.schema_id]) is not None else None)
        for s in database.schemas
    ]


@view("INFORMATION_SCHEMA.TABLE_CONSTRAINTS", _TABLE_CONSTRAINTS)
def table_constraints(session: Any, database: Database) -> Rows:
    """Keys, foreign keys and checks."""
    found = []
    for table in seen_tables(session, database):
        named = [(k.name, _KEY_WORDS[k.kind]) for k in table.keys if k.kind in _KEY_WORDS]
        named += [(f.name, "FOREIGN KEY") for f in table.foreign_keys]
        named += [(c.name, "CHECK") for c in table.checks]
        place = (database.name, table.schema)
        found += [(*place, name, *place, table.name, kind, "NO", "NO") for name, kind in named]
    return found


@view("INFORMATION_SCHEMA.KEY_COLUMN_USAGE", _KEY_COLUMN_USAGE)
def key_column_usage(session: Any, database: Database) -> Rows:
    """The columns of keys and foreign keys."""
    found = []
    for table in seen_tables(session, database):
        place = (database.name, table.schema)
        keys: list[Any] = [*(k for k in table.keys if k.kind in _KEY_WORDS), *table.foreign_keys]
        for key in keys:
            for at, column in enumerate(key.columns, 1):
                found.append((*place, key.name, *place, table.name, column.name, at))
    return found


@view("INFORMATION_SCHEMA.REFERENTIAL_CONSTRAINTS", _REFERENTIAL)
def referential_constraints(session: Any, database: Database) -> Rows:
    """Foreign keys and the keys that they point at."""
    found = []
    for table in seen_tables(session, database):
        for foreign in table.foreign_keys:
            target = foreign.referenced
            unique = next((k.name for k in target.keys if k.columns == foreign.referenced_columns), None)
            found.append(
                (database.name, table.schema, foreign.name, database.name, target.schema, unique, "SIMPLE",
                 "NO ACTION", foreign.on_delete.upper())
            )  # fmt: skip
    return found
