"""The catalog procedures that ODBC drivers call: sp_datatype_info, sp_tables, sp_columns, sp_pkeys …

Source: Microsoft Learn, "Catalog stored procedures (Transact-SQL)" and ODBC's SQLGetTypeInfo, SQLColumns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.results import Column, Result, ResultSet
from simulator.sql.procedures.describe import size_of
from simulator.sql.query.like import like_pattern
from simulator.sql.registry import Argument, procedure
from simulator.sql.values import convert
from simulator.sqltypes import INT, SMALLINT, SYSNAME, SqlType, nvarchar, varchar

# name: (ODBC type, precision, prefix, suffix, create params, case sensitive, searchable, unsigned,
# auto, min and max scale)
_ODBC_TYPES: dict[str, tuple[Any, ...]] = {
    "bit": (-7, 1, None, None, None, 0, 2, None, None, 0, 0),
    "tinyint": (-6, 3, None, None, None, 0, 2, 1, 0, 0, 0),
    "smallint": (5, 5, None, None, None, 0, 2, 0, 0, 0, 0),
    "int": (4, 10, None, None, None, 0, 2, 0, 0, 0, 0),
    "bigint": (-5, 19, None, None, None, 0, 2, 0, 0, 0, 0),
    "real": (7, 24, None, None, None, 0, 2, 0, 0, None, None),
    "float": (6, 53, None, None, None, 0, 2, 0, 0, None, None),
    "decimal": (3, 38, None, None, "precision,scale", 0, 2, 0, 0, 0, 38),
    "numeric": (2, 38, None, None, "precision,scale", 0, 2, 0, 0, 0, 38),
    "money": (3, 19, "$", None, None, 0, 2, 0, 0, 4, 4),
    "smallmoney": (3, 10, "$", None, None, 0, 2, 0, 0, 4, 4),
    "char": (1, 8000, "'", "'", "length", 0, 3, None, None, None, None),
    "varchar": (12, 8000, "'", "'", "max length", 0, 3, None, None, None, None),
    "nchar": (-8, 4000, "N'", "'", "length", 0, 3, None, None, None, None),
    "nvarchar": (-9, 4000, "N'", "'", "max length", 0, 3, None, None, None, None),
    "text": (-1, 2147483647, "'", "'", None, 0, 1, None, None, None, None),
    "ntext": (-10, 1073741823, "N'", "'", None, 0, 1, None, None, None, None),
    "binary": (-2, 8000, "0x", None, "length", 0, 2, None, None, None, None),
    "varbinary": (-3, 8000, "0x", None, "max length", 0, 2, None, None, None, None),
    "image": (-4, 2147483647, "0x", None, None, 0, 0, None, None, None, None),
    "timestamp": (-2, 8, "0x", None, None, 0, 2, None, None, None, None),
    "date": (91, 10, "'", "'", None, 0, 3, None, None, None, 0),
    "time": (-154, 16, "'", "'", "scale", 0, 3, None, None, 0, 7),
    "datetime": (93, 23, "'", "'", None, 0, 3, None, None, 3, 3),
    "smalldatetime": (93, 16, "'", "'", None, 0, 3, None, None, 0, 0),
    "datetime2": (93, 27, "'", "'", "scale", 0, 3, None, None, 0, 7),
    "datetimeoffset": (-155, 34, "'", "'", "scale", 0, 3, None, None, 0, 7),
    "uniqueidentifier": (-11, 36, "'", "'", None, 0, 2, None, None, None, None),
    "xml": (-152, 0, "N'", "'", None, 1, 0, None, None, None, None),
    "sql_variant": (-150, 8000, None, None, None, 0, 2, None, None, None, None),
}
_ODBC2 = {93: 11, 91: 9, 92: 10}  # date and time codes before ODBC 3

_TYPE_COLUMNS = [
    Column("TYPE_NAME", SYSNAME, False), Column("DATA_TYPE", SMALLINT, False), Column("PRECISION", INT),
    Column("LITERAL_PREFIX", varchar(32)), Column("LITERAL_SUFFIX", varchar(32)), Column("CREATE_PARAMS",
    varchar(32)),
    Column("NULLABLE", SMALLINT, False), Column("CASE_SENSITIVE", SMALLINT, False),
    Column("SEARCHABLE", SMALLINT, False), Column("UNSIGNED_ATTRIBUTE", SMALLINT),
    Column("MONEY", SMALLINT, False), Column("AUTO_INCREMENT", SMALLINT), Column("LOCAL_TYPE_NAME", SYSNAME),
    Column("MINIMUM_SCALE", SMALLINT), Column("MAXIMUM_SCALE", SMALLINT), Column("SQL_DATA_TYPE", SMALLINT,
    False),
    Column("SQL_DATETIME_SUB", SMALLINT), Column("NUM_PREC_RADIX", INT), Column("INTERVAL_PRECISION",
    SMALLINT),
    Column("USERTYPE", SMALLINT),
]  # fmt: skip


def _sql_type(code: int) -> tuple[int, int | None]:
    return {91: (9, 1), 93: (9, 3), -154: (-154, 0), -155: (-155, 0)}.get(code, (code, None))


def _datatype_info(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    given = [convert(a.value, a.type, INT) or 0 for a in arguments]
    wanted = given[0] if given else 0
    version = given[1] or 2 if len(given) > 1 else 2
    rows = []
    for name, entry in _ODBC_TYPES.items():
        code, precision, prefix, suffix, params, case, search, unsigned, auto, low, high = entry
        shown = _ODBC2.get(code, code) if version < 3 else code
        if wanted not in {0, code, shown}:
            continue
        sql_type, sub = _sql_type(code)
        radix = 2 if name in {"float", "real"} else 10 if unsigned is not None or name == "bit" else None
        money = int("money" in name)
        rows.append(
            (name, shown, precision, prefix, suffix, params, 1, case, search, unsigned, money, auto, name,
            low, high,
             sql_type, sub, radix, None, 0)
        )  # fmt: skip
    rows.sort(key=lambda row: (row[1], row[0] not in {"datetime", "decimal", "binary"}))
    yield ResultSet(_TYPE_COLUMNS, rows, counted=not session.options.nocount)


procedure("sp_datatype_info")(_datatype_info)
procedure("sp_datatype_info_100")(_datatype_info)


def _named(arguments: list[Argument], names: tuple[str, ...]) -> dict[str, Any]:
    """Arguments by parameter name, given by name or by position."""
    found: dict[str, Any] = dict.fromkeys(names)
    for at, argument in enumerate(arguments):
        name = argument.name.lower().lstrip("@") or (names[at] if at < len(names) else "")
        if name in found and argument.value is not None:
            found[name] = argument.value
    return found


def _matches(session: Any, pattern: Any, value: str, *, exact: bool = False) -> bool:
    if pattern is None or pattern == "%":
        return True
    key = session.database.name_key
    if exact:
        return bool(key(str(pattern)) == key(value))
    return like_pattern(str(pattern), "\\", key)(value)


def _tables(session: Any, owner: Any, name: Any, *, exact: bool = False) -> list[Any]:
    found = [
        table
        for table in session.tables_of(session.database)
        if _matches(session, owner, table.schema, exact=exact)
        and _matches(session, name, table.name, exact=exact)
    ]
    return sorted(found, key=lambda table: (table.schema, table.name))


_TABLE_COLUMNS = [
    Column("TABLE_QUALIFIER", SYSNAME), Column("TABLE_OWNER", SYSNAME), Column("TABLE_NAME", SYSNAME),
    Column("TABLE_TYPE", varchar(32)), Column("REMARKS", varchar(254)),
]  # fmt: skip


@procedure("sp_tables")
def sp_tables(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """The user tables; ODBC's special forms list databases, schemas and types."""
    given = _named(arguments, ("table_name", "table_owner", "table_qualifier", "table_type", "fusepattern"))
    name, owner, qualifier = given["table_name"], given["table_owner"], given["table_qualifier"]
    rows: list[tuple[Any, ...]]
    if qualifier == "%" and owner == "" and name == "":
        rows = [(database.name, None, None, None, None) for database in session.instance.databases]
    elif owner == "%" and name == "" and qualifier == "":
        rows = [(None, schema.name, None, None, None) for schema in session.database.schemas]
    else:
        kinds = str(given["table_type"] or "'TABLE'").upper()
        rows = [
            (session.database.name, table.schema, table.name, "TABLE", None)
            for table in (_tables(session, owner, name) if "'TABLE'" in kinds else [])
        ]
    yield ResultSet(_TABLE_COLUMNS, rows, counted=not session.options.nocount)


