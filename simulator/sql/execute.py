"""Running statements: control flow, variables, errors, and which of them end what.

Source for what ends a statement, a scope or a batch: the known behaviour of SQL Server with XACT_ABORT OFF.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.results import (
    Info,
    Result,
    StatementDone,
)
from simulator.sql import nodes
from simulator.sql.dates import DATE_ORDER
from simulator.sql.execute_procedures import ENDS_SCOPE, ProcedureRunner
from simulator.sql.execute_queries import messages_of
from simulator.sql.options import set_option
from simulator.sql.printf import formatted
from simulator.sql.query import dml
from simulator.sql.query.arithmetic import compute, result_type
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled, conversion
from simulator.sql.query.scope import Cell, Scope
from simulator.sql.table_statements import new_table
from simulator.sql.values import convert, text_of
from simulator.sqltypes import INT, SqlType

# Errors of conversion and the like: they end the whole batch, and doom a transaction inside TRY.
_ENDS_BATCH = frozenset({235, 241, 242, 244, 245, 248, 295, 1205, 3930, 3998, 8114, 8169, 9803, 9436})


class _Leave(Exception):  # noqa: N818 - not an error: control flow of the T-SQL that runs
    """BREAK, CONTINUE or RETURN."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Runner(ProcedureRunner):
    """Runs the statements of one scope."""

    async def run(self) -> AsyncGenerator[Result, None]:
        """Run the whole scope. Raises the SqlError that ended it."""
        assert self.block is not None
        try:
            for statement in self.block.statements:
                async for result in self._one(statement):
                    yield result
        except _Leave:
            return

    async def _one(self, statement: Any) -> AsyncGenerator[Result, None]:
        """One statement, with what its errors end."""
        session = self.session
        DATE_ORDER.set(session.options.date_format)
        if session.killed:
            raise SqlError(596, 21, "Cannot continue the execution because the session is in the kill state.")
        try:
            async for result in self._handler(statement):
                yield result
            if not isinstance(statement, (nodes.If, nodes.While, nodes.Block, nodes.TryCatch, nodes.Declare)):
                session.last_error = 0
            return
        except RecursionError:
            error = sql_error(8631)
        except SqlError as raised:
            error = raised
        if error.line == 1:
            error.line = statement.line
        session.last_error = error.number
        self._after(error, statement)
        for message in messages_of(error):
            yield message

    def _after(self, error: SqlError, statement: Any) -> None:
        """Decide what an error ends: raises it further, or returns when the next statement goes on."""
        session = self.session
        if error.severity >= 20:
            raise error
        control = isinstance(statement, (nodes.If, nodes.While, nodes.Block, nodes.TryCatch))
        raised = isinstance(statement, (nodes.RaiseError,)) or control
        compiled = error.number in ENDS_SCOPE
        if compiled and not hasattr(error, "depth"):
            error.depth = session.nesting  # type: ignore[attr-defined]
        if (session.options.xact_abort and session.transaction_count and not raised) or (
            error.number in _ENDS_BATCH and session.transaction_count and not control
        ):
            if session.try_depth:
                session.is_doomed = True
            else:
                session.rollback_transaction()
        ends = (
            session.try_depth
            or compiled
            or control
            or error.number in _ENDS_BATCH
            or isinstance(statement, nodes.Throw)
            or (session.options.xact_abort and not raised)
        )
        if ends:
            raise error

    def _handler(self, statement: Any) -> AsyncGenerator[Result, None]:
        found = _HANDLERS.get(type(statement))
        if found is None:
            raise unknown_tsql(f"{type(statement).__name__} in this place")
        return found(self, statement)

    # --- control flow

    async def _block(self, statement: nodes.Block) -> AsyncGenerator[Result, None]:
        for inner in statement.statements:
            async for result in self._one(inner):
                yield result

    async def _if(self, statement: nodes.If) -> AsyncGenerator[Result, None]:
        chosen = statement.then if self._true(statement.condition) else statement.otherwise
        if chosen is not None:
            async for result in self._one(chosen):
                yield result

    async def _while(self, statement: nodes.While) -> AsyncGenerator[Result, None]:
        while self._true(statement.condition):
            await asyncio.sleep(0)  # an endless loop must not stop the other connections
            try:
                async for result in self._one(statement.body):
                    yield result
            except _Leave as leave:
                if leave.kind == "break":
                    return
                if leave.kind == "return":
                    raise

    async def _leave(self, statement: Any) -> AsyncGenerator[Result, None]:
        raise _Leave(type(statement).__name__.lower())
        yield StatementDone()

    async def _try(self, statement: nodes.TryCatch) -> AsyncGenerator[Result, None]:
        session = self.session
        depth = session.try_depth
        session.try_depth = depth + 1
        try:
            async for result in self._block(statement.body):
                yield result
            return
        except SqlError as raised:
            same_scope = getattr(raised, "depth", None) == session.nesting
            if raised.severity >= 20 or (same_scope and raised.number in ENDS_SCOPE and not _is_late(raised)):
                raise
            error = raised.also[-1] if raised.also else raised
        finally:
            session.try_depth = depth
        from simulator.sql.session import CaughtError  # noqa: PLC0415 - the session runs this module

        session.caught.append(CaughtError(replace(error, line=error.line)))
        try:
            async for result in self._block(statement.handler):
                yield result
        finally:
            if session.caught:
                session.caught.pop()

    # --- variables and options

    async def _declare(self, statement: nodes.Declare) -> AsyncGenerator[Result, None]:
        for variable in statement.variables:
            if variable.table is not None:
                self.frame.tables[variable.name] = new_table(
                    self.session, ("", variable.name), variable.table, self.context
                )
                continue
            assert variable.type is not None
            cell = self.frame.variables.setdefault(variable.name, Cell(variable.type))
            if variable.value is not None:
                cell.value = self._as(variable.value, variable.type)
        return
        yield StatementDone()

    async def _set_variable(self, statement: nodes.SetVariable) -> AsyncGenerator[Result, None]:
        cell = self.frame.variables[statement.name]
        value = Compiler(Scope(self.context)).value(statement.value)
        if statement.operator == "=":
            cell.value = convert(value.call(), value.type, cell.type)
        else:
            cell.value = self._changed(cell, statement.operator[0], value)
        yield StatementDone()

    @staticmethod
    def _changed(cell: Cell, sign: str, value: Compiled) -> Any:
        current = Compiled(cell.type, lambda: cell.value)
        kind = result_type(sign, cell.type, value.type)
        first, second = conversion(current, kind)(), conversion(value, kind)()
        result = None if first is None or second is None else compute(sign, kind)(first, second)
        return convert(result, kind, cell.type)

    async def _set_option(self, statement: nodes.SetOption) -> AsyncGenerator[Result, None]:
        options, value = self.session.options, statement.value
        if isinstance(value, nodes.Expression):
            value = self._value(value)[0]
        for name in statement.names:
            set_option(options, name, value)
        yield StatementDone()

    async def _identity_insert(self, statement: nodes.SetIdentityInsert) -> AsyncGenerator[Result, None]:
        session = self.session
        table = dml.target_table(self.context, statement.table, "INSERT")
        if table.identity_column is None:
            raise sql_error(8106, table.name)
        other = session.identity_insert
        if statement.on and other is not None and other is not table:
            raise sql_error(8107, other.full_name, table.name)
        session.identity_insert = table if statement.on else None
        yield StatementDone()

    # --- messages and errors

    async def _print(self, statement: nodes.Print) -> AsyncGenerator[Result, None]:
        value, kind = self._value(statement.value)
        text = "" if value is None else text_of(getattr(value, "value", value), kind)
        yield Info(0, 0, 1, text or " ", statement.line)
        yield StatementDone()

    async def _raise_error(self, statement: nodes.RaiseError) -> AsyncGenerator[Result, None]:
        message, _ = self._value(statement.message)
        severity = int(self._as(statement.severity, INT) or 0)
        state = int(self._as(statement.state, INT) or 0)
        values = [self._value(argument)[0] for argument in statement.arguments]
        severity = max(severity, 0)
        if severity > 18 and "log" not in statement.options:
            raise sql_error(2754)
        if severity > 18 and not self.session.instance.is_sysadmin(self.session.login):
            raise sql_error(2754)
        state = state if 0 <= state <= 255 else 1
        number = 50000
        if isinstance(message, int):
            raise sql_error(18054, message, severity, state)
        text = formatted(str(message or ""), values)[:2047]
        if severity <= 10:
            yield Info(number, severity, state, text, statement.line)
            yield StatementDone()
            return
        raise SqlError(number, min(severity, 25), text, state=state, line=statement.line)

    async def _throw(self, statement: nodes.Throw) -> AsyncGenerator[Result, None]:
        if statement.arguments is None:
            if not self.session.caught:
                raise sql_error(10704)
            raise replace(self.session.caught[-1].error)
        number = int(self._as(statement.arguments[0], INT) or 0)
        text = self._as(statement.arguments[1], SqlType("nvarchar", 2048)) or ""
        state = int(self._as(statement.arguments[2], INT) or 0)
        if number < 50000:
            raise sql_error(35100, number, state=10)
        raise SqlError(number, 16, text, state=state, line=statement.line)
        yield StatementDone()

    # --- transactions, time

    async def _transaction(self, statement: nodes.Transaction) -> AsyncGenerator[Result, None]:
        session = self.session
        if statement.kind == "begin":
            first = session.transaction_count == 0
            changed = session.begin_transaction()
            if first:
                yield changed
        elif statement.kind == "commit":
            committed = session.commit_transaction()
            if committed is not None:
                yield committed
        elif statement.kind == "save":
            session.save_point(statement.name or "")
        elif not (statement.name and session.transaction_count and session.rollback_to(statement.name)):
            yield session.rollback_transaction()
        yield StatementDone()

    async def _wait(self, statement: nodes.WaitFor) -> AsyncGenerator[Result, None]:
        text = self._as(statement.delay, SqlType("varchar", 30))
        found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.:](\d{1,3}))?)?\s*", str(text))
        if found is None:
            raise sql_error(148, text)
        hours, minutes, seconds, fraction = (found.group(at) or "0" for at in range(1, 5))
        await asyncio.sleep(
            int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
        )
        yield StatementDone()


