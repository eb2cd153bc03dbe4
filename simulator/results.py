"""What a session gives back while it works on one message: the wire turns each of these into tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.sqltypes import SqlType


@dataclass(frozen=True)
class Column:
    """A column of a result: its name may be empty, as for an unnamed expression.

    ``label`` is a text's collation and how strongly it is held (simulator/sql/query/coercion.py).
    ``collation`` is set where a column of a table or view has one that is not its database's.
    """

    name: str
    type: SqlType
    nullable: bool = True
    label: Any = field(default=None, compare=False, repr=False)
    collation: str | None = None


@dataclass(frozen=True)
class ResultSet:
    """Rows of one statement. ``counted`` is False under SET NOCOUNT ON: its DONE carries no row count."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    counted: bool = True


@dataclass(frozen=True)
class StatementDone:
    """A statement without rows is over. ``row_count`` is None where SQL Server sends none (DDL, SET)."""

    row_count: int | None = None


@dataclass(frozen=True)
class Info:
    """A message of severity 10 or less: PRINT, RAISERROR below 11, 5701 and the like."""

    number: int
    severity: int
    state: int
    message: str
    line: int = 1
    procedure: str = ""


@dataclass(frozen=True)
class ErrorMessage:
    """An error token (severity 11 or more) that did not end the message: a :class:`SqlError` sent."""

    number: int
    severity: int
    state: int
    message: str
    line: int = 1
    procedure: str = ""


@dataclass(frozen=True)
class DatabaseChanged:
    """USE took effect: becomes ENVCHANGE 1 and is followed by an :class:`Info` 5701."""

    new: str
    old: str


@dataclass(frozen=True)
class TransactionChanged:
    """A transaction began, was committed or was rolled back: ENVCHANGE 8, 9 or 10 with its descriptor."""

    kind: str  # "begin" | "commit" | "rollback"
    descriptor: int


@dataclass(frozen=True)
class ReturnValue:
    """An output parameter of a remote procedure call."""

    ordinal: int
    name: str
    type: SqlType
    value: Any


@dataclass(frozen=True)
class ReturnStatus:
    """A procedure's return code."""

    value: int


Result = (
    ResultSet
    | StatementDone
    | Info
    | ErrorMessage
    | DatabaseChanged
    | TransactionChanged
    | ReturnValue
    | ReturnStatus
)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a remote procedure call as it came. ``name`` includes the ``@`` or is empty."""

    name: str
    type: SqlType
    value: Any
    is_output: bool = False
