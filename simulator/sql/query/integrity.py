"""What rows must keep to: NOT NULL, CHECK and foreign keys, and the space that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from simulator.errors import SqlError, sql_error
from simulator.estate.tables import ForeignKey, Table
from simulator.sql.query.compile import Compiler
from simulator.sql.query.scope import Context, Scope

_ROW_OVERHEAD_BYTES = 13


def is_temporary(table: Table) -> bool:
    return table.name.startswith(("#", "@"))


def reserve(
    database: Any, table: Table, rows: Iterable[Sequence[Any]], undo: list[Callable[[], None]]
) -> None:
    """Take the space of ``rows`` in the database's files. Raises 1105 or 9002 when they are full."""
    total = sum(_ROW_OVERHEAD_BYTES + sum(_bytes_of(value) for value in row) for row in rows)
    kib = total / 1024
    if not kib:
        return
    database.reserve(kib, f"{table.full_name}")
    table.used_kib += kib

    def give_back() -> None:
        table.used_kib -= kib
        database.reserve(-kib)

    undo.append(give_back)


def _bytes_of(value: Any) -> int:
    if isinstance(value, str):
        return 2 * len(value) + 2
    if isinstance(value, bytes):
        return len(value) + 2
    return 8


class Rules:
    """NOT NULL, CHECK and foreign keys of one table, compiled once per statement."""

    def __init__(self, table: Table, context: Context, verb: str) -> None:
        self.table, self.context, self.verb = table, context, verb
        self.scope = Scope(context)
        self.scope.add(None, (table.schema, table.name), table.result_columns)
        compiler = Compiler(self.scope)
        self.checks = [(check, compiler.condition(check.condition)) for check in table.checks]
        self.required = [(at, c) for at, c in enumerate(table.columns) if not c.nullable]

    def check(self, row: tuple[Any, ...]) -> None:
        """Raises 515 or 547."""
        database = "tempdb" if is_temporary(self.table) else self.context.session.database.name
        for at, column in self.required:
            if row[at] is None:
                raise sql_error(515, column.name, f"{database}.{self.table.full_name}", self.verb, state=2)
        self.scope.row = row
        for check, holds in self.checks:
            if holds() is False:
                raise sql_error(
                    547, self.verb, "CHECK", check.name, database, self.table.full_name, "", state=0
                )

    def check_references(self, row: tuple[Any, ...]) -> None:
        """Raises 547 when a row refers to none."""
        for foreign in self.table.foreign_keys:
            values = [row[self.table.position(column)] for column in foreign.columns]
            if any(value is None for value in values) or rows_with(foreign.referenced, foreign, values):
                continue
            column = f", column '{foreign.referenced_columns[0].name}'" if len(values) == 1 else ""
            raise sql_error(
                547, self.verb, "FOREIGN KEY", foreign.name, self.context.session.database.name,
                foreign.referenced.full_name, column, state=0,
            )  # fmt: skip


def rows_with(table: Table, foreign: ForeignKey, values: list[Any]) -> list[int]:
    fold = table.fold
    wanted = [fold(value) for value in values]
    for key in table.keys:
        if key.is_unique and key.columns == foreign.referenced_columns:
            found = key.entries.get(tuple(wanted))
            return [] if found is None else [found]
    places = [table.position(column) for column in foreign.referenced_columns]
    return [n for n, row in table.rows.items() if [fold(row[at]) for at in places] == wanted]


def check_not_referenced(  # noqa: PLR0917 - recursive; every caller has all of them
    table: Table,
    old: tuple[Any, ...],
    new: tuple[Any, ...] | None,
    context: Context,
    verb: str,
    undo: list[Callable[[], None]] | None = None,
) -> None:
    """Rows of other tables that refer to ``old``: cascade, set null, or raise 547."""
    if is_temporary(table):
        return
    session = context.session
    for child, foreign in session.tables_of(session.database).referencing(table):
        values = [old[table.position(column)] for column in foreign.referenced_columns]
        if new is not None and values == [
            new[table.position(column)] for column in foreign.referenced_columns
        ]:
            continue
        places = [child.position(column) for column in foreign.columns]
        wanted = [table.fold(value) for value in values]
        hit = [n for n, row in child.rows.items() if [child.fold(row[at]) for at in places] == wanted]
        if not hit:
            continue
        if new is not None or foreign.on_delete == "no action" or undo is None:
            column = f", column '{foreign.columns[0].name}'" if len(values) == 1 else ""
            raise reference_error(verb, foreign, session.database.name, child.full_name, column)
        for number in hit:
            row = child.rows[number]
            if foreign.on_delete == "cascade":
                undo.append(child.delete(number))
                check_not_referenced(child, row, None, context, verb, undo)
            else:
                cleared = tuple(None if at in places else value for at, value in enumerate(row))
                undo.append(child.replace({number: cleared}))


def reference_error(verb: str, foreign: ForeignKey, database: str, child: str, column: str) -> SqlError:
    return sql_error(547, verb, "REFERENCE", foreign.name, database, child, column, state=0)
