"""Expressions as closures: each compiled once per execution, with a static SQL type.

A closure takes no argument: columns read the row that the scope holds at that moment. Conditions give True,
False or None (unknown).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.parse_expressions import AGGREGATES, RANKING
from simulator.sql.query.aggregates import AggregateSlot, WindowSlot
from simulator.sql.query.arithmetic import compute, result_type
from simulator.sql.query.like import like_pattern
from simulator.sql.query.scope import Scope
from simulator.sql.registry import FUNCTIONS
from simulator.sql.typenames import type_of_name
from simulator.sql.values import (
    INTEGERS,
    MONEY,
    NULL_TYPE,
    NUMBERS,
    STRINGS,
    comparable,
    convert,
    negative,
    text_of,
    unify,
)
from simulator.sqltypes import BIT, INT, MAX, SqlType, Variant

Call = Callable[[], Any]
_CANNOT_TRY = {529}  # TRY_CAST of types that never convert is still an error


@dataclass
class Compiled:
    """A compiled expression. ``fold`` is set when an explicit COLLATE chose how its text compares."""

    type: SqlType
    call: Call
    nullable: bool = True
    fold: Callable[[str], str] | None = None
    name: str = ""  # the column's name, for a bare column reference


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Compiler:
    """Compiles expressions in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.context = scope.context

    # --- values

    def value(self, node: nodes.Expression) -> Compiled:
        """A value expression."""
        grouping = self.scope.grouping
        if (
            grouping is not None
            and grouping.expressions
            and not isinstance(node, (nodes.ColumnRef, nodes.Literal))
        ) and self.normal(node) in grouping.expressions:
            return self.ungrouped(node)
        handler = _VALUES.get(type(node))
        if handler is None:
            raise unknown_tsql(f"{type(node).__name__} in this place")
        return handler(self, node)

    def ungrouped(self, node: nodes.Expression) -> Compiled:
        """``node`` compiled as before grouping: for grouped expressions and aggregates' arguments."""
        saved, self.scope.grouping = self.scope.grouping, None
        try:
            return self.value(node)
        finally:
            self.scope.grouping = saved

    def normal(self, node: Any) -> Any:
        """``node`` with every column replaced by its place, so that ``t.a`` and ``a`` compare equal."""
        if isinstance(node, nodes.ColumnRef):
            scope, index, _ = self.scope.find(node)
            return ("column", id(scope), index)
        if isinstance(node, tuple):
            return tuple(self.normal(item) for item in node)
        if isinstance(node, (nodes.Query, nodes.Source)):
            return node
        parts = nodes.parts_of(node)
        return (type(node).__name__, *(self.normal(part) for part in parts)) if parts else node

    def converted(self, node: nodes.Expression, target: SqlType) -> Call:
        """The value of ``node`` converted to ``target``."""
        return conversion(self.value(node), target)

    def _literal(self, node: nodes.Literal) -> Compiled:
        value = node.value
        return Compiled(node.type, lambda: value, nullable=value is None)

    def _variable(self, node: nodes.Variable) -> Compiled:
        cell = self.context.variables.get(node.name)
        if cell is None:
            raise sql_error(137, node.name)
        return Compiled(cell.type, lambda: cell.value)

    def _global(self, node: nodes.GlobalVariable) -> Compiled:
        found = FUNCTIONS[node.name]
        session = self.context.session
        return Compiled(found.type_for(()), lambda: found.call(session))

    def _column(self, node: nodes.ColumnRef) -> Compiled:
        scope, index, column = self.scope.find(node)
        grouping = scope.grouping
        if grouping is not None and index not in grouping.columns:
            source = next(s for s in scope.sources if s.offset <= index < s.offset + len(s.columns))
            prefix = source.alias or ".".join(source.parts)
            raise sql_error(grouping.clause, f"{prefix}.{column.name}" if prefix else column.name)
        return Compiled(column.type, lambda: scope.row[index], column.nullable, name=column.name)

    def _unary(self, node: nodes.Unary) -> Compiled:
        operand = self.value(node.operand)
        kind, call = operand.type, operand.call
        if kind.name in STRINGS or kind.name == "null":
            kind, call = INT, conversion(operand, INT)
        if kind.name not in NUMBERS or (node.operator == "~" and kind.name not in INTEGERS):
            raise sql_error(8117, kind.name, "minus" if node.operator == "-" else "'~'")
        if node.operator == "-":
            return Compiled(kind, lambda: None if (v := call()) is None else negative(v), operand.nullable)
        if kind.name == "bit":
            return Compiled(kind, lambda: None if (v := call()) is None else 1 - v, operand.nullable)
        return Compiled(kind, lambda: None if (v := call()) is None else ~v, operand.nullable)

    def _binary(self, node: nodes.Binary) -> Compiled:
        left, right = self.value(node.left), self.value(node.right)
        types = [
            _literal_type(node.left, left.type, right.type),
            _literal_type(node.right, right.type, left.type),
        ]
        kind = result_type(node.operator, *types)
        first, second = _operand(left, kind), _operand(right, kind)
        calculate = compute(node.operator, kind)

        def call() -> Any:
            a, b = first(), second()
            return None if a is None or b is None else calculate(a, b)

        return Compiled(kind, call, left.nullable or right.nullable, left.fold or right.fold)

    def _case(self, node: nodes.Case) -> Compiled:
        results = [self.value(result) for _, result in node.branches]
        default = self.value(node.default) if node.default is not None else None
        kind = NULL_TYPE
        for part in [*results, *([default] if default else [])]:
            kind = unify(kind, part.type)
        tests: list[Call]
        if node.operand is None:
            tests = [self.condition(_as_condition(test)) for test, _ in node.branches]
        else:
            tests = [self.condition(nodes.Compare("=", node.operand, test)) for test, _ in node.branches]
        pairs = list(zip(tests, (conversion(result, kind) for result in results), strict=True))
        otherwise = conversion(default, kind) if default else None

        def call() -> Any:
            for test, result in pairs:
                if test():
                    return result()
            return otherwise() if otherwise else None

        nullable = default is None or default.nullable or any(result.nullable for result in results)
        return Compiled(kind, call, nullable)

    def _cast(self, node: nodes.Cast) -> Compiled:
        operand = self.value(node.operand)
        style = self.converted(node.style, INT) if node.style is not None else None
        source, target, read = operand.type, node.type, operand.call

        def call() -> Any:
            return convert(read(), source, target, style() if style else None)

        def attempt() -> Any:
            try:
                return call()
            except SqlError as error:
                if error.number in _CANNOT_TRY:
                    raise
                return None

        return Compiled(target, attempt if node.is_try else call, operand.nullable or node.is_try)

    def _call(self, node: nodes.Call) -> Compiled:
        if node.over is not None:
            return self._windowed(node)
        if node.name in AGGREGATES:
            return self._aggregate(node)
        if node.name == "coalesce":
            return self._coalesce(node)
        if node.name == "nullif":
            first, second = node.arguments
            return self._case(
                nodes.Case(
                    None, ((nodes.Compare("=", first, second), nodes.Literal(None, NULL_TYPE)),), first
                )
            )
        if node.name == "isnull":
            return self._isnull(node)
        if any(isinstance(argument, nodes.DefaultValue) for argument in node.arguments):
            raise unknown_tsql("DEFAULT as a function's argument")
        found = FUNCTIONS[node.name]
        arguments = [self.value(argument) for argument in node.arguments]
        session, function = self.context.session, found.call
        takes = (*found.takes, *[None] * len(arguments))
        calls = [
            conversion(argument, kind) if kind is not None else _plain(argument)
            for argument, kind in zip(arguments, takes, strict=False)
        ]
        kind = found.type_for([argument.type for argument in arguments])
        types = [argument.type for argument in arguments]
        given = (session, types) if found.takes_types else (session,)
        odd = next((at for at, t in enumerate(types) if t.name not in {*STRINGS, "null"}), None)

        def call() -> Any:
            try:
                return function(*given, *[one() for one in calls])
            except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
                if odd is None:
                    raise  # not an argument's type but a fault of the function
                raise sql_error(8116, types[odd].name, odd + 1, node.name) from error

        return Compiled(kind, call)

    def _coalesce(self, node: nodes.Call) -> Compiled:
        parts = [self.value(argument) for argument in node.arguments]
        kind = NULL_TYPE
        for part in parts:
            kind = unify(kind, part.type)
        calls = [conversion(part, kind) for part in parts]

        def call() -> Any:
            return next((value for one in calls if (value := one()) is not None), None)

        return Compiled(kind, call, all(part.nullable for part in parts))

    def _isnull(self, node: nodes.Call) -> Compiled:
        first, second = (self.value(argument) for argument in node.arguments)
        kind = second.type if first.type.name == "null" else first.type
        read, other = first.call, conversion(second, kind)
        return Compiled(kind, lambda: other() if (value := read()) is None else value, second.nullable)

    def _aggregate(self, node: nodes.Call) -> Compiled:
        grouping = self.scope.grouping
        scope: Scope | None = self.scope
        while grouping is None and scope is not None and scope.parent is not None:
            scope = scope.parent
            if scope.grouping is not None and not self.scope.sources:
                grouping = scope.grouping
        if grouping is None:
            raise sql_error(147)
        slot = self.slot(node)
        grouping.slots.append(slot)
        at = len(grouping.slots) - 1
        return Compiled(slot.type, lambda: grouping.values[at], slot.nullable)

    def slot(self, node: nodes.Call) -> AggregateSlot:
        """The aggregate of a call, its arguments compiled for single rows."""
        arguments = [self.ungrouped(argument) for argument in node.arguments]
        order = [(self.key(self.ungrouped(item.expression)), item.descending) for item in node.within]
        fold = arguments[0].fold if arguments else None
        return AggregateSlot.create(node, arguments, order, fold or self.context.key)

    def _windowed(self, node: nodes.Call) -> Compiled:
        if self.scope.windows is None:
            raise sql_error(4108)
        over = node.over
        if over is None:
            raise unknown_tsql("a window function without OVER")
        windows, self.scope.windows = self.scope.windows, None
        try:
            arguments = [self.value(argument) for argument in node.arguments]
            partition = [self.key(self.value(item)) for item in over.partition]
            order = [(self.key(self.value(item.expression)), item.descending) for item in over.order]
        finally:
            self.scope.windows = windows
        if node.name in RANKING and not order:
            raise sql_error(4112, node.name)
        slot = WindowSlot.create(node, arguments, partition, order, self.context.key)
        windows.append(slot)
        return Compiled(slot.type, slot.read)

    def key(self, part: Compiled) -> Call:
        """A closure giving something to sort, group or join by."""
        read, fold = part.call, comparable(part.type, part.fold or self.context.key)
        return lambda: None if (value := read()) is None else fold(value)

    def _method(self, node: nodes.Method) -> Compiled:
        from simulator.sql.xml import find_text  # noqa: PLC0415 - the parser is needed for xml values only

        target = self.value(node.target)
        if target.type.name != "xml":
            raise sql_error(258, node.name, target.type.name)
        literals = [argument.value for argument in node.arguments if isinstance(argument, nodes.Literal)]
        if len(literals) != len(node.arguments) or not literals:
            raise unknown_tsql("XML methods with arguments that are not constants")
        path = str(literals[0])
        if node.name == "exist":
            return Compiled(
                BIT, lambda: None if (v := target.call()) is None else int(find_text(v, path) is not None)
            )
        if node.name != "value" or len(literals) != 2:
            raise unknown_tsql(f"the XML method .{node.name}()")
        kind, source = type_of_name(str(literals[1])), SqlType("nvarchar", MAX)

        def call() -> Any:
            value = target.call()
            return None if value is None else convert(find_text(value, path), source, kind)

        return Compiled(kind, call)

    def _scalar_query(self, node: nodes.ScalarQuery) -> Compiled:
        plan = self.subquery(node.query)
        if len(plan.columns) != 1:
            raise sql_error(116)
        rows = _cached(plan)

        def call() -> Any:
            found = rows()
            if len(found) > 1:
                raise sql_error(512)
            return found[0][0] if found else None

        return Compiled(plan.columns[0].type, call)

    def subquery(self, query: nodes.Query) -> Any:
        """The plan of a subquery, which may read columns of this scope."""
        from simulator.sql.query.select import plan_query  # noqa: PLC0415 - queries hold expressions and vice versa

        return plan_query(query, self.context, self.scope)

    def _collate(self, node: nodes.Collate) -> Compiled:
        operand = self.value(node.operand)
        if operand.type.name not in STRINGS:
            raise sql_error(447, operand.type.name)
        fold = self.context.session.fold_of(node.collation, self.context)
        return Compiled(operand.type, operand.call, operand.nullable, fold)

    # --- conditions

    def condition(self, node: nodes.Condition) -> Call:
        """A condition's three-valued truth."""
        handler = _CONDITIONS.get(type(node))
        if handler is None:
            raise unknown_tsql(f"{type(node).__name__} in this place")
        return handler(self, node)

    def keys(self, left: Compiled, right: Compiled) -> tuple[Call, Call]:
        """Closures of both sides as keys that compare as SQL Server compares the two types."""
        kind = unify(left.type, right.type)
        if kind.name in {"xml", "text", "ntext", "image"}:
            raise sql_error(402, left.type.name, right.type.name, "equal to")
        if kind.name == "bit" and "null" not in (left.type.name, right.type.name):
            kind = BIT
        fold = comparable(kind, left.fold or right.fold or self.context.key)
        variant = "sql_variant" in (left.type.name, right.type.name)
        calls = [part.call if variant else conversion(part, kind) for part in (left, right)]

        def keyed(read: Call) -> Call:
            return lambda: None if (value := read()) is None else fold(value)

        return keyed(calls[0]), keyed(calls[1])

    def _compare(self, node: nodes.Compare) -> Call:
        first, second = self.keys(self.value(node.left), self.value(node.right))
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
        return lambda: (_unwrapped(read()) is None) is not negated

    def _like(self, node: nodes.Like) -> Call:
        operand, pattern = self.value(node.operand), self.value(node.pattern)
        escape = self.value(node.escape).call if node.escape is not None else None
        fold = operand.fold or pattern.fold or self.context.key
        texts = [_text(operand), _text(pattern)]

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
        rows = _cached(plan)
        cell: list[Any] = [None]
        inner = Compiled(plan.columns[0].type, lambda: cell[0])
        mine, other = self.keys(self.value(node.operand), inner)
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
        rows = _cached(self.subquery(node.query))
        return lambda: bool(rows())


