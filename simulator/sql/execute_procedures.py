"""Running procedures and dynamic SQL: inner scopes, their arguments and what they give back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from simulator.errors import SqlError, sql_error
from simulator.results import (
    DatabaseChanged,
    Info,
    Result,
    ReturnStatus,
    ReturnValue,
    StatementDone,
)
from simulator.sql import nodes
from simulator.sql.absent import absent_procedure
from simulator.sql.execute_queries import Frame, QueryRunner, messages_of
from simulator.sql.registry import PROCEDURE_NAMES, PROCEDURES, Argument
from simulator.sql.values import NULL_TYPE, convert
from simulator.sqltypes import INT, MAX, SqlType

# Errors found while a statement is compiled: they end the scope (batch or EXEC) that it stands in.
ENDS_SCOPE = frozenset(
    {
        102,
        103,
        105,
        107,
        113,
        116,
        120,
        121,
        131,
        134,
        137,
        141,
        144,
        145,
        147,
        156,
        174,
        189,
        195,
        205,
        206,
        207,
    }
    | {208, 209, 213, 243, 257, 258, 263, 264, 402, 529, 1033, 1087, 4104, 4112, 4121, 8117, 8120, 8121, 8127}
    | {109, 110, 319, 911, 59999}
)


class ProcedureRunner(QueryRunner):
    """Runs EXEC in one scope of variables."""

    async def _use(self, statement: nodes.Use) -> AsyncGenerator[Result, None]:
        old = self.session.database.name
        new = self.session.use(statement.database).name
        yield DatabaseChanged(new, old)
        yield Info(5701, 0, 2, f"Changed database context to '{new}'.", statement.line)
        yield StatementDone()

    async def _execute_text(self, statement: nodes.ExecuteText) -> AsyncGenerator[Result, None]:
        text = self._as(statement.text, SqlType("nvarchar", MAX))
        async for result in self._scope(self.session.run_text(text or "", Frame())):
            yield result

    async def _scope(self, results: AsyncIterator[Result]) -> AsyncGenerator[Result, None]:
        """An inner scope: an error of compiling ends it alone, the outer one goes on."""
        session = self.session
        try:
            async for result in results:
                yield result
        except SqlError as error:
            if session.try_depth or error.number not in ENDS_SCOPE or error.severity >= 20:
                raise
            session.last_error = error.number
            for message in messages_of(error):
                yield message

    async def _execute(self, statement: nodes.Execute) -> AsyncGenerator[Result, None]:
        name = statement.name
        if statement.variable is not None:
            from simulator.sql.lexer import TokenStream  # noqa: PLC0415 - rare

            name = TokenStream(str(self.frame.variables[statement.variable].value or "")).name()
        arguments = []
        for given in statement.arguments:
            if isinstance(given.value, nodes.DefaultValue):
                arguments.append(Argument(given.name, None, NULL_TYPE, is_default=True))
                continue
            value, kind = self._value(given.value)
            arguments.append(Argument(given.name, value, kind, given.output))
        before = self.session.transaction_count
        async for result in self._scope(self.call(name, arguments)):
            if isinstance(result, ReturnValue):
                target = statement.arguments[result.ordinal]
                if target.output and isinstance(target.value, nodes.Variable):
                    cell = self.frame.variables[target.value.name]
                    cell.value = convert(result.value, result.type, cell.type)
            elif isinstance(result, ReturnStatus):
                if statement.result is not None:
                    cell = self.frame.variables[statement.result]
                    cell.value = convert(result.value, INT, cell.type)
            else:
                yield result
        after = self.session.transaction_count
        if after != before:
            raise sql_error(266, before, after, state=2)

    async def call(self, name: tuple[str, ...], arguments: list[Argument]) -> AsyncGenerator[Result, None]:
        """Run a procedure. Raises 2812 when there is none of that name."""
        session = self.session
        body = PROCEDURES.get(name[-1].lower())
        schema = name[-2].lower() if len(name) > 1 else ""
        is_so_written = session.database.same_name(name[-1], PROCEDURE_NAMES.get(name[-1].lower(), ""))
        if body is None or schema not in {"", "dbo", "sys"} or not is_so_written:
            raise absent_procedure(name[-1]) or sql_error(2812, ".".join(name), state=62)
        before = session.database
        if len(name) > 2 and name[-3]:
            session.use(name[-3])
        inside = session.database
        produced = False
        try:
            results = body(session, arguments)
            if hasattr(results, "__aiter__"):
                async for result in results:
                    produced |= isinstance(result, ReturnStatus)
                    yield result
            else:
                for result in results:
                    produced |= isinstance(result, ReturnStatus)
                    yield result
        finally:
            if session.database is inside and before in session.instance.databases:
                session.database = before
        if not produced:
            yield ReturnStatus(0)
