"""OBJECT_ID, SCHEMA_NAME and their kin, and extended properties."""

from __future__ import annotations

from typing import Any

from simulator.errors import SqlError
from simulator.estate.tables import Table
from simulator.sql.catalog.common import columns
from simulator.sql.catalog.objects import schema_id_of, seen_tables
from simulator.sql.catalog.types import SYSTEM_TYPES
from simulator.sql.ddl.objects import object_named
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import VIEWS, Rows, function, table_function, view
from simulator.sqltypes import INT, SYSNAME


@function("OBJECT_ID", returns=INT)
def object_id(session: Any, name: str | None, kind: str | None = None) -> int | None:  # noqa: PLR0911 - one per kind of name
    """The object id of a table (or system view).

    NULL when there is none, or none that the session may see.
    """
    if not name:
        return None
    parts = _parts(session, name)
    if parts is None:
        return None
    if kind is None or kind.strip().upper() == "V":
        known = ".".join(parts[-2:]).lower()
        if known in VIEWS:
            return -100 - sorted(VIEWS).index(known)
    if kind is not None and kind.strip().upper() not in {"U", "T"}:
        return None
    if parts[-1].startswith("#"):
        temporary = session.temporary_tables
        found = next((t for t in temporary if session.instance.same_name(t.name, parts[-1])), None)
        return found.object_id if found else None
    database = session.instance.find_database(parts[0]) if len(parts) == 3 and parts[0] else session.database
    if database is None:
        return None
    table: Table | None = object_named(session, database, parts[-2:])
    if table is None or table not in seen_tables(session, database):
        return None
    return table.object_id


def _parts(session: Any, name: str) -> tuple[str, ...] | None:
    try:
        return TokenStream(name).name()
    except SqlError:
        return None


def _table(session: Any, number: int | None, database_id: int | None) -> tuple[Any, Table] | None:
    instance = session.instance
    database = instance.database_by_id(database_id) if database_id is not None else session.database
    if database is None or number is None:
        return None
    table = database.tables.by_id(number)
    return (database, table) if table is not None else None


@function("OBJECT_NAME", returns=SYSNAME)
def object_name(session: Any, number: int | None, database_id: int | None = None) -> str | None:
    """The name of a table, by object id."""
    found = _table(session, number, database_id)
    return found[1].name if found else None


@function("OBJECT_SCHEMA_NAME", returns=SYSNAME)
def object_schema_name(session: Any, number: int | None, database_id: int | None = None) -> str | None:
    """The schema of a table, by object id."""
    found = _table(session, number, database_id)
    return found[1].schema if found else None


@function("OBJECTPROPERTY", returns=INT)
def objectproperty(session: Any, number: int | None, prop: str | None) -> int | None:
    """IsTable, IsUserTable, IsMSShipped, OwnerId or SchemaId of a table; NULL for anything else."""
    found = _table(session, number, None)
    if found is None:
        return None
    values = {"istable": 1, "isusertable": 1, "ismsshipped": 0, "isview": 0, "isprocedure": 0}
    values["schemaid"] = schema_id_of(*found)
    return values.get((prop or "").lower())


@function("COL_NAME", returns=SYSNAME)
def col_name(session: Any, table_id: int | None, column_id: int | None) -> str | None:
    """The name of a column."""
    found = _table(session, table_id, None)
    return next((c.name for c in found[1].columns if c.column_id == column_id), None) if found else None


@function("TYPE_NAME", returns=SYSNAME)
def type_name(_session: Any, number: int | None) -> str | None:
    """The name of a system type by user_type_id."""
    return next((n for n, row in SYSTEM_TYPES.items() if row[1] == number), None)


@function("TYPE_ID", returns=INT)
def type_id(_session: Any, name: str | None) -> int | None:
    """The user_type_id of a system type."""
    row = SYSTEM_TYPES.get((name or "").strip("[]").lower())
    return row[1] if row else None


@function("SCHEMA_NAME", returns=SYSNAME)
def schema_name(session: Any, *number: int | None) -> str | None:
    """The name of a schema; the user's default schema without an argument."""
    database = session.database
    if not number:
        user = database.user_of(session.login)
        return user.default_schema if user is not None else "guest"
    return next((s.name for s in database.schemas if s.schema_id == number[0]), None)


@function("SCHEMA_ID", returns=INT)
def schema_id(session: Any, *name: str | None) -> int | None:
    """The id of a schema; of the user's default schema without an argument."""
    wanted = name[0] if name else schema_name(session)
    found = session.database.schema(wanted) if wanted is not None else None
    return found.schema_id if found else None


_PROPERTIES = columns("objtype:nvarchar(128)? objname:sysname? name:sysname value:variant?")


@table_function("sys.fn_listextendedproperty", _PROPERTIES)
def fn_listextendedproperty(_session: Any, _database: Any, *_arguments: Any) -> Rows:
    """Extended properties: the simulator keeps none."""
    return []


_EXTENDED = columns(
    "class:tinyint class_desc:nvarchar(60)? major_id:int minor_id:int name:sysname value:variant?"
)


@view("sys.extended_properties", _EXTENDED)
def extended_properties(_session: Any, _database: Any) -> Rows:
    """None."""
    return []
