# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A module's session on one instance: every statement goes through here, so every statement is in the
journal.
"""

from __future__ import annotations

import contextlib
import random
import time

from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal, tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._connection import (
    instance_label,
    open_connection,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._driver_errors import (
    mapped_statement_error,
    masked,
    message_from,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    ConnectionFailed,
    JournalUnavailable,
    MssqlError,
    OutcomeUnknown,
)

RETRY_PAUSES_S = (
    0.2,
    0.5,
    1.0,
    2.0,
    4.0,
)  # concurrent CREATE DATABASEs hold model for a second or two (1807)
CONNECT_PAUSES_S = (0.2, 0.5)  # only while login_timeout is not used up
SECRET_PARAMETER = "<secret>"  # noqa: S105 - what the journal shows instead


class RunContext:
    """What surrounds a module's run: journal, plan, lease, templates and the task's own circumstances."""

    def __init__(
        self,
        *,
        journal: _journal.Journal,
        templates,
        plan=None,
        lease=None,
        check_mode: bool = False,
        diff_mode: bool = False,
        inventory_host: str | None = None,
        task: str | None = None,
        pause=time.sleep,
    ) -> None:
        self.journal = journal
        self.templates = templates
        self.plan = plan
        self.lease = lease
        self.check_mode = check_mode
        self.diff_mode = diff_mode
        self.inventory_host = inventory_host
        self.task = task
        self.pause = pause


class ServerInfo:
    """What the instance says of itself; ``major_version`` is 15, 16 or 17 for 2019, 2022 and 2025."""

    def __init__(self, row: dict) -> None:
        self.product_version = row["product_version"]
        self.major_version = int(str(row["product_version"]).split(".", maxsplit=1)[0])
        self.edition = row["edition"]
        self.engine_edition = int(
            row["engine_edition"]
        )  # 2 Standard, Web; 3 Enterprise, Developer; 4 Express
        self.is_hadr_enabled = bool(row["is_hadr_enabled"])
        self.default_data_path = row["default_data_path"]
        self.default_log_path = row["default_log_path"]
        self.collation = row["collation"]
        self.server_name = row["server_name"]
        self.login = row["login"]
        self.is_sysadmin = bool(row["is_sysadmin"])

    @property
    def is_case_sensitive(self) -> bool:
        """Whether names that differ only in case are different names on this instance."""
        parts = self.collation.upper().split("_")
        return "CS" in parts or "BIN" in parts or "BIN2" in parts


class Session:
    """Statements by template, on one instance. Connects at the first one; ``close()`` ends it."""

    def __init__(self, options: dict, context: RunContext) -> None:
        self.options = options
        self.context = context
        self.check_mode = context.check_mode
        self.diff_mode = context.diff_mode
        self.instance = instance_label(options)
        self.messages: list[dict] = []  # of the last statement, severity ≤ 10: {number, text}
        self.counts = {"read": 0, "change": 0, "planned": 0}
        self._connection = None
        self._database: str | None = None
        self._server: ServerInfo | None = None

    def read(
        self, template: str, *, database: str | None = None, parameters: tuple = (), **values
    ) -> list[dict]:
        """The rows that the template's statement gives, as dicts with lower-case column names.

        ``parameters`` fill ``?`` markers and are for secrets only; the journal shows ``<secret>``.
        Runs in check mode too.
        """
        statement = self._statement(template, _journal.READ, database, values)
        statement.parameters = tuple(tsql.revealed(value) for value in parameters)
        self._connect()
        self._enter(statement.database)
        return self._send(statement)

    def change(
        self,
        template: str,
        words: str,
        *,
        database: str | None = None,
        object: str | None = None,
        creates: str | None = None,
        **values,
    ) -> None:
        """Send a statement that changes something; in check mode only journal it as planned.

        ``words``, ``object`` and ``creates`` are those of :class:`_change.Change`: what the statement does,
        what it is about, and what it would bring into being (``login:app``, ``user:shop/app``).
        Raises :class:`PlanRefused` before sending when an approved plan does not hold it next, and
        :class:`LeaseLost` when the run may send no more changes.
        """
        statement = self._statement(template, _journal.CHANGE, database, values)
        statement.words, statement.object, statement.creates = words, object, creates
        if self.check_mode:
            self.context.journal.append(self._line(_journal.PLANNED, statement))
            self.counts["planned"] += 1
            return
        self._connect()
        self._enter(statement.database)
        self._send(statement)

    def is_planned(self, thing: str) -> bool:
        """In check mode: whether this run has planned a change that creates ``thing`` on this instance."""
        if not self.check_mode:
            return False
        things = [
            name for instance, name in self.context.journal.planned_things() if instance == self.instance
        ]
        if thing in things:
            return True
        folded = thing.casefold() in (name.casefold() for name in things)
        return folded and not self.server.is_case_sensitive

    @property
    def server(self) -> ServerInfo:
        """What the instance is; read once."""
        if self._server is None:
            self._server = ServerInfo(self.read("session/server", database=self._database)[0])
        return self._server

    def result(
        self, *, changed: bool, summary: str, before: dict | None = None, after: dict | None = None, **more
    ):
        """A module's result. ``before`` and ``after`` become the diff in diff mode; they hold no secret."""
        result = dict(more, changed=changed, summary=summary)
        if self.diff_mode and (before is not None or after is not None):
            result["diff"] = {"before": before or {}, "after": after or {}}
        return result

    def close(self) -> None:
        """End the session on the server."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(Exception):  # the link may be gone; there is nothing left to close then
                connection.close()

    # -- one statement ---------------------------------------------------------------------------------------

    def _statement(self, template: str, kind: str, database: str | None, values: dict) -> _Statement:
        try:
            found = self.context.templates.get(template)
            rendered = tsql.render(found.source, values)
        except MssqlError as exc:
            exc.statement = template
            raise self._placed(exc, database) from None
        return _Statement(found, rendered, kind, database or self.options["login_database"])

    def _send(self, statement: _Statement) -> list[dict]:
        """Journal, send, journal; again after a pause while the error is one that passes."""
        position = None
        for pause_s in (*RETRY_PAUSES_S, None):
            statement.statement_id = _journal.new_ulid()
            with self.context.journal.locked():
                if statement.kind == _journal.CHANGE:
                    self._check_lease(statement)
                if position is None and statement.kind == _journal.CHANGE and self.context.plan is not None:
                    position = self._plan_position(statement)
                self._journal_intent(statement, position)
            try:
                return self._send_once(statement)
            except MssqlError as exc:
                if pause_s is None or not exc.retryable:
                    raise
            # Random pauses spread processes that collide; they guard nothing.
            self.context.pause(pause_s * random.uniform(0.75, 1.25))  # noqa: S311
        raise AssertionError("unreachable")

    def _check_lease(self, statement: _Statement) -> None:
        """At each attempt and as late as can be: after waiting for the journal, before the intent."""
        if self.context.lease is None:
            return
        try:
            self.context.lease.check()
        except MssqlError as exc:
            exc.statement = statement.template.name
            raise self._placed(exc, statement.database) from None

    def _plan_position(self, statement: _Statement) -> int:
        try:
            return self.context.plan.position_of(
                instance=self.instance,
                database=statement.database,
                sha256=statement.rendered.sha256,
                after=self.context.journal.plan_position(self.instance),
            )
        except MssqlError as exc:
            exc.statement = statement.template.name
            exc.message += f": {statement.rendered.captured}"
            raise self._placed(exc, statement.database) from None

    def _journal_intent(self, statement: _Statement, position: int | None) -> None:
        line = self._line(_journal.INTENT, statement)
        if position is not None:
            line["plan_position"] = position
        self.context.journal.append(line, durable=statement.kind == _journal.CHANGE)
        self.counts[statement.kind] += 1

    def _send_once(self, statement: _Statement) -> list[dict]:
        outcome = _Outcome()
        started = time.perf_counter()
        try:
            rows = self._execute(statement, outcome)
        except Exception as exc:
            outcome.duration_ms = round((time.perf_counter() - started) * 1000, 3)
            error = self._mapped(exc, statement)
            outcome.status = _journal.UNKNOWN if isinstance(error, OutcomeUnknown) else _journal.ERROR
            outcome.error = {
                "number": error.number,
                "severity": error.severity,
                "state": error.state,
                "sqlstate": error.sqlstate,
                "message": error.message,
            }
            self._journal_outcome(statement, outcome, error)
            raise error from None
        outcome.duration_ms = round((time.perf_counter() - started) * 1000, 3)
        self._journal_outcome(statement, outcome, None)
        return rows

    def _execute(self, statement: _Statement, outcome: _Outcome) -> list[dict]:
        """Send and step through every result: errors after the first one show only then."""
        rows: list[dict] = []
        self.messages = outcome.messages
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement.rendered.text, *statement.parameters)
            while True:
                for record in cursor.messages or ():
                    message = message_from(record)
                    message["text"] = masked(message["text"], self._masks(statement))
                    outcome.messages.append(message)
                if cursor.description:
                    names = [column[0].lower() for column in cursor.description]
                    rows = [dict(zip(names, row)) for row in cursor.fetchall()]
                    outcome.rowcount = len(rows)
                elif cursor.rowcount >= 0:
                    outcome.rowcount = cursor.rowcount
                if not cursor.nextset():
                    return rows
        finally:
            # Closing after a broken link fails; the first error is the one to tell.
            with contextlib.suppress(Exception):
                cursor.close()

    def _mapped(self, exc: Exception, statement: _Statement) -> MssqlError:
        error = mapped_statement_error(
            exc,
            changes=statement.kind == _journal.CHANGE,
            masks=self._masks(statement),
            statement=statement.template.name,
        )
        if isinstance(error, (OutcomeUnknown, ConnectionFailed)):
            self.close()  # the next statement gets a new session, and a module can look what took effect
        return self._placed(error, statement.database)

    def _masks(self, statement: _Statement) -> tuple:
        return (*statement.rendered.secrets, *statement.parameters, self.options.get("login_password") or "")

    def _journal_outcome(self, statement: _Statement, outcome: _Outcome, error: MssqlError | None) -> None:
        line = self._line(_journal.OUTCOME, statement)
        line.update(
            status=outcome.status,
            duration_ms=outcome.duration_ms,
            rowcount=outcome.rowcount,
            messages=outcome.messages,
            error=outcome.error,
        )
        try:
            self.context.journal.append(line)
        except JournalUnavailable as exc:
            exc.message += " (the statement was sent; its outcome stands only in this message: "
            exc.message += f"{outcome.status}{', ' + str(error) if error else ''})"
            exc.remedy = "Make room for the journal, then run again: the modules look before they change."
            raise

    def _line(self, event: str, statement: _Statement) -> dict:
        line = {
            "event": event,
            "statement_id": statement.statement_id,
            "at": _journal.utc_now(),
            "instance": self.instance,
            "inventory_host": self.context.inventory_host,
            "task": self.context.task,
            "database": statement.database,
            "template": statement.template.name,
            "template_revision": statement.template.revision,
            "kind": statement.kind,
            "text": statement.rendered.captured,
            "sha256": statement.rendered.sha256,
            "secrets": list(statement.rendered.labels),
            "parameters": [SECRET_PARAMETER for _value in statement.parameters],
            "check_mode": self.check_mode,
        }
        if statement.words:
            line["words"] = self._told(statement)
        if statement.object:
            line["object"] = statement.object
        if statement.creates:
            line["creates"] = statement.creates
        return line

    def _told(self, statement: _Statement) -> str:
        """The words. A secret in them is masked, unless the captured text shows the same word anyway."""
        hidden = [each for each in self._masks(statement) if each not in statement.rendered.captured]
        return masked(statement.words, tuple(hidden))

    # -- the connection --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        if self._connection is not None:
            return
        # A journal that cannot be written is told before a connection is opened, not after.
        self.context.journal.check_writable()
        started = time.monotonic()
        for pause_s in (*CONNECT_PAUSES_S, None):
            try:
                self._connection = open_connection(self.options)
            except MssqlError as exc:
                used_up = time.monotonic() - started >= max(1, self.options["login_timeout"]) / 2
                if pause_s is None or used_up or not exc.retryable or not isinstance(exc, ConnectionFailed):
                    raise self._placed(exc, None) from None
                self.context.pause(pause_s)
            else:
                self._database = self.options["login_database"]
                return

    def _enter(self, database: str) -> None:
        """Make ``database`` the current one; staying in a customer's database would hold a lock on it."""
        if database == self._database:
            return
        statement = self._statement("session/use", _journal.READ, self._database, {"database": database})
        try:
            self._send(statement)
        except MssqlError as exc:
            exc.database = database
            raise
        self._database = database

    def _placed(self, exc: MssqlError, database: str | None) -> MssqlError:
        exc.instance = self.instance
        exc.inventory_host = self.context.inventory_host
        exc.database = exc.database or database
        return exc


class _Statement:
    """One rendered statement on its way."""

    def __init__(self, template, rendered: tsql.Rendered, kind: str, database: str) -> None:
        self.template = template
        self.rendered = rendered
        self.kind = kind
        self.database = database
        self.parameters: tuple = ()
        self.words: str | None = None
        self.object: str | None = None
        self.creates: str | None = None
        self.statement_id = _journal.new_ulid()


class _Outcome:
    """What came back."""

    def __init__(self) -> None:
        self.status = _journal.OK
        self.duration_ms = 0.0
        self.rowcount: int | None = None
        self.messages: list[dict] = []
        self.error: dict | None = None