def _cached(plan: Any) -> Callable[[], list[Any]]:
    """The rows of a subquery, read once when it does not depend on the outer row."""
    kept: list[Any] = []

    def rows() -> list[Any]:
        if plan.correlated:
            return list(plan.rows())
        if not kept:
            kept.append(list(plan.rows()))
        return list(kept[0])

    return rows


def conversion(part: Compiled, target: SqlType) -> Call:
    """The value of ``part`` as ``target``, converted implicitly."""
    source, read = part.type, part.call
    if source == target or source.name == "null" or target.name == "null":
        return read
    if source.name in STRINGS and target.name in STRINGS and target.length in (MAX, None):
        return read
    if (
        source.name in INTEGERS
        and target.name in INTEGERS
        and INTEGERS[source.name][1] <= INTEGERS[target.name][1]
    ):
        return read
    return lambda: convert(read(), source, target)


def _operand(part: Compiled, kind: SqlType) -> Call:
    """An operand as the operator's type, without rounding exact numbers to the result's scale."""
    if kind.name in {"decimal", "numeric"} or kind.name in MONEY:
        if part.type.name in {"decimal", "numeric", *MONEY}:
            return part.call
        if part.type.name in INTEGERS:
            wide = SqlType("numeric", None, 38, 0)
            return lambda: convert(part.call(), part.type, wide)
    if kind.name in STRINGS:
        if part.type.name in STRINGS:
            return part.call
        return conversion(part, SqlType(kind.name, MAX))
    if kind.name in {"varbinary", "binary"} and part.type.name in {"varbinary", "binary"}:
        return part.call
    return conversion(part, kind)


