"""Queries (SELECT, VALUES, WITH, set operations) and INSERT, UPDATE, DELETE, by recursive descent."""

from __future__ import annotations

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.parse_expressions import ExpressionParser
from simulator.sql.typenames import parse_type
from simulator.sqltypes import INT

# There are no locks, so these change nothing that a client could see.
_LOCK_HINTS = frozenset(
    {"nolock", "readuncommitted", "readcommitted", "readcommittedlock", "repeatableread", "serializable"}
    | {"holdlock", "updlock", "xlock", "rowlock", "paglock", "tablock", "tablockx", "readpast", "nowait"}
)
_ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="}


class QueryParser(ExpressionParser):
    """Reads queries and the statements that change rows."""

    def query(self) -> nodes.Query:
        """A query with its ORDER BY, as a subquery or as a statement."""
        return self._ordered(self._set_operation())

    def common_tables(self) -> tuple[nodes.CommonTable, ...]:
        """WITH name (columns) AS (query), …; the word WITH is consumed already."""
        stream = self.stream
        found = []
        if stream.at("xmlnamespaces"):
            raise unknown_tsql("WITH XMLNAMESPACES")
        while True:
            name = stream.identifier()
            columns = self.identifiers() if stream.at("(") else ()
            stream.expect("as", "(")
            query = self.query()
            stream.expect(")")
            found.append(nodes.CommonTable(name, columns, query))
            if not stream.accept(","):
                return tuple(found)

    def identifiers(self) -> tuple[str, ...]:
        """``(a, b, …)``."""
        stream = self.stream
        stream.expect("(")
        found = [stream.identifier()]
        while stream.accept(","):
            found.append(stream.identifier())
        stream.expect(")")
        return tuple(found)

    def _set_operation(self) -> nodes.Query:
        left = self._intersection()
        while True:
            if self.stream.accept("union"):
                kind = "union all" if self.stream.accept("all") else "union"
            elif self.stream.accept("except"):
                kind = "except"
            else:
                return left
            left = nodes.SetOperation(kind, left, self._intersection())

    def _intersection(self) -> nodes.Query:
        left = self._simple()
        while self.stream.accept("intersect"):
            left = nodes.SetOperation("intersect", left, self._simple())
        return left

    def _simple(self) -> nodes.Query:
        stream = self.stream
        if stream.accept("("):
            found = self._set_operation()
            stream.expect(")")
            return found
        if stream.accept("values"):
            return self._values()
        stream.expect("select")
        return self._select()

    def _values(self) -> nodes.Values:
        rows = []
        while True:
            rows.append(tuple(self._row()))
            if not self.stream.accept(","):
                break
        if len({len(row) for row in rows}) > 1:
            raise sql_error(10709)
        return nodes.Values(tuple(rows))

    def _row(self) -> list[nodes.Expression]:
        stream = self.stream
        stream.expect("(")
        found: list[nodes.Expression] = []
        while True:
            found.append(nodes.DefaultValue() if stream.accept("default") else self.value())
            if not stream.accept(","):
                break
        stream.expect(")")
        return found

    def _ordered(self, query: nodes.Query) -> nodes.Query:
        stream = self.stream
        order: tuple[nodes.OrderItem, ...] = ()
        offset = fetch = None
        if stream.accept("order", "by"):
            order = self.order_items()
            if stream.accept("offset"):
                offset = self.value()
                if not stream.accept("rows"):
                    stream.expect("row")
                if stream.accept("fetch"):
                    if not stream.accept("next"):
                        stream.expect("first")
                    fetch = self.value()
                    if not stream.accept("rows"):
                        stream.expect("row")
                    stream.expect("only")
        shape = self._for_clause() if stream.at("for") else None
        paging = nodes.Paging(order, offset, fetch)
        if not order and shape is None:
            return query
        if isinstance(query, nodes.Select):
            return _replaced(query, paging, shape)
        if isinstance(query, nodes.SetOperation):
            return nodes.SetOperation(query.kind, query.left, query.right, paging, shape)
        raise stream.fail()

    def _for_clause(self) -> nodes.ForClause:
        stream = self.stream
        stream.expect("for")
        if stream.accept("json"):
            if not stream.accept("path"):
                raise unknown_tsql("FOR JSON other than PATH")
            return self._json_options()
        stream.expect("xml")
        if not stream.accept("path"):
            raise unknown_tsql("FOR XML other than PATH")
        element = "row"
        if stream.accept("("):
            element = stream.string()
            stream.expect(")")
        root, typed = None, False
        while stream.accept(","):
            if stream.accept("root"):
                root = "root"
                if stream.accept("("):
                    root = stream.string()
                    stream.expect(")")
            elif stream.accept("type"):
                typed = True
            else:
                raise unknown_tsql("this option of FOR XML PATH")
        return nodes.ForClause("xml", element, root, typed=typed)

    def _json_options(self) -> nodes.ForClause:
        stream = self.stream
        root, include_null, without_wrapper = None, False, False
        while stream.accept(","):
            if stream.accept("root"):
                root = "root"
                if stream.accept("("):
                    root = stream.string()
                    stream.expect(")")
            elif stream.accept("include_null_values"):
                include_null = True
            elif stream.accept("without_array_wrapper"):
                without_wrapper = True
            else:
                raise stream.fail()
        return nodes.ForClause("json", None, root, include_null, without_wrapper)

    # --- SELECT

    def _select(self) -> nodes.Select:
        stream = self.stream
        distinct = stream.accept("distinct")
        if not distinct:
            stream.accept("all")
        top, percent, ties = None, False, False
        if stream.accept("top"):
            top = self._top_count()
            percent = stream.accept("percent")
            if stream.accept("with"):
                stream.expect("ties")
                ties = True
        items = self._items()
        into = stream.name() if stream.accept("into") else None
        source = self._from() if stream.accept("from") else None
        where = self.condition() if stream.accept("where") else None
        group: tuple[nodes.Expression, ...] = ()
        if stream.accept("group", "by"):
            if stream.at("rollup") or stream.at("cube") or stream.at("grouping"):
                raise unknown_tsql("GROUP BY ROLLUP, CUBE and GROUPING SETS")
            group = self._expressions()
        having = self.condition() if stream.accept("having") else None
        return nodes.Select(
            items=items,
            source=source,
            where=where,
            group=group,
            having=having,
            distinct=distinct,
            top=top,
            top_percent=percent,
            top_ties=ties,
            into=into,
        )

    def _top_count(self) -> nodes.Expression:
        stream = self.stream
        if stream.accept("("):
            found = self.value()
            stream.expect(")")
            return found
        value = stream.number()
        if not isinstance(value, int):
            raise sql_error(1060)
        return nodes.Literal(value, INT)

    def _expressions(self) -> tuple[nodes.Expression, ...]:
        found = [self.value()]
        while self.stream.accept(","):
            found.append(self.value())
        return tuple(found)

    def _items(self) -> tuple[nodes.SelectItem, ...]:
        found = [self._item()]
        while self.stream.accept(","):
            found.append(self._item())
        return tuple(found)

    def _item(self) -> nodes.SelectItem:
        stream = self.stream
        token, following = stream.peek(), stream.peek(1)
        if stream.accept("*"):
            return nodes.SelectItem(nodes.Star())
        star = self._qualified_star()
        if star is not None:
            return nodes.SelectItem(star)
        if token is not None and following is not None and following.kind == "punct":
            if token.kind == "variable" and following.text in _ASSIGNMENTS:
                if token.text.startswith("@@"):
                    raise stream.fail(following)
                name = token.text.lower()
                self.variable(token)
                stream.index += 2
                return nodes.SelectItem(self.value(), None, name, following.text)
            if (token.is_name or token.kind == "string") and following.text == "=":
                stream.index += 2
                return nodes.SelectItem(self.value(), str(token.value))
        return nodes.SelectItem(self.value(), self._alias(strings=True))

    def _qualified_star(self) -> nodes.Star | None:
        stream = self.stream
        ahead, parts = 0, []
        while (token := stream.peek(ahead)) is not None and token.is_name:
            dot, after = stream.peek(ahead + 1), stream.peek(ahead + 2)
            if dot is None or dot.text != "." or after is None:
                return None
            parts.append(str(token.value))
            if after.text == "*" and after.kind == "punct":
                stream.index += ahead + 3
                return nodes.Star(tuple(parts))
            ahead += 2
        return None

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

    # --- FROM

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

    # --- INSERT, UPDATE, DELETE

    def insert(self, tables: tuple[nodes.CommonTable, ...] = ()) -> nodes.Insert:
        """INSERT; its first word is consumed already."""
        stream = self.stream
        if stream.at("top"):
            raise unknown_tsql("INSERT TOP")
        stream.accept("into")
        target = self._target()
        self._hints()
        token = stream.peek(1)
        columns: tuple[str, ...] = ()
        if stream.at("(") and not (token is not None and token.lower == "select"):
            columns = self.identifiers()
        output = self._output()
        if stream.accept("default", "values"):
            return nodes.Insert(target, columns, None, None, output, tables)
        if stream.at("exec") or stream.at("execute"):
            return nodes.Insert(target, columns, None, self.execute(), output, tables)
        query = self.query()
        self.options()
        return nodes.Insert(target, columns, query, None, output, tables)

    def execute(self) -> nodes.Statement:
        """EXEC …; the statement parser knows how."""
        raise NotImplementedError

    def _target(self) -> tuple[str, ...]:
        token = self.stream.peek()
        if token is not None and token.kind == "variable":
            if token.text.lower() not in self.declared:
                raise sql_error(1087, token.text)
            self.stream.next()
            return (token.text.lower(),)
        return self.stream.name()

    def _output(self) -> nodes.OutputClause | None:
        stream = self.stream
        if not stream.accept("output"):
            return None
        items = self._items()
        if not stream.accept("into"):
            return nodes.OutputClause(items)
        target = self._target()
        return nodes.OutputClause(items, target, self.identifiers() if stream.at("(") else ())

    def update(self, tables: tuple[nodes.CommonTable, ...] = ()) -> nodes.Update:
        """UPDATE; its first word is consumed already."""
        stream = self.stream
        top = self._dml_top()
        target = self._target()
        self._hints()
        stream.expect("set")
        assignments = [self._assignment()]
        while stream.accept(","):
            assignments.append(self._assignment())
        output = self._output()
        source = self._from() if stream.accept("from") else None
        where = self._dml_where()
        self.options()
        return nodes.Update(target, tuple(assignments), source, where, top, output, tables)

    def _dml_top(self) -> nodes.Expression | None:
        if not self.stream.accept("top"):
            return None
        found = self._top_count()
        if self.stream.at("percent"):
            raise unknown_tsql("TOP … PERCENT in UPDATE or DELETE")
        return found

    def _dml_where(self) -> nodes.Condition | None:
        if not self.stream.accept("where"):
            return None
        if self.stream.at("current", "of"):
            raise unknown_tsql("WHERE CURRENT OF")
        return self.condition()

    def _assignment(self) -> nodes.Assignment:
        stream = self.stream
        token = stream.peek()
        variable = None
        if token is not None and token.kind == "variable":
            stream.next()
            self.variable(token)
            variable = token.text.lower()
            operator = self._operator()
            following, after = stream.peek(), stream.peek(1)
            if following is None or not following.is_name or after is None or after.text not in _ASSIGNMENTS:
                return nodes.Assignment(None, variable, operator, self.value())
        column = stream.name()
        operator = self._operator()
        value: nodes.Expression = nodes.DefaultValue() if stream.accept("default") else self.value()
        return nodes.Assignment(column, variable, operator, value)

    def _operator(self) -> str:
        token = self.stream.next()
        if token.text not in _ASSIGNMENTS:
            raise self.stream.fail(token)
        return token.text

    def delete(self, tables: tuple[nodes.CommonTable, ...] = ()) -> nodes.Delete:
        """DELETE; its first word is consumed already."""
        stream = self.stream
        top = self._dml_top()
        stream.accept("from")
        target = self._target()
        self._hints()
        output = self._output()
        source = self._from() if stream.accept("from") else None
        where = self._dml_where()
        self.options()
        return nodes.Delete(target, source, where, top, output, tables)


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


def _replaced(query: nodes.Select, paging: nodes.Paging, shape: nodes.ForClause | None) -> nodes.Select:
    values = {name: getattr(query, name) for name in query.__dataclass_fields__}
    values.update(paging=paging, shape=shape)
    return nodes.Select(**values)
