"""Parsing calls: functions, aggregates, windows, CAST and CONVERT; names and argument counts are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.absent import absent_function
from simulator.sql.lexer import Token, TokenStream
from simulator.sql.registry import FUNCTIONS
from simulator.sql.typenames import parse_type
from simulator.sqltypes import SqlType

if TYPE_CHECKING:
    from simulator.sql.nodes import Condition, Expression, Query

AGGREGATES = frozenset(
    {"count", "count_big", "sum", "avg", "min", "max", "string_agg", "stdev", "stdevp", "var", "varp"}
    | {"checksum_agg"}
)
RANKING = frozenset({"row_number", "rank", "dense_rank", "ntile", "lag", "lead", "first_value", "last_value"})
_DATEPART_FUNCTIONS = frozenset(
    {"dateadd", "datediff", "datediff_big", "datepart", "datename", "datetrunc", "date_bucket"}
)
_AGGREGATE_ARGUMENTS = {
    "string_agg": (2, 2),
    "row_number": (0, 0),
    "rank": (0, 0),
    "dense_rank": (0, 0),
    "lag": (1, 3),
    "lead": (1, 3),
}


def placed(error: SqlError, token: Token) -> SqlError:
    """``error`` with the line of ``token``."""
    error.line = token.line
    return error


class CallParser:
    """Reads what follows a function's name. The parser of expressions is built on it."""

    def __init__(self, stream: TokenStream, declared: set[str]) -> None:
        self.stream = stream
        self.declared = declared  # names of variables known here, lower case
        self._depth = 0

    def _arguments(self) -> list[Expression]:
        stream = self.stream
        stream.expect("(")
        found: list[Expression] = []
        if stream.accept(")"):
            return found
        while True:
            if stream.accept("default"):
                found.append(nodes.DefaultValue())
            else:
                found.append(self.value())
            if not stream.accept(","):
                break
        stream.expect(")")
        return found

    def _call(self, parts: tuple[str, ...], token: Token) -> Expression:
        stream = self.stream
        name = ".".join(parts).lower()
        if name in _DATEPART_FUNCTIONS:
            return self._checked(nodes.Call(name, self._datepart_arguments()), token)
        if name in AGGREGATES or name in RANKING:
            return self._aggregate(name, token)
        if name == "iif":
            stream.expect("(")
            condition = self.condition()
            stream.expect(",")
            first = self.value()
            stream.expect(",")
            second = self.value()
            stream.expect(")")
            return nodes.Case(None, ((condition, first),), second)
        if name == "coalesce":
            arguments = self._arguments()
            if len(arguments) < 2:
                raise stream.fail()
            return nodes.Call(name, tuple(arguments))
        if name in {"trim"}:
            return self._trim(token)
        if name in {"parse", "try_parse", "openquery", "grouping", "next"}:
            raise unknown_tsql(f"the function {name.upper()}")
        return self._checked(nodes.Call(name, tuple(self._arguments())), token)

    def _trim(self, token: Token) -> Expression:
        stream = self.stream
        stream.expect("(")
        for word in ("leading", "trailing", "both"):
            if stream.at(word):
                raise unknown_tsql(f"TRIM({word.upper()} …)")
        first = self.value()
        if stream.accept("from"):
            second = self.value()
            stream.expect(")")
            return self._checked(nodes.Call("trim", (second, first)), token)
        stream.expect(")")
        return self._checked(nodes.Call("trim", (first,)), token)

    def _datepart_arguments(self) -> tuple[Expression, ...]:
        stream = self.stream
        stream.expect("(")
        part = stream.next()
        if part.kind not in {"word", "bracketed"}:
            raise sql_error(1023, 1, "datepart")
        found: list[Expression] = [nodes.Literal(str(part.value).lower(), SqlType("varchar", 30))]
        while stream.accept(","):
            found.append(self.value())
        stream.expect(")")
        return tuple(found)

    def _aggregate(self, name: str, token: Token) -> Expression:
        stream = self.stream
        stream.expect("(")
        distinct = star = False
        arguments: list[Expression] = []
        if name in {"count", "count_big"} and stream.accept("*"):
            star = True
        elif not stream.at(")"):
            distinct = stream.accept("distinct")
            if not distinct:
                stream.accept("all")
            arguments.append(self.value())
            while stream.accept(","):
                arguments.append(self.value())
        stream.expect(")")
        least, most = _AGGREGATE_ARGUMENTS.get(name, (1, 1))
        if not star and not least <= len(arguments) <= most:
            raise placed(sql_error(174, name, least), token)
        within: tuple[nodes.OrderItem, ...] = ()
        if name == "string_agg" and stream.accept("within"):
            stream.expect("group", "(", "order", "by")
            within = self.order_items()
            stream.expect(")")
        over = self._window() if stream.accept("over") else None
        if over is None and name in RANKING:
            raise placed(sql_error(10753, name), token)
        return nodes.Call(name, tuple(arguments), star, distinct, over, within)

    def order_items(self) -> tuple[nodes.OrderItem, ...]:
        """The list after ORDER BY."""
        found = []
        while True:
            expression = self.value()
            descending = self.stream.accept("desc")
            if not descending:
                self.stream.accept("asc")
            found.append(nodes.OrderItem(expression, descending))
            if not self.stream.accept(","):
                return tuple(found)

    def _window(self) -> nodes.Window:
        stream = self.stream
        stream.expect("(")
        partition: list[Expression] = []
        order: tuple[nodes.OrderItem, ...] = ()
        whole = by_rows = False
        if stream.accept("partition", "by"):
            partition.append(self.value())
            while stream.accept(","):
                partition.append(self.value())
        if stream.accept("order", "by"):
            order = self.order_items()
        if stream.at("rows") or stream.at("range"):
            by_rows = stream.next().lower == "rows"
            if stream.accept("between", "unbounded", "preceding", "and", "unbounded", "following"):
                whole = True
            elif not (
                stream.accept("unbounded", "preceding")
                or stream.accept("between", "unbounded", "preceding", "and", "current", "row")
            ):
                raise unknown_tsql("this window frame")
        stream.expect(")")
        return nodes.Window(tuple(partition), order, whole, by_rows)

    def _checked(self, call: nodes.Call, token: Token) -> nodes.Call:
        found = FUNCTIONS.get(call.name)
        if found is None:
            if "." in call.name and not call.name.startswith("sys."):
                raise placed(sql_error(4121, call.name.split(".")[0], call.name), token)
            unknown = sql_error(195, token.value, "built-in function name", state=10)
            raise placed(absent_function(call.name) or unknown, token)
        count = len(call.arguments)
        if count < found.least or (found.most is not None and count > found.most):
            if found.least == found.most:
                raise placed(sql_error(174, call.name, found.least), token)
            raise placed(sql_error(189, call.name, found.least, found.most), token)
        return call

    def _cast(self, *, is_try: bool) -> Expression:
        stream = self.stream
        stream.next()
        stream.expect("(")
        operand = self.value()
        stream.expect("as")
        kind = parse_type(stream, default_length=30)
        stream.expect(")")
        return nodes.Cast(operand, kind, None, is_try)

    def _convert(self, *, is_try: bool) -> Expression:
        stream = self.stream
        stream.next()
        stream.expect("(")
        kind = parse_type(stream, default_length=30)
        stream.expect(",")
        operand = self.value()
        style = self.value() if stream.accept(",") else None
        stream.expect(")")
        return nodes.Cast(operand, kind, style, is_try)

    def value(self) -> Expression:
        """A value expression."""
        raise NotImplementedError

    def condition(self) -> Condition:
        """A condition."""
        raise NotImplementedError

    def query(self) -> Query:
        """A query expression."""
        raise NotImplementedError
