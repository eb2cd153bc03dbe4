"""A client's session on an instance: who it is, its options, its transaction, and how it runs messages."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from simulator.errors import SqlError, sql_error
from simulator.estate.access import enter, require_object
from simulator.estate.collations import find_collation
from simulator.estate.database import Database
from simulator.estate.instance import Instance
from simulator.estate.principals import Login
from simulator.estate.tables import Table, Tables
from simulator.estate.undo import picture, taking_back
from simulator.results import Parameter, Result, ReturnStatus, ReturnValue, TransactionChanged
from simulator.sql.execute import Runner
from simulator.sql.execute_queries import Frame
from simulator.sql.lexer import TokenStream
from simulator.sql.load import load_all
from simulator.sql.options import Options
from simulator.sql.parser import parse_batch
from simulator.sql.query.coercion import OF_CONTAINED_CATALOGS
from simulator.sql.registry import Argument

FIRST_SPID = 51  # 1 to 50 are the server's own
_descriptors = itertools.count(0x1_0000_0001)
_rowversions = itertools.count(2001)
# Ids of procedures in remote procedure calls (MS-TDS 2.2.6.6).
_PROCEDURE_IDS = {
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    14: "sp_prepexecrpc",
    15: "sp_unprepare",
}


@dataclass
class CaughtError:
    """What ERROR_NUMBER() and the like tell about."""

    error: SqlError


class Session:
    """One session. Created when a login succeeds; :meth:`close` ends it."""

    def __init__(
        self,
        instance: Instance,
        login: Login,
        database: Database,
        *,
        app_name: str = "",
        host_name: str = "",
        program: str = "",
    ) -> None:
        load_all()
        self.instance = instance
        self.login = login
        self.database = database
        self.login_database = database
        self.app_name, self.host_name, self.program = app_name, host_name, program
        self.login_time = instance.clock.local()
        self.original_login_name = login.name
        self.last_request_time = self.login_time
        self.is_running = False
        self.is_encrypted = False
        self.killed = False
        self.on_kill: Callable[[], None] | None = None
        self.options = Options()
        self.spid = next(n for n in itertools.count(FIRST_SPID) if n not in instance.sessions)
        instance.sessions[self.spid] = self
        self._begin_anew()

    @property
    def sql_handle(self) -> bytes:
        """sys.dm_exec_requests.sql_handle of what this session runs."""
        return b"\2" + self.spid.to_bytes(4, "big") + bytes(39)

    def _begin_anew(self) -> None:
        self.running_text = ""
        self.row_count = 0
        self.last_error = 0
        self.last_identity: int | None = None
        self.identity_insert: Table | None = None
        self.caught: list[CaughtError] = []
        self.try_depth = 0
        self.nesting = 0
        self.prepared: dict[int, tuple[str, str]] = {}
        self.next_handle = 1
        self.context_values: dict[str, Any] = {}
        self.temporary_tables = Tables(self.instance.name_key)
        self.transaction_count = 0
        self.transaction_descriptor = 0
        self.is_doomed = False
        self._undo: list[Callable[[], None]] = []
        self._savepoints: dict[str, int] = {}

    # --- what the wire calls

    async def run_batch(self, text: str) -> AsyncGenerator[Result, None]:
        """Run a batch. A :class:`SqlError` raised out of it ends the message."""
        with self._running():
            self.running_text = text
            block = parse_batch(text)
            async for result in self._whole(Runner(self, Frame(), block)):
                yield result

    async def call_procedure(
        self, name_or_id: str | int, parameters: list[Parameter], options: int = 0
    ) -> AsyncGenerator[Result, None]:
        """Run a remote procedure call: results, then the return status, then output parameters."""
        del options
        with self._running():
            name: tuple[str, ...]
            if isinstance(name_or_id, int):
                if name_or_id not in _PROCEDURE_IDS:
                    raise sql_error(59999, f"the remote procedure with number {name_or_id}")
                name = (_PROCEDURE_IDS[name_or_id],)
            else:
                name = TokenStream(name_or_id).name()
            arguments = [Argument(p.name, p.value, p.type, p.is_output) for p in parameters]
            runner = Runner(self, Frame(), None)
            outputs: list[ReturnValue] = []
            status = ReturnStatus(0)
            async for result in self._guarded(runner.call(name, arguments)):
                if isinstance(result, ReturnValue):
                    outputs.append(result)
                elif isinstance(result, ReturnStatus):
                    status = result
                else:
                    yield result
            yield status
            for output in outputs:
                yield output

    async def begin(self, name: str = "", *, isolation: int = 0) -> AsyncGenerator[Result, None]:
        """Transaction manager request BEGIN."""
        del name, isolation
        yield self.begin_transaction()

    async def commit(self, name: str = "", *, begin_next: bool = False) -> AsyncGenerator[Result, None]:
        """Transaction manager request COMMIT. Raises 3902 without a transaction, 3930 for a doomed one."""
        del name
        changed = self.commit_transaction()
        if changed is not None:
            yield changed
        if begin_next:
            yield self.begin_transaction()

    async def rollback(self, name: str = "", *, begin_next: bool = False) -> AsyncGenerator[Result, None]:
        """Transaction manager request ROLLBACK. Raises 3903 without a transaction."""
        yield self.rollback_transaction(name or None)
        if begin_next:
            yield self.begin_transaction()

    def reset(self, *, keep_transaction: bool = False) -> None:
        """RESETCONNECTION: as after login, except perhaps for the transaction."""
        kept = (self.transaction_count, self.transaction_descriptor, self._undo) if keep_transaction else None
        if not keep_transaction:
            self._undo_all()
        self.options = Options()
        if self.login_database in self.instance.databases and self.login_database.is_open:
            self.database = self.login_database
        self._begin_anew()
        if kept is not None:
            self.transaction_count, self.transaction_descriptor, self._undo = kept

    def close(self) -> None:
        """The connection is gone: roll back and leave the instance."""
        self._undo_all()
        if self.instance.sessions.get(self.spid) is self:  # a killed session's number may be another's by now
            del self.instance.sessions[self.spid]

    def cancel(self) -> None:
        """The running message was canceled; the session stays usable."""
        self.try_depth = 0
        self.nesting = 0
        self.caught.clear()
        self.is_running = False
        if self.options.xact_abort and self.transaction_count:
            self._undo_all()

    def kill(self) -> None:
        """KILL: roll back, and have the connection closed."""
        self.killed = True
        self._undo_all()
        if self.on_kill is not None:
            self.on_kill()

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.is_running = True
        self.last_request_time = self.instance.clock.local()
        try:
            yield
        finally:
            self.is_running = False

    async def _whole(self, runner: Runner) -> AsyncGenerator[Result, None]:
        async for result in self._guarded(runner.run()):
            yield result

    async def _guarded(self, results: AsyncGenerator[Result, None]) -> AsyncGenerator[Result, None]:
        """A message's results; afterwards a doomed transaction is rolled back (3998)."""
        self.try_depth = self.nesting = 0
        self.caught.clear()
        database = self.database
        try:
            async for result in results:
                yield result
        except SqlError as error:
            self.last_error = error.number
            if self.is_doomed:
                yield self.rollback_transaction()
            raise
        if self.database not in self.instance.databases:
            self.database = (
                database if database in self.instance.databases else self.instance.database("master")
            )
        if self.is_doomed:
            yield self.rollback_transaction()
            raise sql_error(3998)

    # --- transactions

    def begin_transaction(self) -> TransactionChanged:
        """Begin a transaction, or go one level deeper."""
        if self.transaction_count == 0:
            self.transaction_descriptor = next(_descriptors)
            self._undo, self._savepoints = [], {}
        self.transaction_count += 1
        return TransactionChanged("begin", self.transaction_descriptor)

    def commit_transaction(self) -> TransactionChanged | None:
        """End a level; None while an outer one is open. Raises 3902 or 3930."""
        if self.transaction_count == 0:
            raise sql_error(3902)
        if self.is_doomed:
            raise sql_error(3930)
        self.transaction_count -= 1
        if self.transaction_count:
            return None
        descriptor, self.transaction_descriptor = self.transaction_descriptor, 0
        self._undo, self._savepoints = [], {}
        self.instance.changed()
        return TransactionChanged("commit", descriptor)

    def rollback_transaction(self, name: str | None = None) -> TransactionChanged:
        """Undo everything since BEGIN. Raises 3903 without a transaction."""
        del name
        if self.transaction_count == 0:
            raise sql_error(3903)
        descriptor = self.transaction_descriptor
        self._undo_all()
        return TransactionChanged("rollback", descriptor)

    def _undo_all(self) -> None:
        undo, self._undo = self._undo, []
        for step in reversed(undo):
            step()
        self.transaction_count = 0
        self.transaction_descriptor = 0
        self.is_doomed = False
        self._savepoints = {}
        if undo:
            self.instance.changed()

    def save_point(self, name: str) -> None:
        """SAVE TRANSACTION. Raises 628 without a transaction."""
        if self.transaction_count == 0:
            raise sql_error(628)
        self._savepoints[self.instance.name_key(name)] = len(self._undo)

    def rollback_to(self, name: str) -> bool:
        """ROLLBACK TRANSACTION to a savepoint; False when ``name`` is none."""
        at = self._savepoints.get(self.instance.name_key(name))
        if at is None:
            return False
        for step in reversed(self._undo[at:]):
            step()
        del self._undo[at:]
        return True

    def on_rollback(self, undo: Callable[[], None]) -> None:
        """Remember how to undo a change, if a transaction is open."""
        if self.transaction_count:
            self._undo.append(undo)

    @contextmanager
    def undoable(self) -> Iterator[None]:
        """An administrative statement: in a transaction, ROLLBACK takes back what it changed."""
        if not self.transaction_count:
            yield
            return
        before = picture(self.instance)
        try:
            yield
        finally:
            self.on_rollback(taking_back(before, picture(self.instance)))

    @contextmanager
    def atomic(self) -> Iterator[list[Callable[[], None]]]:
        """A statement that changes rows: gives the list for its undo steps, run at once when it fails."""
        if self.is_doomed:
            raise sql_error(3930)
        undo: list[Callable[[], None]] = []
        try:
            yield undo
        except BaseException:
            for step in reversed(undo):
                step()
            raise
        if self.transaction_count:
            self._undo += undo

    def refuse_in_transaction(self, what: str) -> None:
        """Raise 226 when a transaction is open."""
        if self.transaction_count:
            raise sql_error(226, what)

    # --- names and rights

    def use(self, name: str) -> Database:
        """Make a database current. Raises 911, 916, 942, 927, 923 or 924."""
        self.database = enter(self, name)
        return self.database

    def resolve(self, parts: tuple[str, ...]) -> tuple[Database, str]:
        """The database and schema that a name of one to four parts means. Raises 911, 916 … and 7202."""
        if len(parts) == 4:
            if parts[0] and not self.instance.same_name(parts[0], self.instance.server_name):
                raise sql_error(7202, parts[0])
            parts = parts[1:]
        database = self.database
        if len(parts) == 3 and parts[0] and not self.instance.same_name(parts[0], database.name):
            database = enter(self, parts[0])
        schema = parts[-2] if len(parts) > 1 else ""
        if not schema:
            user = database.user_of(self.login)
            schema = (user.default_schema if user is not None else "") or "dbo"
        return database, schema

    def tables_of(self, database: Database) -> Tables:
        """The user tables of a database."""
        if database.tables is None:
            database.tables = Tables(database.name_key)
        tables: Tables = database.tables
        return tables

    def require_object(self, database: Database, permission: str, schema: str, table: Table) -> None:
        """Raise 229 unless the login may do ``permission`` on a table."""
        require_object(self, database, permission, schema, table)

    def collation_of(self, name: str) -> str:
        """The collation that COLLATE names. Raises 448 for an unknown one."""
        if name.lower() == "catalog_default" and self.database.containment == "PARTIAL":
            return OF_CONTAINED_CATALOGS
        if name.lower() in {"database_default", "catalog_default"}:
            return str(self.database.collation_name)
        found = find_collation(name)
        if found is None:
            raise sql_error(448, name)
        return found.name

    def fold_of(self, collation: str, context: Any) -> Callable[[str], str]:
        """The key under which a collation compares. Raises 448 for an unknown one."""
        if collation.lower() in {"database_default", "catalog_default"}:
            fold: Callable[[str], str] = context.key
            return fold
        found = find_collation(collation)
        if found is None:
            raise sql_error(448, collation)
        return found.key

    # --- what statements report

    def counted(self, rows: int) -> int | None:
        """The row count as DONE carries it: None under NOCOUNT."""
        return None if self.options.nocount else rows

    def next_rowversion(self) -> bytes:
        """A new rowversion value."""
        return next(_rowversions).to_bytes(8, "big")

    async def run_text(
        self, text: str, frame: Frame, *, restore_database: bool = True
    ) -> AsyncGenerator[Result, None]:
        """Run dynamic SQL: a scope of its own, whose USE and SET end with it. Raises 217."""
        if self.nesting >= 32:
            raise sql_error(217, 32)
        database, options = self.database, replace(self.options)
        self.nesting += 1
        self.running_text = text
        try:
            block = parse_batch(text, frozenset(frame.variables) | frozenset(frame.tables))
            async for result in Runner(self, frame, block).run():
                yield result
        except SqlError as error:
            if not hasattr(error, "depth"):  # an error of the text itself belongs to this scope
                error.depth = self.nesting  # type: ignore[attr-defined]
            raise
        finally:
            self.nesting = max(0, self.nesting - 1)
            self.options = options
            if restore_database and database in self.instance.databases:
                self.database = database