_COLUMN_COLUMNS = [
    *_TABLE_COLUMNS[:3], Column("COLUMN_NAME", SYSNAME), Column("DATA_TYPE", SMALLINT), Column("TYPE_NAME",
    SYSNAME),
    Column("PRECISION", INT), Column("LENGTH", INT), Column("SCALE", SMALLINT), Column("RADIX", SMALLINT),
    Column("NULLABLE", SMALLINT), Column("REMARKS", varchar(254)), Column("COLUMN_DEF", nvarchar(4000)),
    Column("SQL_DATA_TYPE", SMALLINT), Column("SQL_DATETIME_SUB", SMALLINT), Column("CHAR_OCTET_LENGTH", INT),
    Column("ORDINAL_POSITION", INT), Column("IS_NULLABLE", varchar(254)), Column("SS_DATA_TYPE",
    SqlType("tinyint")),
]  # fmt: skip


def _columns(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    names = (
        "table_name",
        "table_owner",
        "table_qualifier",
        "column_name",
        "namescope",
        "odbcver",
        "fusepattern",
    )
    given = _named(arguments, names)
    rows = []
    for table in _tables(session, given["table_owner"], given["table_name"]):
        for column in table.columns:
            if _matches(session, given["column_name"], column.name):
                rows.append(_column_row(session, table, column))
    yield ResultSet(_COLUMN_COLUMNS, rows, counted=not session.options.nocount)


def _column_row(session: Any, table: Any, column: Any) -> tuple[Any, ...]:
    kind = column.type
    entry = _ODBC_TYPES[kind.name]
    width, precision, scale = size_of(kind)
    code, size = entry[0], entry[1]
    if kind.length is not None:
        size = 0 if kind.length == -1 else kind.length
    elif kind.precision is not None:
        size = precision
    sql_type, sub = _sql_type(code)
    is_number = entry[7] is not None
    name = kind.name + (" identity" if column.identity else "")
    text = kind.name in {"char", "varchar", "nchar", "nvarchar", "binary", "varbinary"}
    return (
        session.database.name, table.schema, table.name, column.name, code, name, size, max(width, 0),
        scale if is_number else None, 10 if is_number else None, int(column.nullable), None, None, sql_type,
        sub,
        max(width, 0) if text else None, column.column_id, "YES" if column.nullable else "NO", 0,
    )  # fmt: skip


procedure("sp_columns")(_columns)
procedure("sp_columns_100")(_columns)


@procedure("sp_pkeys")
def sp_pkeys(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """The columns of a table's primary key."""
    given = _named(arguments, ("table_name", "table_owner", "table_qualifier"))
    rows = [
        (session.database.name, table.schema, table.name, column.name, at, key.name)
        for table in _tables(session, given["table_owner"], given["table_name"], exact=True)
        for key in table.keys
        if key.kind == "primary key"
        for at, column in enumerate(key.columns, 1)
    ]
    columns = [
        *_TABLE_COLUMNS[:3],
        Column("COLUMN_NAME", SYSNAME),
        Column("KEY_SEQ", SMALLINT),
        Column("PK_NAME", SYSNAME),
    ]
    yield ResultSet(columns, rows, counted=not session.options.nocount)


@procedure("sp_set_session_context")
def sp_set_session_context(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """Keep a value under a key for SESSION_CONTEXT()."""
    given = _named(arguments, ("key", "value", "read_only"))
    session.context_values[str(given["key"]).lower()] = given["value"]
    yield from ()
