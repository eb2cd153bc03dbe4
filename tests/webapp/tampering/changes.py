"""What somebody with write access to the database can do to it, generated for every column of every table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Enum, Numeric, Table, Text
from sqlalchemy.types import TypeDecorator

from webapp.database import Json
from webapp.models import metadata

KINDS = ("changed", "swapped", "older", "missing")
ROWS = 3  # of each table that are changed one by one: the newest
# Nothing is decided by them: processes that are alive, texts of runs, and what the web session is made of.
LEFT_OUT = {
    "alembic_version",
    "key_check",
    "worker_heartbeats",
    "schedule_runs",
    "booking_drafts",
    "sealed_heads",
}


@dataclass(frozen=True)
class Change:
    """One thing that somebody does. ``column``: None for a whole row."""

    table: str
    column: str | None
    kind: str  # of KINDS; or removed, inserted, older row
    key: tuple[Any, ...]  # the row's primary key

    def __str__(self) -> str:
        return f"{self.table}.{self.column or '*'} {self.kind} {'/'.join(str(one)[-6:] for one in self.key)}"


def changes(snapshot: Path, older: Path | None) -> Iterator[Change]:
    """All changes of a database as it is in ``snapshot``; ``older``: the same some steps before."""
    with sqlite3.connect(snapshot) as now:
        for table in metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            keys = [column.name for column in table.primary_key.columns]
            rows = now.execute(
                f"SELECT {', '.join(keys)} FROM {table.name} ORDER BY {', '.join(keys)} DESC LIMIT {ROWS}"
            ).fetchall()
            for key in rows:
                for column in table.columns:
                    for kind in KINDS:
                        yield Change(table.name, column.name, kind, key)
                for kind in ("removed", "inserted", "older row"):
                    yield Change(table.name, None, kind, key)


class ImpossibleError(Exception):
    """The database itself does not let it happen, or it would change nothing."""


def apply(change: Change, live: Path, older: Path | None) -> None:
    """Do it. Raises :class:`ImpossibleError`."""
    table = metadata.tables[change.table]
    connection = sqlite3.connect(live, isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys=OFF")  # which its owner can switch off as well
        before = _row(connection, table, change.key)
        if before is None:
            raise ImpossibleError
        connection.execute("BEGIN IMMEDIATE")
        _do(connection, table, change, before, older)
        connection.execute("COMMIT")
    except sqlite3.IntegrityError:
        raise ImpossibleError from None
    finally:
        connection.close()


def _do(
    connection: sqlite3.Connection, table: Table, change: Change, before: dict[str, Any], older: Path | None
) -> None:
    if change.kind == "removed":
        connection.execute(f"DELETE FROM {table.name} WHERE {_where(table)}", change.key)
    elif change.kind == "inserted":
        _insert(connection, table, _twin(table, before))
    elif change.kind == "older row":
        row = _older(table, change.key, older)
        if row is None or row == before:
            raise ImpossibleError
        connection.execute(f"DELETE FROM {table.name} WHERE {_where(table)}", change.key)
        _insert(connection, table, row)
    else:
        _change_column(connection, table, change, before, older)


def _change_column(
    connection: sqlite3.Connection, table: Table, change: Change, before: dict[str, Any], older: Path | None
) -> None:
    assert change.column is not None
    column = table.columns[change.column]
    value = before[column.name]
    if change.kind == "changed":
        value = _other(column, value)
    elif change.kind == "missing":
        value = None if column.nullable else _empty(column)
    elif change.kind == "older":
        row = _older(table, change.key, older)
        value = row[column.name] if row else value
    else:
        value = _swap(connection, table, change, column)
    if value == before[column.name]:
        raise ImpossibleError
    connection.execute(
        f'UPDATE {table.name} SET "{column.name}" = ? WHERE {_where(table)}',
        (value, *change.key),
    )


def _swap(connection: sqlite3.Connection, table: Table, change: Change, column: Column[Any]) -> Any:
    """Another row's value; the other one gets this row's, where that is possible."""
    query = f'SELECT "{column.name}" FROM {table.name} WHERE "{column.name}" IS NOT (SELECT "{column.name}" FROM {table.name} WHERE {_where(table)}) LIMIT 1'  # noqa: E501
    found = connection.execute(query, change.key).fetchone()
    if found is None:
        raise ImpossibleError
    return found[0]


def _row(connection: sqlite3.Connection, table: Table, key: tuple[Any, ...]) -> dict[str, Any] | None:
    names = [column.name for column in table.columns]
    listed = ", ".join(f'"{name}"' for name in names)
    found = connection.execute(f"SELECT {listed} FROM {table.name} WHERE {_where(table)}", key).fetchone()
    return dict(zip(names, found, strict=True)) if found else None


def _older(table: Table, key: tuple[Any, ...], older: Path | None) -> dict[str, Any] | None:
    if older is None:
        return None
    with sqlite3.connect(older) as connection:
        return _row(connection, table, key)


def _insert(connection: sqlite3.Connection, table: Table, row: dict[str, Any]) -> None:
    listed = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {table.name} ({listed}) VALUES ({marks})", tuple(row.values()))


def _twin(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """The same row once more, with other values where they must be unique."""
    unique = {column.name for column in table.columns if column.unique or column.primary_key}
    for constraint in [*table.constraints, *table.indexes]:
        if getattr(constraint, "unique", True) and hasattr(constraint, "columns"):
            names = [column.name for column in constraint.columns]
            if names and type(constraint).__name__ == "UniqueConstraint":
                unique.add(names[-1])
    return {
        name: _other(table.columns[name], value) if name in unique and value is not None else value
        for name, value in row.items()
    }


def _where(table: Table) -> str:
    return " AND ".join(f'"{column.name}" = ?' for column in table.primary_key.columns)


def _other(column: Column[Any], value: Any) -> Any:  # noqa: PLR0911 - one for each sort of column
    """A value of the column's type that is none of the platform's doing."""
    kind = column.type
    if isinstance(kind, Enum):
        return next(one for one in kind.enums if one != value)
    if isinstance(kind, Json):
        return _other_json(value)
    inner = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, Boolean):
        return 0 if value else 1
    if isinstance(inner, DateTime):
        return (
            "2030-01-01 00:00:00.000000"
            if value is None or str(value) < "2030"
            else "2020-01-01 00:00:00.000000"
        )
    if isinstance(value, int | float) or isinstance(inner, Numeric):
        return (value or 0) + 1
    if value is None:
        return _empty(column) or "x"
    text = str(value)
    if isinstance(inner, Text) and " " in text:
        return text.replace(" ", "  ", 1)
    return text[:-1] + ("A" if text[-1:] != "A" else "B")


def _other_json(value: str | None) -> str:
    document = json.loads(value) if value else None
    if isinstance(document, dict) and document:
        key = sorted(document)[0]
        document[key] = "other" if isinstance(document[key], str) else 7
    elif isinstance(document, list) and document:
        document = document[1:]
    else:
        document = {"other": 7}
    return json.dumps(document, sort_keys=True)


def _empty(column: Column[Any]) -> Any:
    kind = column.type
    if isinstance(kind, Enum):
        return kind.enums[0]
    if isinstance(kind, Json):
        return "{}"
    inner = kind.impl if isinstance(kind, TypeDecorator) else kind
    if isinstance(inner, DateTime):
        return "1970-01-01 00:00:00.000000"
    return 0 if not hasattr(kind, "length") and not isinstance(kind, TypeDecorator | Text) else ""
