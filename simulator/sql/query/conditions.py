"""Conditions as closures: three-valued truth of comparisons, LIKE, IN, EXISTS and their combinations."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.comparing import comparable
from simulator.sql.query.coercion import compared
from simulator.sql.query.compiled import (
    Call,
    Compiled,
    as_text,
    cached_rows,
    conversion,
    unwrapped,
)
from simulator.sql.query.like import like_pattern
from simulator.sql.query.scope import Scope
from simulator.sql.values import STRINGS, unify
from simulator.sqltypes import BIT

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# How messages call the operators.
_NAMED = {
    "=": "equal to",
    "<>": "not equal to",
    "<": "less than",
    "<=": "less than or equal to",
    ">": "greater than",
    ">=": "greater than or equal to",
}


class ConditionCompiler:
    """Compiles conditions in one scope; values come from the class built on it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.context = scope.context

    def value(self, node: nodes.Expression) -> Compiled:
        """A value expression."""
        raise NotImplementedError

    def subquery(self, query: nodes.Query) -> Any:
        """The plan of a subquery, which may read columns of this scope."""
        from simulator.sql.query.select import plan_query  # noqa: PLC0415 - queries hold expressions and vice versa

        return plan_query(query, self.context, self.scope)

    def condition(self, node: nodes.Condition) -> Call:
        """A condition's three-valued truth."""
        handler = _CONDITIONS.get(type(node))
        if handler is None:
            raise unknown_tsql(f"{type(node).__name__} in this place")
        return handler(self, node)

    def keys(self, left: Compiled, right: Compiled, operator: str = "=") -> tuple[Call, Call]:
        """Closures of both sides as keys that compare as SQL Server compares the two types.

        Raises 402, and 468 for texts whose collations are in conflict.
        """
        kind = unify(left.type, right.type)
        if kind.name in {"xml", "text", "ntext", "image"}:
            raise sql_error(402, left.type.name, right.type.name, "equal to")
        if kind.name == "bit" and "null" not in (left.type.name, right.type.name):
            kind = BIT
        label = (
            compared(left.label, right.label, _NAMED.get(operator, operator))
            if kind.name in STRINGS
            else None
        )
        fold = comparable(kind, (label.key if label is not None else None) or self.context.key)
        variant = "sql_variant" in (left.type.name, right.type.name)
        calls = [part.call if variant else conversion(part, kind) for part in (left, right)]

        def keyed(read: Call) -> Call:
            return lambda: None if (value := read()) is None else fold(value)

        return keyed(calls[0]), keyed(calls[1])

    def _compare(self, node: nodes.Compare) -> Call:
        first, second = self.keys(self.value(node.left), self.value(node.right), node.operator)
        compare = _COMPARE[node.operator]

        def call() -> bool | None:
            a = first()
            if a is None:
                return None
            b = second()
            return None if b is None else compare(a, b)

        return call

    def _and(self, node: nodes.And) -> Call:
        left, right = self.condition(node.left), self.condition(node.right)

        def call() -> bool | None:
            a = left()
            if a is False:
                return False
            b = right()
            return False if b is False else (None if a is None or b is None else True)

        return call

    def _or(self, node: nodes.Or) -> Call:
        left, right = self.condition(node.left), self.condition(node.right)

        def call() -> bool | None:
            a = left()
            if a:
                return True
            b = right()
            return True if b else (None if a is None or b is None else False)

        return call

    def _not(self, node: nodes.Not) -> Call:
        operand = self.condition(node.operand)
        return lambda: None if (value := operand()) is None else not value

    def _is_null(self, node: nodes.IsNull) -> Call:
        read, negated = self.value(node.operand).call, node.negated
        return lambda: (unwrapped(read()) is None) is not negated

    def _like(self, node: nodes.Like) -> Call:
        operand, pattern = self.value(node.operand), self.value(node.pattern)
        escape = self.value(node.escape).call if node.escape is not None else None
        label = compared(operand.label, pattern.label, "like")
        fold = (label.key if label is not None else None) or self.context.key
        texts = [as_text(operand), as_text(pattern)]

        def call() -> bool | None:
            text, wanted = texts[0](), texts[1]()
            if text is None or wanted is None:
                return None
            return like_pattern(wanted, escape() if escape else None, fold)(text)

        return call

    def _in_list(self, node: nodes.InList) -> Call:
        operand = self.value(node.operand)
        pairs = [self.keys(operand, self.value(item)) for item in node.items]

        def call() -> bool | None:
            unknown = False
            for mine, other in pairs:
                a, b = mine(), other()
                if a is None:
                    return None
                if b is None:
                    unknown = True
                elif a == b:
                    return True
            return None if unknown else False

        return call

    def _in_query(self, node: nodes.InQuery) -> Call:
        return self._quantified(nodes.Quantified("=", node.operand, False, node.query))

    def _quantified(self, node: nodes.Quantified) -> Call:
        plan = self.subquery(node.query)
        if len(plan.columns) != 1:
            raise sql_error(116)
        rows = cached_rows(plan)
        cell: list[Any] = [None]
        inner = Compiled(plan.columns[0].type, lambda: cell[0], label=plan.columns[0].label)
        mine, other = self.keys(self.value(node.operand), inner, node.operator)
        compare, every = _COMPARE[node.operator], node.every

        def call() -> bool | None:
            unknown = False
            a = mine()
            for row in rows():
                cell[0] = row[0]
                b = other()
                if a is None or b is None:
                    unknown = True
                elif compare(a, b) is not every:
                    return not every
            return None if unknown else every

        return call

    def _exists(self, node: nodes.Exists) -> Call:
        rows = cached_rows(self.subquery(node.query))
        return lambda: bool(rows())


_CONDITIONS: dict[type, Callable[[ConditionCompiler, Any], Call]] = {
    nodes.Compare: ConditionCompiler._compare,
    nodes.And: ConditionCompiler._and,
    nodes.Or: ConditionCompiler._or,
    nodes.Not: ConditionCompiler._not,
    nodes.IsNull: ConditionCompiler._is_null,
    nodes.Like: ConditionCompiler._like,
    nodes.InList: ConditionCompiler._in_list,
    nodes.InQuery: ConditionCompiler._in_query,
    nodes.Quantified: ConditionCompiler._quantified,
    nodes.Exists: ConditionCompiler._exists,
}
