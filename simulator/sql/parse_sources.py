"""Parsing FROM: tables, table functions, subqueries, joins and hints."""

from __future__ import annotations

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.parse_expressions import ExpressionParser
from simulator.sql.typenames import parse_type

# There are no locks, so these change nothing that a client could see.
_LOCK_HINTS = frozenset(
    {"nolock", "readuncommitted", "readcommitted", "readcommittedlock", "repeatableread", "serializable"}
    | {"holdlock", "updlock", "xlock", "rowlock", "paglock", "tablock", "tablockx", "readpast", "nowait"}
)
_JOINS = (
    (("cross", "apply"), "cross apply"),
    (("outer", "apply"), "outer apply"),
    (("cross", "join"), "cross"),
    (("inner", "join"), "inner"),
    (("join",), "inner"),
    (("left", "join"), "left"),
    (("left", "outer", "join"), "left"),
    (("right", "join"), "right"),
    (("right", "outer", "join"), "right"),
    (("full", "join"), "full"),
    (("full", "outer", "join"), "full"),
)


class SourceParser(ExpressionParser):
    """Reads sources. The parser of queries is built on it."""

    def identifiers(self) -> tuple[str, ...]:
        """``(a, b, …)``."""
        stream = self.stream
        stream.expect("(")
        found = [stream.identifier()]
        while stream.accept(","):
            found.append(stream.identifier())
        stream.expect(")")
        return tuple(found)

    def _alias(self, *, strings: bool = False) -> str | None:
        stream = self.stream
        explicit = stream.accept("as")
        token = stream.peek()
        if token is not None and (token.is_name or (strings and token.kind == "string")):
            stream.next()
            return str(token.value)
        if explicit:
            raise stream.fail(token)
        return None

    def _from(self) -> nodes.Source:
        found = self._joined()
        while self.stream.accept(","):
            found = nodes.Join("cross", found, self._joined())
        return found

    def _joined(self) -> nodes.Source:
        left = self._source()
        while True:
            kind = self._join_kind()
            if kind is None:
                return left
            if kind in {"cross apply", "outer apply"}:
                apply_kind = "cross" if kind == "cross apply" else "left"
                left = nodes.Join(apply_kind, left, self._source(), None, apply=True)
            elif kind == "cross":
                left = nodes.Join("cross", left, self._source())
            else:
                right = self._joined_right()
                self.stream.expect("on")
                left = nodes.Join(kind, left, right, self.condition())

    def _joined_right(self) -> nodes.Source:
        """The right side; ``a JOIN b JOIN c ON … ON …`` nests joins there."""
        right = self._source()
        while not self.stream.at("on"):
            kind = self._join_kind()
            if kind is None:
                break
            if kind.endswith("apply") or kind == "cross":
                raise unknown_tsql("APPLY or CROSS JOIN nested before ON")
            inner = self._joined_right()
            self.stream.expect("on")
            right = nodes.Join(kind, right, inner, self.condition())
        return right

    def _join_kind(self) -> str | None:
        stream = self.stream
        for words, kind in _JOINS:
            if stream.accept(*words):
                return kind
        for side in ("inner", "left", "right", "full"):
            for hint in ("loop", "hash", "merge", "remote"):
                if stream.at(side, hint) or stream.at(side, "outer", hint):
                    raise unknown_tsql(f"the join hint {hint.upper()}")
        return None

    def _source(self) -> nodes.Source:
        stream = self.stream
        token = stream.peek()
        if token is not None and token.kind == "variable":
            stream.next()
            name = token.text.lower()
            if name not in self.declared:
                raise sql_error(1087, token.text)
            if stream.at("."):
                raise unknown_tsql("methods of variables in FROM")
            return nodes.NamedSource((name,), self._alias(), token.line)
        if stream.accept("("):
            return self._parenthesised_source()
        line = token.line if token else 1
        parts = stream.name()
        if stream.at("("):
            return self._function(parts)
        alias = self._alias()
        self._hints()
        if alias is None:
            alias = self._alias()
        for word in ("tablesample", "pivot", "unpivot"):
            if stream.at(word):
                raise unknown_tsql(word.upper())
        if stream.at("for", "system_time"):
            raise unknown_tsql("FOR SYSTEM_TIME")
        return nodes.NamedSource(parts, alias, line)

    def _parenthesised_source(self) -> nodes.Source:
        stream = self.stream
        if stream.at("select") or stream.at("values") or (stream.at("(") and self.at_query()):
            query = self.query()
            stream.expect(")")
            alias = self._alias()
            if alias is None:
                raise stream.fail()
            columns = self.identifiers() if stream.at("(") else ()
            for word in ("pivot", "unpivot"):
                if stream.at(word):
                    raise unknown_tsql(word.upper())
            return nodes.DerivedSource(query, alias, columns)
        found = self._from()
        stream.expect(")")
        return found

    def _function(self, parts: tuple[str, ...]) -> nodes.Source:
        stream = self.stream
        arguments = tuple(self._arguments())
        schema: list[tuple[str, object, str | None]] = []
        if len(parts) == 1 and parts[0].lower() == "openjson" and stream.at("with", "("):
            stream.expect("with", "(")
            while True:
                name = stream.identifier()
                kind = parse_type(stream)
                token = stream.peek()
                path = stream.string() if token is not None and token.kind == "string" else None
                if stream.at("as", "json"):
                    raise unknown_tsql("AS JSON in OPENJSON")
                schema.append((name, kind, path))
                if not stream.accept(","):
                    break
            stream.expect(")")
        alias = self._alias()
        columns = self.identifiers() if alias and stream.at("(") else ()
        return nodes.FunctionSource(parts, arguments, alias, columns, tuple(schema))  # type: ignore[arg-type]

    def _hints(self) -> None:
        stream = self.stream
        if not stream.at("with", "("):
            if stream.at("(") and (token := stream.peek(1)) is not None and token.lower in _LOCK_HINTS:
                stream.next()
                self._hint_list()
            return
        stream.expect("with", "(")
        self._hint_list()

    def _hint_list(self) -> None:
        stream = self.stream
        while not stream.accept(")"):
            token = stream.next()
            if token.lower in {"index", "forceseek", "forcescan", "noexpand"}:
                raise unknown_tsql(f"the table hint {token.text.upper()}")
            if token.lower not in _LOCK_HINTS:
                raise sql_error(321, token.text)
            stream.accept(",")

    def options(self) -> None:
        """OPTION (…) after a query: hints about plans, of which there are none here."""
        stream = self.stream
        if not stream.accept("option", "("):
            return
        while True:
            if stream.accept("recompile"):
                pass
            elif stream.at("maxdop") or stream.at("maxrecursion") or stream.at("fast"):
                stream.next()
                stream.number()
            else:
                raise unknown_tsql(f"the query hint {stream.next().text.upper()}")
            if not stream.accept(","):
                break
        stream.expect(")")
