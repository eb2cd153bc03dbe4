"""SELECT and common table expressions: from a syntax tree to columns and rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from operator import itemgetter
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.results import Column
from simulator.sql import nodes
from simulator.sql.comparing import comparable
from simulator.sql.parse_calls import AGGREGATES
from simulator.sql.query.aggregates import WindowSlot, sorted_by
from simulator.sql.query.coercion import check_result
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled
from simulator.sql.query.plans import Limits, QueryPlan, Row
from simulator.sql.query.scope import Cell, CommonRows, Context, Grouping, Scope
from simulator.sql.query.set_operations import plan_set
from simulator.sql.query.shape import shape_rows
from simulator.sql.query.sources import check_named, plan_source, plan_values
from simulator.sql.values import NULL_TYPE, convert
from simulator.sqltypes import INT, SqlType

_MAX_RECURSION = 100  # levels of a recursive common table expression without OPTION (MAXRECURSION)


def plan_query(query: nodes.Query, context: Context, parent: Scope | None = None) -> QueryPlan:
    """The plan of ``query``; ``parent`` is the scope around a subquery."""
    if isinstance(query, nodes.With):
        return plan_query(query.query, with_tables(query.tables, context), parent)
    if isinstance(query, nodes.Select):
        plan = SelectPlan(query, context, parent).plan()
    elif isinstance(query, nodes.SetOperation):
        left, right = plan_query(query.left, context, parent), plan_query(query.right, context, parent)
        plan = plan_set(query, left, right, context)
    elif isinstance(query, nodes.Values):
        scope = Scope(context, parent)
        columns, rows = plan_values(query, scope)
        return QueryPlan(columns, rows, scope.correlated)
    else:
        raise unknown_tsql(f"{type(query).__name__} as a query")
    shape = getattr(query, "shape", None)
    if shape is not None:
        return _shaped(plan, shape)
    return plan


def _shaped(plan: QueryPlan, shape: nodes.ForClause) -> QueryPlan:
    name = {
        "json": "JSON_F52E2B61-18A1-11d1-B105-00805F49916B",
        "xml": "XML_F52E2B61-18A1-11d1-B105-00805F49916B",
    }[shape.kind]
    kind = SqlType("xml") if shape.typed else SqlType("nvarchar", -1)

    def rows() -> list[Row]:
        text = shape_rows(shape, plan.columns, plan.rows())
        return [] if text is None else [(text,)]

    return QueryPlan([Column(name, kind)], rows, plan.correlated)


def with_tables(tables: tuple[nodes.CommonTable, ...], context: Context) -> Context:
    """``context`` with common table expressions, each seeing those before it (and itself, if recursive)."""
    for table in tables:
        context = context.with_common(table.name, _common(table, context))
    return context


def _common(table: nodes.CommonTable, context: Context) -> CommonRows:
    if _mentions(table.query, table.name, context):
        return _recursive(table, context)
    plan = plan_query(table.query, context)
    columns = _named_columns(table, plan.columns)
    check_named(columns, table.name, context)
    kept: list[list[Row]] = []

    def rows() -> list[Row]:
        if not kept:
            kept.append(plan.rows())
        return kept[0]

    return CommonRows(columns, rows)


def _named_columns(table: nodes.CommonTable, columns: list[Column]) -> list[Column]:
    if not table.columns:
        return columns
    if len(table.columns) != len(columns):
        raise sql_error(8158 if len(table.columns) < len(columns) else 8159, table.name)
    return [replace(c, name=name) for name, c in zip(table.columns, columns, strict=True)]


def _mentions(node: Any, name: str, context: Context) -> bool:
    if isinstance(node, nodes.NamedSource) and len(node.parts) == 1:
        return context.key(node.parts[0]) == context.key(name)
    return any(_mentions(part, name, context) for part in nodes.parts_of(node))


def _recursive(table: nodes.CommonTable, context: Context) -> CommonRows:
    query = table.query
    if not isinstance(query, nodes.SetOperation) or query.kind != "union all":
        raise sql_error(252, table.name)
    anchor = plan_query(query.left, context)
    columns = _named_columns(table, anchor.columns)
    check_named(columns, table.name, context)
    step: list[list[Row]] = [[]]
    inner = context.with_common(table.name, CommonRows(columns, lambda: step[0]))
    kept: list[list[Row]] = []

    def rows() -> list[Row]:
        if kept:
            return kept[0]
        found = list(anchor.rows())
        step[0] = found
        for _ in range(_MAX_RECURSION + 1):
            plan = plan_query(query.right, inner)
            converts = [(c.type, mine.type) for c, mine in zip(plan.columns, columns, strict=True)]
            more = [
                tuple(convert(v, source, target) for v, (source, target) in zip(row, converts, strict=True))
                for row in plan.rows()
            ]
            if not more:
                kept.append(found)
                return found
            found = [*found, *more]
            step[0] = list(more)
        raise sql_error(530, _MAX_RECURSION)

    return CommonRows(columns, rows)


# --- SELECT ---------------------------------------------------------------------------------------


@dataclass
class _Unit:
    """What one output row is made from: a source row, or a group and its aggregates."""

    row: Row
    values: list[Any]


class SelectPlan:
    """One SELECT. Also used with assignments (SELECT @v = …): ``assigned`` names the variables."""

    def __init__(self, query: nodes.Select, context: Context, parent: Scope | None = None) -> None:
        self.query = query
        self.scope = Scope(context, parent)
        self.context = context
        self._source = plan_source(query.source, self.scope) if query.source is not None else None
        self.compiler = Compiler(self.scope)
        self._where = self.compiler.condition(query.where) if query.where is not None else None
        self._grouping = self._group()
        self.windows: list[WindowSlot] = []
        self.scope.windows = self.windows
        self.columns: list[Column] = []
        self._calls: list[Callable[[], Any]] = []
        self._nodes: list[Any] = []
        self._items()
        self.scope.windows = self.windows
        if self._grouping is not None:
            self._grouping.clause = 8127
        self._order = [(self._order_key(item), item.descending) for item in query.paging.order]
        self.scope.windows = None
        if self._grouping is not None:
            self._grouping.clause = 8121
        self._having = self.compiler.condition(query.having) if query.having is not None else None
        self._limits = Limits(query.paging, query.top, Compiler(Scope(context, parent)))

    def plan(self) -> QueryPlan:
        """As a plan of rows."""
        if any(item.assign for item in self.query.items):
            raise sql_error(141)
        return QueryPlan(self.columns, self.rows, self.scope.correlated)

    def _group(self) -> Grouping | None:
        query = self.query
        parts = (*query.items, *query.paging.order, *((query.having,) if query.having is not None else ()))
        if not query.group and query.having is None and not any(_has_aggregate(part) for part in parts):
            self._group_keys: list[Callable[[], Any]] = []
            return None
        columns: set[int] = set()
        expressions = []
        self._group_keys = []
        for node in query.group:
            if _has_aggregate(node) or isinstance(node, nodes.ScalarQuery):
                raise sql_error(144)
            if isinstance(node, nodes.ColumnRef):
                owner, index, _ = self.scope.find(node)
                if owner is self.scope:
                    columns.add(index)
            else:
                expressions.append(self.compiler.normal(node))
            self._group_keys.append(self.compiler.key(self.compiler.value(node)))
        self.scope.grouping = Grouping(columns, expressions)
        return self.scope.grouping

    def _items(self) -> None:
        for item in self.query.items:
            if isinstance(item.expression, nodes.Star):
                for index, column in self.scope.star(item.expression.prefix):
                    if self._grouping is not None and index not in self._grouping.columns:
                        raise sql_error(8120, column.name)
                    self._calls.append(_reader(self.scope, index))
                    self._nodes.append(("column", id(self.scope), index))
                    self.columns.append(column)
                continue
            part = self.compiler.value(item.expression)
            kind = INT if part.type == NULL_TYPE else part.type
            name = item.alias if item.alias is not None else part.name
            check_result(part.label, kind, len(self.columns) + 1)
            self.columns.append(Column(name, kind, part.nullable, part.label))
            self._calls.append(part.call)
            self._nodes.append(self.compiler.normal(item.expression))

    def _order_key(self, item: nodes.OrderItem) -> Callable[[], Any]:
        node, key = item.expression, self.context.key
        if isinstance(node, nodes.Literal) and isinstance(node.value, int):
            if not 1 <= node.value <= len(self.columns):
                raise sql_error(108, node.value)
            return self._output_key(node.value - 1)
        if isinstance(node, nodes.ColumnRef) and len(node.parts) == 1:
            aliases = [
                at
                for at, column in enumerate(self.columns)
                if column.name and key(column.name) == key(node.parts[0])
            ]
            if aliases:
                return self._output_key(aliases[0])
        if self.query.distinct and self.compiler.normal(node) not in self._nodes:
            raise sql_error(145)
        return self.compiler.key(self.compiler.value(node))

    def _output_key(self, at: int) -> Callable[[], Any]:
        column = self.columns[at]
        return self.compiler.key(Compiled(column.type, self._calls[at], label=column.label))

    # --- running

    def _place(self, unit: _Unit) -> None:
        self.scope.row = unit.row
        if self._grouping is not None:
            self._grouping.values = unit.values

    def _source_rows(self) -> Iterator[Row]:
        scope, where = self.scope, self._where
        rows = self._source.rows() if self._source is not None else [()]
        for row in rows:
            scope.row = row
            if where is None or where():
                yield row

    def _reader(self) -> Callable[[], Row]:
        """Reads the select list for what is in place; if it is bare columns, off the row at once."""
        scope, calls = self.scope, self._calls
        own = ("column", id(scope))
        places = [node[2] for node in self._nodes if isinstance(node, tuple) and node[:2] == own]
        if len(places) < len(calls):
            return lambda: tuple([call() for call in calls])
        if len(places) == 1:
            return lambda: (scope.row[places[0]],)
        pick = itemgetter(*places)
        return lambda: pick(scope.row)

    def _placed(self) -> Iterator[None]:
        """Puts one output row's source (a row or a group) after the other in place."""
        if self._grouping is None and not self.windows:
            for _ in self._source_rows():
                yield
            return
        units = self.units()
        for window in self.windows:
            window.compute(units, self._place)
        for at, unit in enumerate(units):
            self._place(unit)
            for window in self.windows:
                window.index = at
            yield

    def units(self) -> list[_Unit]:
        """The rows or groups that reach the select list."""
        if self._grouping is None:
            return [_Unit(row, []) for row in self._source_rows()]
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in self._source_rows():
            self.scope.row = row
            groups.setdefault(tuple(key() for key in self._group_keys), []).append(row)
        if not groups and not self.query.group:
            groups[()] = []
        found = []
        for rows in groups.values():
            values = [slot.over(rows, self._set_row) for slot in self._grouping.slots]
            unit = _Unit(rows[0] if rows else (None,) * self.scope.width, values)
            self._place(unit)
            if self._having is None or self._having():
                found.append(unit)
        return found

    def _set_row(self, row: Row) -> None:
        self.scope.row = row

    def rows(self) -> list[Row]:
        """Run it."""
        limit = self._limits.top()
        early = limit if limit is not None and not self._order and not self.query.distinct else None
        if early is not None and self.query.top_percent:
            early = None
        read, keys = self._reader(), [call for call, _ in self._order]
        found: list[tuple[Row, list[Any]]] = [
            (read(), [key() for key in keys]) for _ in islice(self._placed(), early)
        ]
        if self.query.distinct:
            found = self._distinct(found)
        if self._order:
            found = sorted_by(found, lambda pair: pair[1], [descending for _, descending in self._order])
        if limit is not None:
            found = self._topped(found, limit)
        return self._limits.cut([row for row, _ in found])

    def _distinct(self, found: list[tuple[Row, list[Any]]]) -> list[tuple[Row, list[Any]]]:
        folds = [comparable(c.type, (c.label and c.label.key) or self.context.key) for c in self.columns]
        kept: dict[tuple[Any, ...], tuple[Row, list[Any]]] = {}
        for pair in found:
            key = tuple(None if v is None else fold(v) for v, fold in zip(pair[0], folds, strict=True))
            kept.setdefault(key, pair)
        return list(kept.values())

    def _topped(self, found: list[tuple[Row, list[Any]]], limit: int) -> list[tuple[Row, list[Any]]]:
        if self.query.top_percent:
            limit = -(-len(found) * limit // 100)
        kept = found[:limit]
        if self.query.top_ties and kept:
            if not self._order:
                raise sql_error(1062)
            kept += [pair for pair in found[limit:] if pair[1] == kept[-1][1]]
        return kept

    def assign(self, variables: dict[str, Cell]) -> int:
        """Run SELECT @v = … row by row; the number of rows."""
        if not all(item.assign for item in self.query.items):
            raise sql_error(141)
        units = self.units()
        for window in self.windows:
            window.compute(units, self._place)
        if self._order:
            keyed = []
            for unit in units:
                self._place(unit)
                keyed.append((unit, [call() for call, _ in self._order]))
            keyed = sorted_by(keyed, lambda pair: pair[1], [descending for _, descending in self._order])
            units = [unit for unit, _ in keyed]
        limit = self._limits.top()
        units = units if limit is None else units[:limit]
        targets = [variables[item.assign or ""] for item in self.query.items]
        for at, unit in enumerate(units):
            self._place(unit)
            for window in self.windows:
                window.index = at
            for target, call, column in zip(targets, self._calls, self.columns, strict=True):
                target.value = convert(call(), column.type, target.type)
        return len(units)


def _reader(scope: Scope, index: int) -> Callable[[], Any]:
    return lambda: scope.row[index]


def _has_aggregate(node: Any) -> bool:
    """Does the expression hold an aggregate of this query (not of a subquery, not a window function)?"""
    if isinstance(node, nodes.Query):
        return False
    if isinstance(node, nodes.Call) and node.name in AGGREGATES and node.over is None:
        return True
    return any(_has_aggregate(part) for part in nodes.parts_of(node))
