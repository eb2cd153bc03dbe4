"""Expressions as closures: each compiled once per execution, with a static SQL type.

A closure takes no argument: columns read the row that the scope holds at that moment. Conditions give True,
False or None (unknown).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.comparing import comparable
from simulator.sql.parse_calls import AGGREGATES, RANKING
from simulator.sql.query.aggregates import AggregateSlot, WindowSlot
from simulator.sql.query.arithmetic import compute, result_type
from simulator.sql.query.coercion import Label, Rank, combined, compared, label
from simulator.sql.query.compiled import (
    Call,
    Compiled,
    cached_rows,
    conversion,
    literal_type,
    operand,
    plain,
)
from simulator.sql.query.conditions import ConditionCompiler
from simulator.sql.query.scope import Scope
from simulator.sql.registry import FUNCTIONS
from simulator.sql.typenames import type_of_name
from simulator.sql.values import INTEGERS, NULL_TYPE, NUMBERS, STRINGS, convert, negative, unify
from simulator.sqltypes import BIT, INT, MAX, SqlType

_CANNOT_TRY = {529}  # TRY_CAST of types that never convert is still an error


class Compiler(ConditionCompiler):
    """Compiles expressions in one scope."""

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
        part = handler(self, node)
        if part.label is None and part.type.name in STRINGS:
            part.label = self.context.default_label
        return part

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
        kept = column.label
        if kept is None and column.type.name in STRINGS:
            kept = label(Rank.IMPLICIT, column.collation or self.context.session.database.collation_name)
        return Compiled(column.type, lambda: scope.row[index], column.nullable, kept, column.name)

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
            literal_type(node.left, left.type, right.type),
            literal_type(node.right, right.type, left.type),
        ]
        kind = result_type(node.operator, *types)
        first, second = operand(left, kind), operand(right, kind)
        calculate = compute(node.operator, kind)

        def call() -> Any:
            a, b = first(), second()
            return None if a is None or b is None else calculate(a, b)

        return Compiled(kind, call, left.nullable or right.nullable, _labels(kind, (left, right), "add"))

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
        every = [*results, *([default] if default else [])]
        return Compiled(kind, call, nullable, _labels(kind, every, "CASE"))

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

        kept = operand.label if target.name in STRINGS else None
        return Compiled(target, attempt if node.is_try else call, operand.nullable or node.is_try, kept)

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
            conversion(argument, kind) if kind is not None else plain(argument)
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

        return Compiled(kind, call, label=_labels(kind, arguments, node.name))

    def _coalesce(self, node: nodes.Call) -> Compiled:
        parts = [self.value(argument) for argument in node.arguments]
        kind = NULL_TYPE
        for part in parts:
            kind = unify(kind, part.type)
        calls = [conversion(part, kind) for part in parts]

        def call() -> Any:
            return next((value for one in calls if (value := one()) is not None), None)

        nullable = all(part.nullable for part in parts)
        return Compiled(kind, call, nullable, _labels(kind, parts, "COALESCE"))

    def _isnull(self, node: nodes.Call) -> Compiled:
        first, second = (self.value(argument) for argument in node.arguments)
        kind = second.type if first.type.name == "null" else first.type
        read, other = first.call, conversion(second, kind)
        kept = _labels(kind, (first, second), "isnull")
        return Compiled(kind, lambda: other() if (value := read()) is None else value, second.nullable, kept)

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
        kept = slot.argument.label if slot.argument is not None and slot.type.name in STRINGS else None
        return Compiled(slot.type, lambda: grouping.values[at], slot.nullable, kept)

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
        return Compiled(slot.type, slot.read, label=_labels(slot.type, arguments, node.name))

    def key(self, part: Compiled) -> Call:
        """A closure giving something to sort, group or join by."""
        compared(part.label, None, "ORDER BY")
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
        rows = cached_rows(plan)

        def call() -> Any:
            found = rows()
            if len(found) > 1:
                raise sql_error(512)
            return found[0][0] if found else None

        return Compiled(plan.columns[0].type, call, label=plan.columns[0].label)

    def _collate(self, node: nodes.Collate) -> Compiled:
        operand = self.value(node.operand)
        if operand.type.name not in STRINGS:
            raise sql_error(447, operand.type.name)
        collation = self.context.session.collation_of(node.collation)
        return Compiled(operand.type, operand.call, operand.nullable, label(Rank.EXPLICIT, collation))


def _labels(kind: SqlType, parts: Iterable[Compiled], operator: str) -> Label | None:
    """The label of a text that is made of several; None for what is no text."""
    if kind.name not in STRINGS:
        return None
    found: Label | None = None
    for part in parts:
        if part.type.name in STRINGS:
            found = combined(found, part.label, operator)
    return found


def _as_condition(node: nodes.Expression) -> nodes.Condition:
    if not isinstance(node, nodes.Condition):
        raise unknown_tsql("CASE WHEN without a condition")
    return node


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
