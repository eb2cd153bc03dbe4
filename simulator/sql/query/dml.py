"""INSERT, UPDATE, DELETE on user tables, temporary tables and table variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.tables import Table, TableColumn
from simulator.results import Column, ResultSet, StatementDone
from simulator.sql import nodes
from simulator.sql.query.arithmetic import compute, result_type
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled, conversion
from simulator.sql.query.integrity import Rules, check_not_referenced, is_temporary, reserve
from simulator.sql.query.scope import Cell, Context, Scope
from simulator.sql.query.select import plan_query, with_tables
from simulator.sql.query.sources import find_table, find_view, plan_source
from simulator.sql.values import BINARIES, NULL_TYPE, STRINGS, convert, type_name, type_of
from simulator.sqltypes import INT, MAX, SqlType

Result = ResultSet | StatementDone


def target_table(context: Context, parts: tuple[str, ...], permission: str) -> Table:
    """The table to be changed. Raises 208, 229, 259 (system views), 3906 (read-only)."""
    table = find_table(context, parts, permission)
    if table is not None:
        found: Table = table
        if not parts[-1].startswith(("@", "#")):
            database = context.session.resolve(parts)[0]
            if database.is_read_only:
                raise sql_error(3906, database.name)
        return found
    if find_view(context, parts) is not None:
        raise sql_error(259)
    raise sql_error(208, ".".join(parts))


# --- INSERT ---------------------------------------------------------------------------------------


def insert(statement: nodes.Insert, context: Context, rows: list[Sequence[Any]] | None = None) -> Result:
    """Run INSERT; ``rows`` come from INSERT … EXEC."""
    context = with_tables(statement.tables, context)
    table = target_table(context, statement.target, "INSERT")
    columns = _insert_columns(statement, table, context)
    scope = Scope(context)
    if rows is not None:
        if any(len(row) != len(columns) for row in rows):
            raise sql_error(213, state=7)
        values = [
            {
                c: _fit(convert(v, type_of(v), c.type), c, table, context)
                for c, v in zip(columns, row, strict=True)
            }
            for row in rows
        ]
    elif statement.query is None:
        values = [{}]
    elif isinstance(statement.query, nodes.Values):
        values = _values_rows(statement.query, columns, table, scope)
    else:
        values = _query_rows(statement.query, columns, table, context)
    return _insert_rows(statement, table, values, context)


def _insert_columns(statement: nodes.Insert, table: Table, context: Context) -> list[TableColumn]:
    identity = table.identity_column
    explicit = context.session.identity_insert is table
    if not statement.columns:
        if explicit and identity is not None:
            raise sql_error(8101, table.name)
        return [c for c in table.columns if not c.identity and c.type.name != "timestamp"]
    found: list[TableColumn] = []
    for name in statement.columns:
        column = column_of(table, name, context)
        if column in found:
            raise sql_error(264, column.name)
        if column.identity and not explicit:
            raise sql_error(544, table.name)
        found.append(column)
    if explicit and identity is not None and identity not in found:
        raise sql_error(545, table.name)
    return found


def column_of(table: Table, name: str, context: Context) -> TableColumn:
    """The column of that name. Raises 207."""
    key = context.key(name)
    found = next((c for c in table.columns if context.key(c.name) == key), None)
    if found is None:
        raise sql_error(207, name)
    return found


def _values_rows(
    query: nodes.Values, columns: list[TableColumn], table: Table, scope: Scope
) -> list[dict[TableColumn, Any]]:
    compiler = Compiler(scope)
    found = []
    for row in query.rows:
        if len(row) < len(columns):
            raise sql_error(109)
        if len(row) > len(columns):
            raise sql_error(110)
        values = {}
        for column, node in zip(columns, row, strict=True):
            if isinstance(node, nodes.DefaultValue):
                continue
            values[column] = _stored(compiler.value(node), column, table, scope.context)()
        found.append(values)
    return found


def _query_rows(
    query: nodes.Query, columns: list[TableColumn], table: Table, context: Context
) -> list[dict[TableColumn, Any]]:
    plan = plan_query(query, context)
    if len(plan.columns) < len(columns):
        raise sql_error(120)
    if len(plan.columns) > len(columns):
        raise sql_error(121)
    pairs = list(zip(columns, plan.columns, strict=True))
    return [
        {
            column: _fit(convert(value, source.type, column.type), column, table, context)
            if not _is_text(source.type, column.type)
            else _fit(value, column, table, context)
            for (column, source), value in zip(pairs, row, strict=True)
        }
        for row in plan.rows()
    ]


def _is_text(source: SqlType, target: SqlType) -> bool:
    both = STRINGS if target.name in STRINGS else BINARIES
    return source.name in both and target.name in both


def _stored(part: Compiled, column: TableColumn, table: Table, context: Context) -> Callable[[], Any]:
    """The value as ``column`` stores it. Raises 2628 when text would be cut, 257 for odd types."""
    if _is_text(part.type, column.type):
        return lambda: _fit(part.call(), column, table, context)
    source, target = part.type.name, column.type.name
    if (source in STRINGS and target in BINARIES) or (source in {"datetime", "date"} and target == "int"):
        raise sql_error(257, source, type_name(column.type).split("(")[0])
    call = conversion(part, column.type)
    return lambda: _fit(call(), column, table, context)


def _fit(value: Any, column: TableColumn, table: Table, context: Context) -> Any:
    limit = column.type.length
    if value is None or limit is None or limit == MAX or not isinstance(value, (str, bytes)):
        return value
    if len(value) > limit:
        if isinstance(value, str) and not value[limit:].strip(" "):
            return value[:limit]
        if isinstance(value, bytes):
            raise sql_error(8152, state=30)
        database = "tempdb" if table.name.startswith(("#", "@")) else context.session.database.name
        raise sql_error(2628, f"{database}.{table.full_name}", column.name, value[:limit])
    if column.type.name in {"char", "nchar"} and isinstance(value, str):
        return value.ljust(limit)
    if column.type.name == "binary" and isinstance(value, bytes):
        return value.ljust(limit, b"\0")
    return value


def _default(column: TableColumn, table: Table, context: Context) -> Any:
    if column.default is None:
        return None
    compiler = Compiler(Scope(context))
    return _stored(compiler.value(column.default), column, table, context)()


def _insert_rows(
    statement: nodes.Insert, table: Table, values: list[dict[TableColumn, Any]], context: Context
) -> Result:
    session = context.session
    database = session.resolve(statement.target)[0] if not is_temporary(table) else None
    rules = Rules(table, context, "INSERT")
    rows: list[tuple[Any, ...]] = []
    with session.atomic() as undo:
        for given in values:
            row = []
            for column in table.columns:
                if column in given:
                    value = given[column]
                    if column.identity and value is not None:
                        table.identity_last = max(value, table.identity_last or value)
                elif column.identity:
                    value = table.next_identity()
                    session.last_identity = value
                elif column.type.name == "timestamp":
                    value = session.next_rowversion()
                else:
                    value = _default(column, table, context)
                row.append(value)
            made = tuple(row)
            rules.check(made)
            _, undone = table.insert(made)
            undo.append(undone)
            rows.append(made)
        for made in rows:
            rules.check_references(made)
        if database is not None:
            reserve(database, table, rows, undo)
    session.row_count = len(rows)
    pairs: list[tuple[Any, Any]] = [(row, None) for row in rows]
    return _finish(statement.output, table, pairs, context, ("inserted",))


# --- OUTPUT ---------------------------------------------------------------------------------------


def _finish(
    output: nodes.OutputClause | None,
    table: Table,
    pairs: list[tuple[Any, Any]],
    context: Context,
    names: tuple[str, ...],
) -> Result:
    session = context.session
    counted = session.counted(len(pairs))
    if output is None:
        return StatementDone(counted)
    scope = Scope(context)
    for name in names:
        scope.add(name, (), table.result_columns)
    compiler = Compiler(scope)
    columns: list[Column] = []
    calls: list[Callable[[], Any]] = []
    for item in output.items:
        if item.assign:
            raise unknown_tsql("assignments in OUTPUT")
        if isinstance(item.expression, nodes.Star):
            for index, column in scope.star(item.expression.prefix):
                columns.append(column)
                calls.append(lambda index=index: scope.row[index])  # type: ignore[misc]
            continue
        part = compiler.value(item.expression)
        columns.append(
            Column(item.alias or part.name, INT if part.type == NULL_TYPE else part.type, part.nullable)
        )
        calls.append(part.call)
    rows = []
    for pair in pairs:
        scope.row = tuple(value for at in range(len(names)) for value in pair[at])
        rows.append(tuple(call() for call in calls))
    if output.into is None:
        return ResultSet(columns, rows, session.options.nocount is False)
    insert(nodes.Insert(output.into, output.columns, None), context, [list(row) for row in rows])
    session.row_count = len(pairs)
    return StatementDone(counted)


# --- UPDATE and DELETE ----------------------------------------------------------------------------


class _Targets:
    """The rows that an UPDATE or DELETE reaches: the target among the sources of FROM, and WHERE."""

    def __init__(self, statement: nodes.Update | nodes.Delete, context: Context, permission: str) -> None:
        self.context = context
        self.scope = Scope(context)
        self.table, source = self._resolve(statement, permission)
        self._numbers = list(self.table.rows)
        self.plan = plan_source(source, self.scope)
        self.compiler = Compiler(self.scope)
        self.where = self.compiler.condition(statement.where) if statement.where is not None else None
        top = statement.top
        self.top = self.compiler.converted(top, SqlType("bigint")) if top is not None else None

    def _resolve(self, statement: nodes.Update | nodes.Delete, permission: str) -> tuple[Table, nodes.Source]:
        context, target = self.context, statement.target
        if statement.source is None:
            table = target_table(context, target, permission)
            return table, nodes.NamedSource(target)
        named = _named_target(statement.source, target, context)
        if named is None:
            table = target_table(context, target, permission)
            return table, nodes.Join("cross", nodes.NamedSource(target), statement.source)
        return target_table(context, named.parts, permission), statement.source

    def __iter__(self) -> Any:
        """Gives (row number, old row); the scope holds the joined row while the consumer looks at it."""
        offset = self._offset()
        width = len(self.table.columns)
        limit = self.top() if self.top is not None else None
        seen: set[int] = set()
        for joined in self._rows(offset, width):
            number, row = joined
            if number in seen:
                continue
            self.scope.row = row
            if self.where is not None and not self.where():
                continue
            seen.add(number)
            if limit is not None and len(seen) > limit:
                return
            yield number, self.table.rows[number]

    def _offset(self) -> int:
        for source in self.scope.sources:
            if len(source.columns) == len(self.table.columns) and all(
                a.name == b.name for a, b in zip(source.columns, self.table.columns, strict=True)
            ):
                return source.offset
        raise unknown_tsql("the target of UPDATE or DELETE behind a subquery")

    def _rows(self, offset: int, width: int) -> Any:
        if len(self.scope.sources) == 1:
            for number in self._numbers:
                yield number, self.table.rows[number]
            return
        by_value: dict[tuple[Any, ...], list[int]] = {}
        for number, row in self.table.rows.items():
            by_value.setdefault(row, []).append(number)
        for joined in list(self.plan.rows()):
            # Rows that are equal in every column are changed alike, so it does not matter which one this is.
            for number in by_value.get(tuple(joined[offset : offset + width]), ()):
                yield number, joined


def _named_target(
    source: nodes.Source, target: tuple[str, ...], context: Context
) -> nodes.NamedSource | None:
    if isinstance(source, nodes.Join):
        return _named_target(source.left, target, context) or _named_target(source.right, target, context)
    if not isinstance(source, nodes.NamedSource):
        return None
    key = context.key
    if source.alias is not None and len(target) == 1 and key(source.alias) == key(target[0]):
        return source
    if source.alias is None and key(source.parts[-1]) == key(target[-1]):
        return source
    return None


def update(statement: nodes.Update, context: Context) -> Result:
    """Run UPDATE."""
    context = with_tables(statement.tables, context)
    session = context.session
    targets = _Targets(statement, context, "UPDATE")
    table = targets.table
    setters = [_setter(item, targets, table, context) for item in statement.assignments]
    rules = Rules(table, context, "UPDATE")
    changes: dict[int, tuple[Any, ...]] = {}
    old_rows: dict[int, tuple[Any, ...]] = {}
    for number, old in targets:
        row = list(old)
        for at, value, cell in setters:
            result = value()
            if cell is not None:
                cell.value = result
            if at is not None:
                row[at] = result
        for at, column in enumerate(table.columns):
            if column.type.name == "timestamp":
                row[at] = session.next_rowversion()
        made = tuple(row)
        rules.check(made)
        changes[number], old_rows[number] = made, old
    with session.atomic() as undo:
        for number, made in changes.items():
            check_not_referenced(table, old_rows[number], made, context, "UPDATE")
        undo.append(table.replace(changes))
        for made in changes.values():
            rules.check_references(made)
    session.row_count = len(changes)
    pairs = [(changes[number], old_rows[number]) for number in changes]
    return _finish(statement.output, table, pairs, context, ("inserted", "deleted"))


def _setter(
    item: nodes.Assignment, targets: _Targets, table: Table, context: Context
) -> tuple[int | None, Callable[[], Any], Cell | None]:
    cell = context.variables[item.variable] if item.variable else None
    if item.column is None:
        if cell is None:
            raise sql_error(137, item.variable)
        value = _assigned(item, Compiled(cell.type, lambda: cell.value), targets.compiler)
        return None, conversion(value, cell.type), cell
    column = column_of(table, item.column[-1], context)
    if column.identity:
        raise sql_error(8102, column.name)
    at = table.position(column)
    if isinstance(item.value, nodes.DefaultValue):
        return at, lambda: _default(column, table, context), cell
    current = targets.compiler.value(nodes.ColumnRef(item.column)) if item.operator != "=" else None
    part = _assigned(item, current, targets.compiler)
    return at, _stored(part, column, table, context), cell


def _assigned(item: nodes.Assignment, current: Compiled | None, compiler: Compiler) -> Compiled:
    value = compiler.value(item.value)
    if item.operator == "=" or current is None:
        return value
    sign = item.operator[0]
    kind = result_type(sign, current.type, value.type)
    calculate, first, second = compute(sign, kind), conversion(current, kind), conversion(value, kind)

    def call() -> Any:
        a, b = first(), second()
        return None if a is None or b is None else calculate(a, b)

    return Compiled(kind, call)


def delete(statement: nodes.Delete, context: Context) -> Result:
    """Run DELETE."""
    context = with_tables(statement.tables, context)
    session = context.session
    targets = _Targets(statement, context, "DELETE")
    table = targets.table
    found = list(targets)
    with session.atomic() as undo:
        for number, _ in found:
            if number in table.rows:
                undo.append(table.delete(number))
        for _, old in found:
            check_not_referenced(table, old, None, context, "DELETE", undo)
        if not is_temporary(table) and table.rows == {} and table.used_kib:
            kib, table.used_kib = table.used_kib, 0.0
            session.resolve(statement.target if statement.source is None else (table.schema, table.name))[
                0
            ].reserve(-kib)
    session.row_count = len(found)
    return _finish(statement.output, table, [(old, None) for _, old in found], context, ("deleted",))
