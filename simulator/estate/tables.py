"""User tables: columns, keys, rows. No SQL text: defaults and checks are kept as the front compiled them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.errors import sql_error
from simulator.results import Column
from simulator.sqltypes import SqlType

FIRST_OBJECT_ID = 901578250  # object ids of user tables on a fresh server look like this one
_OBJECT_ID_STEP = 16
_object_ids = itertools.count(FIRST_OBJECT_ID, _OBJECT_ID_STEP)

Row = tuple[Any, ...]
Undo = Callable[[], None]


def new_object_id() -> int:
    """An object id that nothing else has in this process."""
    return next(_object_ids)


@dataclass(eq=False)
class TableColumn:
    """A column; ``identity`` is (seed, increment); ``default`` an expression of the front."""

    name: str
    type: SqlType
    nullable: bool
    column_id: int
    identity: tuple[int, int] | None = None
    default: Any = None
    default_name: str | None = None
    default_text: str = ""
    collation: str | None = None


@dataclass(eq=False)
class Key:
    """A primary key, unique constraint or index. ``entries`` holds each key's row when it is unique."""

    name: str
    kind: str  # "primary key" | "unique" | "unique index" | "index"
    columns: list[TableColumn]
    object_id: int = field(default_factory=new_object_id)
    entries: dict[tuple[Any, ...], int] = field(default_factory=dict)

    @property
    def is_unique(self) -> bool:
        """False for a plain index."""
        return self.kind != "index"


@dataclass(eq=False)
class Check:
    """A CHECK constraint: ``condition`` is an expression of the front, ``text`` what was written."""

    name: str
    condition: Any
    text: str
    object_id: int = field(default_factory=new_object_id)


@dataclass(eq=False)
class ForeignKey:
    """A foreign key to ``referenced``; ``on_delete``: no action, cascade, set null."""

    name: str
    columns: list[TableColumn]
    referenced: Table
    referenced_columns: list[TableColumn]
    on_delete: str
    object_id: int = field(default_factory=new_object_id)


