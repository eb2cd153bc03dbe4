# ruff: noqa: PLR0911 - one branch for each form of the language
"""Expressions and conditions, by recursive descent.

Precedence: Microsoft Learn, "Operator precedence (Transact-SQL)". Variables that were not declared are error
137, unknown functions 195, wrong argument counts 174 or 189: all found before anything runs, as on a server.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.absent import absent_function
from simulator.sql.lexer import Token
from simulator.sql.registry import FUNCTIONS
from simulator.sql.values import negative
from simulator.sqltypes import INT, MAX, SqlType

if TYPE_CHECKING:
    from simulator.sql.nodes import Condition, Expression, Query
from simulator.sql.parse_calls import CallParser, placed

# Functions whose names are reserved words, written with or without parentheses.
_BARE = frozenset({"current_timestamp", "current_user", "session_user", "system_user", "user"})
_RESERVED_FUNCTIONS = frozenset({"left", "right", "coalesce", "nullif", "convert", "try_convert"})
_COMPARISONS = {
    "=": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "!<": ">=",
    "!>": "<=",
}
_NULL = nodes.Literal(None, SqlType("null"))
_MAX_DEPTH = 200  # nested parentheses; a server says 191 ("nested too deeply") at a limit of its own


class ExpressionParser(CallParser):
    """Reads expressions from a stream. The statement parser adds queries and statements."""

    def query(self) -> Query:
        """A query expression; the subclass for queries knows how."""
        raise NotImplementedError

    def at_query(self) -> bool:
        """True when a subquery begins here."""
        stream = self.stream
        ahead = 0
        while (token := stream.peek(ahead)) is not None and token.text == "(":
            ahead += 1
        token = stream.peek(ahead)
        return token is not None and token.lower == "select"

    # --- conditions

    def condition(self) -> Condition:
        """A search condition. Raises 4145 when a plain value stands there."""
        return self._need_condition(self._or())

    def value(self) -> Expression:
        """A value expression. Raises 102 or 156 when a condition stands there."""
        found = self._or_value()
        if isinstance(found, nodes.Condition):
            raise self.stream.fail()
        return found

    def _need_condition(self, found: Expression) -> Condition:
        if isinstance(found, nodes.Condition):
            return found
        token = self.stream.peek() or self.stream.tokens[-1]
        raise sql_error(4145, token.text)

    def _or(self) -> Expression:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise unknown_tsql("an expression nested more than 200 levels deep")
        try:
            left = self._and()
            while self.stream.accept("or"):
                left = nodes.Or(self._need_condition(left), self._need_condition(self._and()))
            return left
        finally:
            self._depth -= 1

    def _and(self) -> Expression:
        left = self._not()
        while self.stream.accept("and"):
            left = nodes.And(self._need_condition(left), self._need_condition(self._not()))
        return left

    def _not(self) -> Expression:
        if self.stream.accept("not"):
            return nodes.Not(self._need_condition(self._not()))
        return self._predicate()

    def _predicate(self) -> Expression:
        stream = self.stream
        if stream.at("exists", "("):
            stream.next()
            return nodes.Exists(self._parenthesised_query())
        left = self._or_value()
        if isinstance(left, nodes.Condition):
            return left
        while True:
            token = stream.peek()
            if token is not None and token.kind == "punct" and token.text in _COMPARISONS:
                stream.next()
                left = self._comparison(left, _COMPARISONS[token.text])
                return left
            if stream.accept("is"):
                negated = stream.accept("not")
                stream.expect("null")
                return nodes.IsNull(left, negated)
            negated = stream.at("not")
            if negated and not (stream.peek(1) and stream.peek(1).lower in {"like", "in", "between"}):  # type: ignore[union-attr]
                return left
            if negated:
                stream.next()
            found = self._word_predicate(left)
            if found is None:
                return left
            return nodes.Not(found) if negated else found

    def _comparison(self, left: Expression, operator: str) -> Condition:
        stream = self.stream
        for word in ("all", "any", "some"):
            if stream.at(word, "("):
                stream.next()
                return nodes.Quantified(operator, left, word == "all", self._parenthesised_query())
        right = self._or_value()
        if isinstance(right, nodes.Condition):
            raise stream.fail()
        return nodes.Compare(operator, left, right)

    def _word_predicate(self, left: Expression) -> Condition | None:
        stream = self.stream
        if stream.accept("like"):
            pattern = self._or_value()
            escape = self._or_value() if stream.accept("escape") else None
            return nodes.Like(left, pattern, escape)
        if stream.accept("between"):
            low = self._or_value()
            stream.expect("and")
            high = self._or_value()
            return nodes.And(nodes.Compare(">=", left, low), nodes.Compare("<=", left, high))
        if stream.at("in", "("):
            stream.next()
            if self._query_in_parentheses():
                return nodes.InQuery(left, self._parenthesised_query())
            stream.expect("(")
            items = [self.value()]
            while stream.accept(","):
                items.append(self.value())
            stream.expect(")")
            return nodes.InList(left, tuple(items))
        return None

    def _query_in_parentheses(self) -> bool:
        token = self.stream.peek(1)
        return self.stream.at("(") and token is not None and token.lower == "select"

    def _parenthesised_query(self) -> Query:
        self.stream.expect("(")
        found = self.query()
        self.stream.expect(")")
        return found

    # --- values

    def _or_value(self) -> Expression:
        return self._additive()

    def _operand(self, found: Expression) -> Expression:
        if isinstance(found, nodes.Condition):
            raise self.stream.fail()
        return found

    def _additive(self) -> Expression:
        left = self._multiplicative()
        while (token := self.stream.peek()) is not None and token.text in {"+", "-", "&", "|", "^"}:
            if token.kind != "punct":
                break
            self.stream.next()
            left = nodes.Binary(token.text, self._operand(left), self._operand(self._multiplicative()))
        return left

    def _multiplicative(self) -> Expression:
        left = self._unary()
        while (
            (token := self.stream.peek()) is not None
            and token.kind == "punct"
            and token.text in {"*", "/", "%"}
        ):
            self.stream.next()
            left = nodes.Binary(token.text, self._operand(left), self._operand(self._unary()))
        return left

    def _unary(self) -> Expression:
        token = self.stream.peek()
        if token is not None and token.kind == "punct" and token.text in {"-", "+", "~"}:
            self.stream.next()
            operand = self._operand(self._unary())
            if token.text == "+":
                return operand
            is_number = isinstance(operand, nodes.Literal) and not isinstance(operand.value, (str, bytes))
            if (
                token.text == "-"
                and isinstance(operand, nodes.Literal)
                and is_number
                and operand.value is not None
            ):
                return nodes.Literal(negative(operand.value), operand.type)
            return nodes.Unary(token.text, operand)
        return self._postfix(self._primary())

    def _postfix(self, found: Expression) -> Expression:
        stream = self.stream
        while True:
            if stream.at("at", "time", "zone"):
                raise unknown_tsql("AT TIME ZONE")
            if stream.accept("collate"):
                found = nodes.Collate(self._operand(found), stream.collation())
            elif (
                stream.at(".")
                and not isinstance(found, nodes.ColumnRef)
                and not isinstance(found, nodes.Literal)
            ):
                stream.next()
                found = self._method(found)
            else:
                return found

    def _method(self, target: Expression) -> Expression:
        name = self.stream.identifier().lower()
        if name not in {"value", "exist", "query"}:
            raise unknown_tsql(f"the method .{name}()")
        return nodes.Method(self._operand(target), name, tuple(self._arguments()))

    def _primary(self) -> Expression:
        stream = self.stream
        token = stream.peek()
        if token is None:
            raise stream.fail()
        if token.kind in {"string", "number", "money", "binary"}:
            stream.next()
            return literal(token)
        if token.kind == "variable":
            stream.next()
            return self.variable(token)
        if token.text == "(" and token.kind == "punct":
            return self._parentheses()
        word = token.lower
        if stream.at("next", "value", "for"):
            raise unknown_tsql("NEXT VALUE FOR")
        if word == "null":
            stream.next()
            return _NULL
        if word == "case":
            stream.next()
            return self._case()
        if word in {"cast", "try_cast"} and stream.at(word, "("):
            return self._cast(is_try=word == "try_cast")
        if word in {"convert", "try_convert"} and stream.at(word, "("):
            return self._convert(is_try=word == "try_convert")
        if word in _BARE:
            stream.next()
            return nodes.Call(word)
        if word in _RESERVED_FUNCTIONS and stream.at(word, "("):
            stream.next()
            return self._call((word,), token)
        if not token.is_name:
            raise stream.fail(token)
        return self._name(token)

    def _parentheses(self) -> Expression:
        stream = self.stream
        if self.at_query():
            saved = stream.index
            if self._query_in_parentheses():
                return nodes.ScalarQuery(self._parenthesised_query())
            stream.index = saved
        stream.expect("(")
        found = self._or()
        stream.expect(")")
        return found

    def variable(self, token: Token) -> Expression:
        """The variable that ``token`` names. Raises 137 when it was not declared."""
        name = token.text.lower()
        if name.startswith("@@"):
            if name not in FUNCTIONS:
                raise placed(absent_function(name) or sql_error(137, token.text), token)
            return nodes.GlobalVariable(name)
        if name not in self.declared:
            raise placed(sql_error(137, token.text), token)
        return nodes.Variable(name)

    def _name(self, token: Token) -> Expression:
        stream = self.stream
        parts = [stream.identifier()]
        while stream.at("."):
            following = stream.peek(1)
            if following is not None and following.text == "*":
                break
            stream.next()
            if stream.at("."):
                parts.append("")
                continue
            parts.append(stream.identifier())
        if stream.at("("):
            if len(parts) > 1 and parts[-1].lower() in {"value", "exist", "query", "nodes"}:
                column = nodes.ColumnRef(tuple(parts[:-1]), token.line)
                name = parts[-1].lower()
                if name == "nodes":
                    raise unknown_tsql("the method .nodes()")
                return self._postfix(nodes.Method(column, name, tuple(self._arguments())))
            return self._call(tuple(parts), token)
        return nodes.ColumnRef(tuple(parts), token.line)

    def _case(self) -> Expression:
        stream = self.stream
        operand = None if stream.at("when") else self.value()
        branches = []
        while stream.accept("when"):
            test: Expression = self.value() if operand is not None else self.condition()
            stream.expect("then")
            branches.append((test, self.value()))
        if not branches:
            raise stream.fail()
        default = self.value() if stream.accept("else") else None
        stream.expect("end")
        return nodes.Case(operand, tuple(branches), default)


def literal(token: Token) -> nodes.Literal:
    """The constant of a token with the type that SQL Server gives it."""
    value = token.value
    if token.kind == "string":
        name, most = ("nvarchar", 4000) if token.unicode else ("varchar", 8000)
        return nodes.Literal(value, SqlType(name, max(len(value), 1) if len(value) <= most else MAX))
    if token.kind == "binary":
        return nodes.Literal(value, SqlType("varbinary", max(len(value), 1) if len(value) <= 8000 else MAX))
    if token.kind == "money":
        return nodes.Literal(value, SqlType("money"))
    if isinstance(value, float):
        return nodes.Literal(value, SqlType("float"))
    if isinstance(value, int):
        if value < 2**31:
            return nodes.Literal(value, INT)
        if len(str(value)) > 38:
            raise sql_error(1007, token.text)
        return nodes.Literal(Decimal(value), SqlType("numeric", None, len(str(value)), 0))
    digits = value.as_tuple()
    scale = max(-int(digits.exponent), 0)
    precision = max(len(digits.digits), scale, 1)
    if precision > 38:
        raise sql_error(1007, token.text)
    return nodes.Literal(value, SqlType("numeric", None, precision, scale))
