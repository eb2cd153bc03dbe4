"""Running queries, changes of rows and administrative statements; the frame of variables that they see."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.errors import SqlError, unknown_tsql
from simulator.results import (
    ErrorMessage,
    Info,
    Result,
    ResultSet,
    StatementDone,
)
from simulator.sql import nodes
from simulator.sql.query import dml
from simulator.sql.query.compile import Compiler
from simulator.sql.query.scope import Cell, Context, Scope
from simulator.sql.query.select import SelectPlan, plan_query, with_tables
from simulator.sql.registry import EXECUTORS
from simulator.sql.table_statements import select_into
from simulator.sql.values import convert
from simulator.sqltypes import SqlType


@dataclass
class Frame:
    """A scope of variables: a batch, or the text of an EXEC."""

    variables: dict[str, Cell] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)


def messages_of(error: SqlError) -> list[ErrorMessage]:
    return [
        ErrorMessage(one.number, one.severity, one.state, one.message, one.line, one.procedure)
        for one in (error, *error.also)
    ]


class QueryRunner:
    """Runs queries and changes in one scope of variables; control flow comes from the classes built on it."""

    def __init__(self, session: Any, frame: Frame, block: nodes.Block | None) -> None:
        self.session = session
        self.frame = frame
        self.block = block

    @property
    def context(self) -> Context:
        """What expressions of this scope know."""
        return Context(
            self.session, self.frame.variables, self.session.database.collation.key, self.frame.tables
        )

    def _value(self, node: nodes.Expression) -> tuple[Any, SqlType]:
        part = Compiler(Scope(self.context)).value(node)
        return part.call(), part.type

    def _as(self, node: nodes.Expression, target: SqlType) -> Any:
        value, kind = self._value(node)
        return convert(value, kind, target)

    def _true(self, node: nodes.Condition) -> bool:
        return bool(Compiler(Scope(self.context)).condition(node)())

    async def _query(self, statement: nodes.QueryStatement) -> AsyncGenerator[Result, None]:
        session, context, query = self.session, self.context, statement.query
        while isinstance(query, nodes.With):
            context, query = with_tables(query.tables, context), query.query
        reads = isinstance(query, nodes.Select) and query.source is not None
        if session.options.implicit_transactions and not session.transaction_count and reads:
            yield session.begin_transaction()
        if isinstance(query, nodes.Select) and any(item.assign for item in query.items):
            session.row_count = self._assign(query, context)
            yield StatementDone()
            return
        if isinstance(query, nodes.Select) and query.into is not None:
            count = select_into(session, query, context)
            session.row_count = count
            yield StatementDone(session.counted(count))
            return
        plan = plan_query(query, context)
        rows = plan.rows()
        limit = session.options.row_count
        rows = rows[:limit] if limit else rows
        session.row_count = len(rows)
        yield ResultSet(plan.columns, rows, counted=not session.options.nocount)

    def _assign(self, query: nodes.Select, context: Context) -> int:
        if any(item.operator != "=" for item in query.items):
            items = tuple(
                item
                if item.operator == "=" or item.assign is None
                else replace(
                    item,
                    expression=nodes.Binary(item.operator[0], nodes.Variable(item.assign), item.expression),
                    operator="=",
                )
                for item in query.items
            )
            query = replace(query, items=items)
        return SelectPlan(query, context).assign(self.frame.variables)

    async def _change(self, statement: Any) -> AsyncGenerator[Result, None]:
        session = self.session
        if session.options.implicit_transactions and not session.transaction_count:
            yield session.begin_transaction()
        if isinstance(statement, nodes.Update):
            yield dml.update(statement, self.context)
        elif isinstance(statement, nodes.Delete):
            yield dml.delete(statement, self.context)
        elif statement.execute is None:
            yield dml.insert(statement, self.context)
        else:
            rows: list[Any] = []
            async for result in self._handler(statement.execute):
                if isinstance(result, ResultSet):
                    rows += result.rows
                elif isinstance(result, (Info, ErrorMessage)):
                    yield result
            yield dml.insert(statement, self.context, rows)

    async def _administrative(self, statement: nodes.Administrative) -> AsyncGenerator[Result, None]:
        found = EXECUTORS.get(type(statement.statement))
        if found is None:
            raise unknown_tsql(statement.text)
        with self.session.undoable():
            results = found(self.session, statement.statement)
            if hasattr(results, "__aiter__"):
                async for result in results:
                    yield result
            else:
                for result in results:
                    yield result

    def _handler(self, statement: Any) -> AsyncGenerator[Result, None]:
        """What runs ``statement``."""
        raise NotImplementedError
