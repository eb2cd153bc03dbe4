"""Running statements: control flow, variables, errors, and which of them end what.

Source for what ends a statement, a scope or a batch: the known behaviour of SQL Server with XACT_ABORT OFF.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.results import (
    DatabaseChanged,
    ErrorMessage,
    Info,
    Result,
    ResultSet,
    ReturnStatus,
    ReturnValue,
    StatementDone,
)
from simulator.sql import nodes
from simulator.sql.absent import absent_procedure
from simulator.sql.query import dml
from simulator.sql.query.arithmetic import compute, result_type
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled, conversion
from simulator.sql.query.scope import Cell, Context, Scope
from simulator.sql.query.select import SelectPlan, plan_query, with_tables
from simulator.sql.registry import EXECUTORS, PROCEDURES, Argument
from simulator.sql.table_statements import new_table, select_into
from simulator.sql.values import NULL_TYPE, convert, text_of
from simulator.sqltypes import INT, MAX, SqlType

# Errors found while a statement is compiled: they end the scope (batch or EXEC) that it stands in.
_ENDS_SCOPE = frozenset(
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
# Errors of conversion and the like: they end the whole batch, and doom a transaction inside TRY.
_ENDS_BATCH = frozenset({235, 241, 242, 244, 245, 248, 295, 1205, 3930, 3998, 8114, 8169, 9803, 9436})
_FORMAT = re.compile(
    r"%(?P<flags>[-+0 #]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+))?(?:l|h|I64)?(?P<kind>[dixXous%])"
)


@dataclass
class Frame:
    """A scope of variables: a batch, or the text of an EXEC."""

    variables: dict[str, Cell] = field(default_factory=dict)
    tables: dict[str, Any] = field(default_factory=dict)


class _Leave(Exception):  # noqa: N818 - not an error: control flow of the T-SQL that runs
    """BREAK, CONTINUE or RETURN."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Runner:
    """Runs the statements of one scope."""

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
        for message in _messages(error):
            yield message

    def _after(self, error: SqlError, statement: Any) -> None:
        """Decide what an error ends: raises it further, or returns when the next statement goes on."""
        session = self.session
        if error.severity >= 20:
            raise error
        control = isinstance(statement, (nodes.If, nodes.While, nodes.Block, nodes.TryCatch))
        raised = isinstance(statement, (nodes.RaiseError,)) or control
        compiled = error.number in _ENDS_SCOPE
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

    # --- expressions

    def _value(self, node: nodes.Expression) -> tuple[Any, SqlType]:
        part = Compiler(Scope(self.context)).value(node)
        return part.call(), part.type

    def _as(self, node: nodes.Expression, target: SqlType) -> Any:
        value, kind = self._value(node)
        return convert(value, kind, target)

    def _true(self, node: nodes.Condition) -> bool:
        return bool(Compiler(Scope(self.context)).condition(node)())

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
            if raised.severity >= 20 or (
                same_scope and raised.number in _ENDS_SCOPE and not _is_late(raised)
            ):
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
        text = _formatted(str(message or ""), values)[:2047]
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

    # --- databases, procedures

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
            if session.try_depth or error.number not in _ENDS_SCOPE or error.severity >= 20:
                raise
            session.last_error = error.number
            for message in _messages(error):
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
        if body is None or schema not in {"", "dbo", "sys"}:
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

    # --- queries

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


def _is_late(error: SqlError) -> bool:
    """Errors that a CATCH of the same scope sees although they end a scope elsewhere."""
    return error.number in {911, 59999}


def _messages(error: SqlError) -> list[ErrorMessage]:
    return [
        ErrorMessage(one.number, one.severity, one.state, one.message, one.line, one.procedure)
        for one in (error, *error.also)
    ]


def _formatted(text: str, values: list[Any]) -> str:
    """RAISERROR's printf."""
    left = list(values)

    def put(found: re.Match[str]) -> str:
        kind = found.group("kind")
        if kind == "%":
            return "%"
        value = left.pop(0) if left else None
        if value is None:
            return "(null)"
        if kind in "dix" and not isinstance(value, int):
            raise sql_error(2786, len(values) - len(left))
        pattern = "%" + found.group("flags") + (found.group("width") or "")
        if found.group("precision"):
            pattern += "." + found.group("precision")
        if kind == "s":
            return (pattern + "s") % (value,)
        return (pattern + {"i": "d", "u": "d"}.get(kind, kind)) % int(value)

    return _FORMAT.sub(put, text)


_SET_NAMES = {
    "nocount": "nocount",
    "xact_abort": "xact_abort",
    "implicit_transactions": "implicit_transactions",
    "isolation": "isolation",
    "language": "language",
    "datefirst": "date_first",
    "lock_timeout": "lock_timeout",
    "textsize": "text_size",
    "rowcount": "row_count",
}
# Switches that change how queries answer: only the setting that the simulator has is accepted.
_MUST_BE = {
    "quoted_identifier": True, "ansi_nulls": True, "concat_null_yields_null": True, "ansi_warnings": True,
    "ansi_padding": True, "ansi_null_dflt_off": False, "parseonly": False, "noexec": False, "fmtonly": False,
    "arithignore": False, "numeric_roundabort": False, "ansi_defaults": True,
}  # fmt: skip


def set_option(options: Any, name: str, value: Any) -> None:
    """Carry out SET. Raises 59999 for a setting under which queries would answer otherwise."""
    if name in _MUST_BE and value is not _MUST_BE[name]:
        raise unknown_tsql(f"SET {name.upper()} {'ON' if value else 'OFF'}")
    if name == "language" and str(value).lower() not in {"us_english", "english"}:
        raise unknown_tsql(f"SET LANGUAGE {value}")
    if name == "dateformat" and str(value).lower() != "mdy":
        raise unknown_tsql(f"SET DATEFORMAT {value}")
    field_name = _SET_NAMES.get(name)
    if field_name is not None:
        setattr(options, field_name, value)
    else:
        options.switches[name] = value


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
