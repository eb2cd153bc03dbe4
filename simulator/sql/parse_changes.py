"""Parsing INSERT, UPDATE and DELETE."""

from __future__ import annotations

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.parse_queries import ASSIGNMENTS, QueryParser


class ChangeParser(QueryParser):
    """Reads changes of rows. The parser of statements is built on it."""

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
            if following is None or not following.is_name or after is None or after.text not in ASSIGNMENTS:
                return nodes.Assignment(None, variable, operator, self.value())
        column = stream.name()
        operator = self._operator()
        value: nodes.Expression = nodes.DefaultValue() if stream.accept("default") else self.value()
        return nodes.Assignment(column, variable, operator, value)

    def _operator(self) -> str:
        token = self.stream.next()
        if token.text not in ASSIGNMENTS:
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
