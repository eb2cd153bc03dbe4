# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Everything that can go wrong, as one tree. Modules branch on the class or on ``number``, never on text.

    MssqlError
    ├── InvalidInput            an option is wrong; nothing was sent
    ├── DriverMissing           pyodbc, jinja2 or the ODBC driver is not there
    ├── ConnectionFailed        no session could be opened
    │   ├── CertificateNotTrusted
    │   ├── ConnectionLost      … or it broke while reading
    │   └── LoginFailed         18456 and its kin
    ├── StatementFailed         the server answered with an error
    │   ├── PermissionDenied
    │   ├── DatabaseMissing
    │   ├── DatabaseNotReady    offline, restoring, recovering …
    │   ├── ObjectExists
    │   ├── ObjectMissing       or not visible to this login
    │   ├── InUse               somebody else holds it
    │   ├── Rejected            the server finds the wish itself wrong (size, collation, password policy …)
    │   ├── OutOfSpace
    │   └── NotAsAsked          the server took every statement, but what is read back is something else
    ├── OutcomeUnknown          the link broke, or the time was up, after the statement was sent
    ├── PlanRefused             the approved plan does not hold this statement; nothing was sent
    ├── LeaseLost               the run may send no more changes; nothing was sent
    ├── JournalUnavailable      the journal cannot be written; nothing was sent
    └── TemplateError           a T-SQL template is missing, wrong or got an unmarked value

This file imports no ansible and no driver: the portal's tests and the simulator's proofs may read it.
"""

from __future__ import annotations


class MssqlError(Exception):
    """Base of the tree. ``retryable`` says whether the same statement may be sent again after a pause.

    ``number``, ``severity`` and ``state`` are SQL Server's (ODBC hands over the number only), ``statement``
    is the template's name, ``remedy`` one or two sentences for the reader. No attribute holds a secret.
    """

    def __init__(
        self,
        message: str,
        *,
        number: int | None = None,
        severity: int | None = None,
        state: int | None = None,
        sqlstate: str | None = None,
        instance: str | None = None,
        inventory_host: str | None = None,
        database: str | None = None,
        statement: str | None = None,
        remedy: str = "",
        retryable: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.number = number
        self.severity = severity
        self.state = state
        self.sqlstate = sqlstate
        self.instance = instance
        self.inventory_host = inventory_host
        self.database = database
        self.statement = statement
        self.remedy = remedy
        self.retryable = retryable

    def __str__(self) -> str:
        """For people: ``sql01 (127.0.0.1,14331), database [x]: text (error 1801). Remedy.``"""
        text = self.message.rstrip().rstrip(".")
        if self.number:
            text += f" (error {self.number})"
        text += "."
        where = self._where()
        if where:
            text = f"{where}: {text}"
        return f"{text} {self.remedy}".rstrip()

    def _where(self) -> str:
        parts = []
        if self.inventory_host and self.instance and self.inventory_host != self.instance:
            parts.append(f"{self.inventory_host} ({self.instance})")
        elif self.instance:
            parts.append(self.instance)
        if self.database:
            parts.append(f"database [{self.database}]")
        return ", ".join(parts)

    def as_dict(self) -> dict:
        """What a failed task returns under ``error``."""
        return {
            "kind": type(self).__name__,
            "number": self.number,
            "severity": self.severity,
            "state": self.state,
            "sqlstate": self.sqlstate,
            "message": self.message,
            "instance": self.instance,
            "database": self.database,
            "statement": self.statement,
            "remedy": self.remedy,
            "retryable": self.retryable,
        }


class InvalidInput(MssqlError):
    """An option is wrong. Raised before anything is sent that changes something."""

    def __init__(self, *, field: str, problem: str, remedy: str = "", **where) -> None:
        super().__init__(f"{field}: {problem}", remedy=remedy, **where)
        self.field = field
        self.problem = problem

    def as_dict(self) -> dict:
        return dict(super().as_dict(), field=self.field)


class DriverMissing(MssqlError):
    """pyodbc, jinja2 or the ODBC driver is not installed where the module runs."""


class ConnectionFailed(MssqlError):
    """No session could be opened."""


class CertificateNotTrusted(ConnectionFailed):
    """The server's certificate is signed by nobody that this machine trusts, or names another host."""


class ConnectionLost(ConnectionFailed):
    """The link broke, or the time was up, while reading. Nothing was changed by it."""


class LoginFailed(ConnectionFailed):
    """The server refused the login. Never tried twice: that would lock the login out."""


class StatementFailed(MssqlError):
    """The server answered with an error."""


class PermissionDenied(StatementFailed):
    """The login lacks a right."""


class DatabaseMissing(StatementFailed):
    """There is no such database, or this login may not see it."""


class DatabaseNotReady(StatementFailed):
    """The database exists but is offline, restoring, recovering or otherwise not open."""


class ObjectExists(StatementFailed):
    """The thing to be made is there already."""


class ObjectMissing(StatementFailed):
    """The thing is not there, or this login may not see it."""


class InUse(StatementFailed):
    """Other sessions hold the thing."""


class Rejected(StatementFailed):
    """The server finds the wish itself wrong: sizes, collations, password policy, edition."""


class OutOfSpace(StatementFailed):
    """A file, a file group, a log or a volume is full."""


class NotAsAsked(StatementFailed):
    """Read back after the changes, the object is not what was asked for. What was sent has taken effect."""


class OutcomeUnknown(MssqlError):
    """The link broke or the time was up after the statement was sent: it may or may not have taken effect."""


class PlanRefused(MssqlError):
    """The approved plan does not hold this statement next. Nothing was sent."""


class LeaseLost(MssqlError):
    """The run's lease is over or cannot be read, so another one may have taken over. Nothing was sent."""


class JournalUnavailable(MssqlError):
    """The journal cannot be written or read. Nothing was sent."""


class TemplateError(MssqlError):
    """A T-SQL template is missing or wrong, or got a value without a filter that quotes it."""
