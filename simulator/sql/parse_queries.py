"""Queries (SELECT, VALUES, WITH, set operations), by recursive descent."""

from __future__ import annotations

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.parse_sources import SourceParser
from simulator.sqltypes import INT

ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="}


class QueryParser(SourceParser):
    """Reads queries."""

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
        element = self._in_parentheses("row")
        root, typed = None, False
        while stream.accept(","):
            if stream.accept("root"):
                root = self._in_parentheses("root")
            elif stream.accept("type"):
                typed = True
            else:
                raise unknown_tsql("this option of FOR XML PATH")
        return nodes.ForClause("xml", element, root, typed=typed)

    def _in_parentheses(self, default: str) -> str:
        """The string of ``('name')``, ``default`` where it is left out."""
        if not self.stream.accept("("):
            return default
        found = self.stream.string()
        self.stream.expect(")")
        return found

    def _json_options(self) -> nodes.ForClause:
        stream = self.stream
        root, include_null, without_wrapper = None, False, False
        while stream.accept(","):
            if stream.accept("root"):
                root = self._in_parentheses("root")
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
            if token.kind == "variable" and following.text in ASSIGNMENTS:
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


def _replaced(query: nodes.Select, paging: nodes.Paging, shape: nodes.ForClause | None) -> nodes.Select:
    values = {name: getattr(query, name) for name in query.__dataclass_fields__}
    values.update(paging=paging, shape=shape)
    return nodes.Select(**values)
