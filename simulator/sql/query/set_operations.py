"""UNION, INTERSECT and EXCEPT: the rows of two queries in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from simulator.errors import sql_error
from simulator.results import Column
from simulator.sql import nodes
from simulator.sql.comparing import comparable
from simulator.sql.query.aggregates import sorted_by
from simulator.sql.query.coercion import Label, check_result, combined, compared
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled
from simulator.sql.query.plans import Limits, QueryPlan, Row
from simulator.sql.query.scope import Context, Scope
from simulator.sql.values import NULL_TYPE, STRINGS, convert, unify
from simulator.sqltypes import INT, SqlType


def plan_set(query: nodes.SetOperation, left: QueryPlan, right: QueryPlan, context: Context) -> QueryPlan:
    """The plan of a set operation on two plans. Raises 205 when they differ in their number of columns."""
    if len(left.columns) != len(right.columns):
        raise sql_error(205)
    columns = [
        Column(a.name, _settled(unify(a_type, b_type)), a.nullable or b.nullable)
        for a, b, a_type, b_type in zip(
            left.columns,
            right.columns,
            _types_before_union(query.left, left),
            _types_before_union(query.right, right),
            strict=True,
        )
    ]
    columns = [
        _labelled(column, a.label, b.label, query.kind, place)
        for place, (column, a, b) in enumerate(zip(columns, left.columns, right.columns, strict=True), 1)
    ]
    keys = [comparable(c.type, (c.label and c.label.key) or context.key) for c in columns]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple(None if v is None else fold(v) for v, fold in zip(row, keys, strict=True))

    def converted(plan: QueryPlan) -> list[Row]:
        pairs = [(a.type, b.type) for a, b in zip(plan.columns, columns, strict=True)]
        return [
            tuple(
                v if v is None or a == b else convert(v, a, b) for v, (a, b) in zip(row, pairs, strict=True)
            )
            for row in plan.rows()
        ]

    def combined() -> list[Row]:
        first, second = converted(left), converted(right)
        if query.kind == "union all":
            return [*first, *second]
        if query.kind == "union":
            return list({key(row): row for row in reversed([*first, *second])}.values())[::-1]
        others = {key(row) for row in second}
        wanted = query.kind == "intersect"
        return list({k: row for row in first if ((k := key(row)) in others) is wanted}.values())

    scope = Scope(context)
    scope.add(None, (), columns)
    paging = query.paging
    compiler = Compiler(scope)
    selected = _selected(query)
    order = [(_set_order(item, columns, selected, compiler), item.descending) for item in paging.order]
    limits = Limits(paging, None, compiler)

    def rows() -> list[Row]:
        found = combined()
        if order:
            pairs = []
            for row in found:
                scope.row = row
                pairs.append((row, [call() for call, _ in order]))
            pairs = sorted_by(pairs, lambda pair: pair[1], [descending for _, descending in order])
            found = [row for row, _ in pairs]
        return limits.cut(found)

    return QueryPlan(columns, rows, left.correlated or right.correlated)


def _labelled(column: Column, left: Label | None, right: Label | None, kind: str, place: int) -> Column:
    """The column with its collation. Raises 451, 457 or, where rows are compared, 468."""
    if column.type.name not in STRINGS:
        return column
    found = combined(left, right, kind.upper())
    if kind == "union all":
        check_result(found, column.type, place)
    else:
        compared(found, None, kind.upper())
    return replace(column, label=found)


def _settled(kind: SqlType) -> SqlType:
    return INT if kind == NULL_TYPE else kind


def _types_before_union(query: nodes.Query, plan: QueryPlan) -> list[SqlType]:
    """The columns' types; a bare NULL has none yet and takes the other side's (two of them: int)."""
    types = [column.type for column in plan.columns]
    if isinstance(query, nodes.Select) and len(query.items) == len(types):
        for index, item in enumerate(query.items):
            if isinstance(item.expression, nodes.Literal) and item.expression.value is None:
                types[index] = NULL_TYPE
    return types


def _selected(query: nodes.Query) -> list[Any]:
    """The select list of a set operation's first SELECT; ORDER BY may repeat its columns with prefixes."""
    while isinstance(query, nodes.SetOperation):
        query = query.left
    return [item.expression for item in query.items] if isinstance(query, nodes.Select) else []


def _set_order(
    item: nodes.OrderItem, columns: list[Column], selected: list[Any], compiler: Compiler
) -> Callable[[], Any]:
    node = item.expression
    if isinstance(node, nodes.ColumnRef) and len(node.parts) > 1 and node in selected[: len(columns)]:
        node = nodes.Literal(selected.index(node) + 1, INT)
    if isinstance(node, nodes.Literal) and isinstance(node.value, int):
        if not 1 <= node.value <= len(columns):
            raise sql_error(108, node.value)
        at = node.value - 1
        scope = compiler.scope
        return compiler.key(Compiled(columns[at].type, lambda: scope.row[at], label=columns[at].label))
    return compiler.key(compiler.value(node))