def _literal_type(node: nodes.Expression, kind: SqlType, other: SqlType) -> SqlType:
    """An integer constant beside a decimal counts with its own digits, not as numeric(10)."""
    if kind.name == "int" and other.name in {"decimal", "numeric"} and isinstance(node, nodes.Literal):
        return SqlType("numeric", None, len(str(abs(node.value))), 0)
    return kind


def _as_condition(node: nodes.Expression) -> nodes.Condition:
    if not isinstance(node, nodes.Condition):
        raise unknown_tsql("CASE WHEN without a condition")
    return node


def _unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Variant) else value


def _plain(part: Compiled) -> Call:
    """The value as functions take it: a variant gives the value it carries."""
    if part.type.name != "sql_variant":
        return part.call
    return lambda: _unwrapped(part.call())


def _text(part: Compiled) -> Call:
    if part.type.name in STRINGS or part.type.name == "null":
        return part.call
    return lambda: None if (value := _unwrapped(part.call())) is None else text_of(value, part.type)


_VALUES: dict[type, Callable[[Compiler, Any], Compiled]] = {
    nodes.Literal: Compiler._literal,
    nodes.Variable: Compiler._variable,
    nodes.GlobalVariable: Compiler._global,
    nodes.ColumnRef: Compiler._column,
    nodes.Unary: Compiler._unary,
    nodes.Binary: Compiler._binary,
    nodes.Case: Compiler._case,
    nodes.Cast: Compiler._cast,
    nodes.Call: Compiler._call,
    nodes.Method: Compiler._method,
    nodes.ScalarQuery: Compiler._scalar_query,
    nodes.Collate: Compiler._collate,
}
_CONDITIONS: dict[type, Callable[[Compiler, Any], Call]] = {
    nodes.Compare: Compiler._compare,
    nodes.And: Compiler._and,
    nodes.Or: Compiler._or,
    nodes.Not: Compiler._not,
    nodes.IsNull: Compiler._is_null,
    nodes.Like: Compiler._like,
    nodes.InList: Compiler._in_list,
    nodes.InQuery: Compiler._in_query,
    nodes.Quantified: Compiler._quantified,
    nodes.Exists: Compiler._exists,
}