@dataclass(eq=False)
class Table:
    """A table. ``rows`` by row number; ``fold`` is the collation's key for text in unique keys."""

    schema: str
    name: str
    created: datetime
    fold: Callable[[Any], Any]
    columns: list[TableColumn] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    object_id: int = field(default_factory=new_object_id)
    identity_last: int | None = None
    modified: datetime | None = None
    used_kib: float = 0.0
    _next_row: int = 1

    @property
    def result_columns(self) -> list[Column]:
        """The columns as a query sees them."""
        return [Column(c.name, c.type, c.nullable, collation=c.collation) for c in self.columns]

    @property
    def full_name(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def identity_column(self) -> TableColumn | None:
        """The identity column, if there is one."""
        return next((c for c in self.columns if c.identity), None)

    def position(self, column: TableColumn) -> int:
        """Where the column stands in a row."""
        return self.columns.index(column)

    def next_identity(self) -> int:
        """The next identity value; it is used up even if the insert fails."""
        column = self.identity_column
        seed, step = column.identity if column and column.identity else (1, 1)
        self.identity_last = seed if self.identity_last is None else self.identity_last + step
        return self.identity_last

    def key_of(self, key: Key, row: Row) -> tuple[Any, ...]:
        """What must be unique of ``row`` under ``key``."""
        return tuple(self.fold(row[self.position(column)]) for column in key.columns)

    def _check_unique(self, row: Row, but: int | None) -> None:
        for key in self.keys:
            if not key.is_unique:
                continue
            other = key.entries.get(self.key_of(key, row))
            if other is not None and other != but:
                raise self._duplicate(key, row)

    def _duplicate(self, key: Key, row: Row) -> Exception:
        values = ", ".join("<NULL>" if (v := row[self.position(c)]) is None else str(v) for c in key.columns)
        if key.kind == "unique index":
            return sql_error(2601, self.full_name, key.name, f"({values})")
        kind = "PRIMARY KEY" if key.kind == "primary key" else "UNIQUE KEY"
        return sql_error(2627, kind, key.name, self.full_name, f"({values})")

    def _index(self, number: int, row: Row) -> None:
        for key in self.keys:
            if key.is_unique:
                key.entries[self.key_of(key, row)] = number

    def _forget(self, row: Row) -> None:
        for key in self.keys:
            if key.is_unique:
                key.entries.pop(self.key_of(key, row), None)

    def insert(self, row: Row) -> tuple[int, Undo]:
        """Add a row: its number and how to take it out again. Raises 2627 or 2601."""
        self._check_unique(row, None)
        number = self._next_row
        self._next_row += 1
        self._put(number, row)
        return number, lambda: self._take(number)

    def delete(self, number: int) -> Undo:
        """Remove a row; gives back how to restore it."""
        row = self.rows[number]
        self._take(number)
        return lambda: self._put(number, row)

    def replace(self, changes: dict[int, Row]) -> Undo:
        """Replace rows, all at once, so that keys may swap. Raises 2627 or 2601, changing nothing."""
        old = {number: self.rows[number] for number in changes}
        for row in old.values():
            self._forget(row)
        done: list[int] = []
        try:
            for number, row in changes.items():
                self._check_unique(row, None)
                self.rows[number] = row
                self._index(number, row)
                done.append(number)
        except Exception:
            for number in done:
                self._forget(self.rows[number])
            for number, row in old.items():
                self._put(number, row)
            raise

        def undo() -> None:
            for number in old:
                self._forget(self.rows[number])
            for number, row in old.items():
                self._put(number, row)

        return undo

    def _put(self, number: int, row: Row) -> None:
        self.rows[number] = row
        self._index(number, row)

    def _take(self, number: int) -> None:
        row = self.rows.pop(number, None)
        if row is not None:
            self._forget(row)

    def truncate(self) -> Undo:
        """Remove every row and start the identity again."""
        rows, entries, last = dict(self.rows), [dict(key.entries) for key in self.keys], self.identity_last
        self.rows.clear()
        self.identity_last = None
        for key in self.keys:
            key.entries.clear()

        def undo() -> None:
            self.rows.update(rows)
            self.identity_last = last
            for key, kept in zip(self.keys, entries, strict=True):
                key.entries.update(kept)

        return undo

    def remember(self) -> Undo:
        """How to put columns, constraints and rows back as they are now: for ALTER TABLE."""
        names = ("columns", "keys", "checks", "foreign_keys")
        lists = {name: list(getattr(self, name)) for name in names}
        defaults = [(column, column.default, column.default_name) for column in self.columns]
        entries = [(key, dict(key.entries)) for key in self.keys]
        rows, last, modified = dict(self.rows), self.identity_last, self.modified

        def undo() -> None:
            for name, items in lists.items():
                setattr(self, name, items)
            for column, value, default_name in defaults:
                column.default, column.default_name = value, default_name
            for key, kept in entries:
                key.entries = kept
            self.rows, self.identity_last, self.modified = rows, last, modified

        return undo

    def add_key(self, key: Key) -> None:
        """Add a key over the rows that are there. Raises 1505 when they are not unique."""
        if key.is_unique:
            for number, row in self.rows.items():
                value = self.key_of(key, row)
                if value in key.entries:
                    shown = ", ".join(str(row[self.position(c)]) for c in key.columns)
                    raise sql_error(1505, self.full_name, key.name, f"({shown})")
                key.entries[value] = number
        self.keys.append(key)


class Tables:
    """The tables of one database (or the temporary tables of one session)."""

    def __init__(self, name_key: Callable[[str], str]) -> None:
        self._name_key = name_key
        self._tables: dict[tuple[str, str], Table] = {}

    def __iter__(self) -> Iterator[Table]:
        return iter(list(self._tables.values()))

    def __len__(self) -> int:
        return len(self._tables)

    def find(self, schema: str, name: str) -> Table | None:
        """The table of that name."""
        return self._tables.get((self._name_key(schema), self._name_key(name)))

    def by_id(self, object_id: int) -> Table | None:
        """The table with that object id."""
        return next((t for t in self._tables.values() if t.object_id == object_id), None)

    def add(self, table: Table) -> None:
        """Add a table. Raises 2714 when its name is taken."""
        key = (self._name_key(table.schema), self._name_key(table.name))
        if key in self._tables:
            raise sql_error(2714, table.name, state=6)
        self._tables[key] = table

    def remove(self, table: Table) -> None:
        """Remove a table."""
        self._tables.pop((self._name_key(table.schema), self._name_key(table.name)), None)

    def referencing(self, table: Table) -> list[tuple[Table, ForeignKey]]:
        """The foreign keys of other tables (and itself) that point at ``table``."""
        return [(t, f) for t in self._tables.values() for f in t.foreign_keys if f.referenced is table]
