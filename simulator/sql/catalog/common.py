"""What the catalog views share: declaring columns in a line, and rows from dictionaries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from simulator import sqltypes as t
from simulator.estate.access import has_server, require_server_state
from simulator.results import Column
from simulator.sqltypes import SqlType

_TYPES: dict[str, SqlType] = {
    "sysname": t.SYSNAME,
    "bit": t.BIT,
    "tinyint": t.TINYINT,
    "smallint": t.SMALLINT,
    "int": t.INT,
    "bigint": t.BIGINT,
    "real": t.REAL,
    "float": t.FLOAT,
    "datetime": t.DATETIME,
    "datetime2": t.DATETIME2,
    "datetimeoffset": t.DATETIMEOFFSET,
    "guid": t.UNIQUEIDENTIFIER,
    "variant": t.SQL_VARIANT,
    "lsn": t.decimal(25, 0),
    "max": t.nvarchar(t.MAX),
}


def columns(text: str) -> tuple[Column, ...]:
    """``"name:sysname database_id:int owner_sid:varbinary(85)?"`` as columns; ``?`` allows NULL."""
    found = []
    for word in text.split():
        name, _, kind = word.partition(":")
        nullable = kind.endswith("?")
        found.append(Column(name, _type(kind.rstrip("?")), nullable))
    return tuple(found)


def _type(kind: str) -> SqlType:
    if kind in _TYPES:
        return _TYPES[kind]
    name, _, length = kind.rstrip(")").partition("(")
    return SqlType(name, int(length))


def rows(of: Sequence[Column], records: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Records as tuples in column order; what a record does not say is 0 for NOT NULL numbers, else NULL."""
    defaults = [_default(c) for c in of]
    names = [c.name for c in of]
    return [tuple(r.get(n, d) for n, d in zip(names, defaults, strict=True)) for r in records]


def _default(column: Column) -> Any:
    if column.nullable:
        return None
    return 0 if column.type.name in {"bit", "tinyint", "smallint", "int", "bigint"} else None


def desc(value: str, table: Sequence[str]) -> tuple[int, str]:
    """A description and its number: the position in ``table``."""
    return table.index(value), value


__all__ = ["columns", "desc", "has_server", "require_server_state", "rows"]