def _is_late(error: SqlError) -> bool:
    """Errors that a CATCH of the same scope sees although they end a scope elsewhere."""
    return error.number in {911, 59999}


_HANDLERS: dict[type, Callable[[Runner, Any], AsyncGenerator[Result, None]]] = {
    nodes.Block: Runner._block,
    nodes.If: Runner._if,
    nodes.While: Runner._while,
    nodes.Break: Runner._leave,
    nodes.Continue: Runner._leave,
    nodes.Return: Runner._leave,
    nodes.TryCatch: Runner._try,
    nodes.Declare: Runner._declare,
    nodes.SetVariable: Runner._set_variable,
    nodes.SetOption: Runner._set_option,
    nodes.SetIdentityInsert: Runner._identity_insert,
    nodes.Print: Runner._print,
    nodes.RaiseError: Runner._raise_error,
    nodes.Throw: Runner._throw,
    nodes.Use: Runner._use,
    nodes.Execute: Runner._execute,
    nodes.ExecuteText: Runner._execute_text,
    nodes.Transaction: Runner._transaction,
    nodes.WaitFor: Runner._wait,
    nodes.QueryStatement: Runner._query,
    nodes.Insert: Runner._change,
    nodes.Update: Runner._change,
    nodes.Delete: Runner._change,
    nodes.Administrative: Runner._administrative,
}
