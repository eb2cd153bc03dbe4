"""Statements: changes of rows, control flow, variables, procedures, transactions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.sql.nodes.expressions import Condition, Expression
from simulator.sql.nodes.queries import CommonTable, Query, SelectItem, Source
from simulator.sqltypes import SqlType


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A statement of the front; ``line`` counts from 1 within its text."""

    line: int = field(default=1, compare=False)


@dataclass(frozen=True)
class QueryStatement(Statement):
    """SELECT as a statement."""

    query: Query


@dataclass(frozen=True)
class OutputClause:
    """OUTPUT … [INTO target (columns)]."""

    items: tuple[SelectItem, ...]
    into: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Insert(Statement):
    """INSERT; the rows come from a query, from EXEC, or are all defaults (both None)."""

    target: tuple[str, ...]
    columns: tuple[str, ...]
    query: Query | None
    execute: Statement | None = None
    output: OutputClause | None = None
    tables: tuple[CommonTable, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """An item of UPDATE … SET: a column, a variable, or both (``@v = col = x``)."""

    column: tuple[str, ...] | None
    variable: str | None
    operator: str
    value: Expression


@dataclass(frozen=True)
class Update(Statement):
    """UPDATE."""

    target: tuple[str, ...]
    assignments: tuple[Assignment, ...]
    source: Source | None = None
    where: Condition | None = None
    top: Expression | None = None
    output: OutputClause | None = None
    tables: tuple[CommonTable, ...] = ()


@dataclass(frozen=True)
class Delete(Statement):
    """DELETE."""

    target: tuple[str, ...]
    source: Source | None = None
    where: Condition | None = None
    top: Expression | None = None
    output: OutputClause | None = None
    tables: tuple[CommonTable, ...] = ()


@dataclass(frozen=True)
class Block(Statement):
    """BEGIN … END, or a whole batch."""

    statements: tuple[Any, ...]


@dataclass(frozen=True)
class If(Statement):
    """IF."""

    condition: Condition
    then: Any
    otherwise: Any = None


@dataclass(frozen=True)
class While(Statement):
    """WHILE."""

    condition: Condition
    body: Any


@dataclass(frozen=True)
class Break(Statement):
    """BREAK."""


@dataclass(frozen=True)
class Continue(Statement):
    """CONTINUE."""


@dataclass(frozen=True)
class TryCatch(Statement):
    """BEGIN TRY … END TRY BEGIN CATCH … END CATCH."""

    body: Block
    handler: Block


@dataclass(frozen=True)
class ColumnSpec:
    """A column of CREATE TABLE or of a table variable."""

    name: str
    type: SqlType
    nullable: bool | None = None  # None: as ANSI_NULL_DFLT_ON says, nullable
    identity: tuple[int, int] | None = None
    default: Expression | None = None
    default_name: str | None = None
    collation: str | None = None


@dataclass(frozen=True)
class ConstraintSpec:
    """A constraint. ``kind``: primary key, unique, foreign key, check."""

    kind: str
    name: str | None
    columns: tuple[str, ...] = ()
    check: Condition | None = None
    text: str = ""
    references: tuple[str, ...] = ()
    referenced_columns: tuple[str, ...] = ()
    on_delete: str = "no action"


@dataclass(frozen=True)
class TableSpec:
    """What stands between the parentheses of CREATE TABLE."""

    columns: tuple[ColumnSpec, ...]
    constraints: tuple[ConstraintSpec, ...]


@dataclass(frozen=True)
class Declaration:
    """A variable of DECLARE: scalar, or a table when ``table`` is set."""

    name: str
    type: SqlType | None
    value: Expression | None = None
    table: TableSpec | None = None


@dataclass(frozen=True)
class Declare(Statement):
    """DECLARE."""

    variables: tuple[Declaration, ...]


@dataclass(frozen=True)
class SetVariable(Statement):
    """SET @v = x, also += and the like."""

    name: str
    operator: str
    value: Expression


@dataclass(frozen=True)
class SetOption(Statement):
    """SET options ON | OFF, and those with a value: (names in lower case, value)."""

    names: tuple[str, ...]
    value: Any


@dataclass(frozen=True)
class SetIdentityInsert(Statement):
    """SET IDENTITY_INSERT t ON | OFF."""

    table: tuple[str, ...]
    on: bool


@dataclass(frozen=True)
class Print(Statement):
    """PRINT."""

    value: Expression


@dataclass(frozen=True)
class RaiseError(Statement):
    """RAISERROR."""

    message: Expression
    severity: Expression
    state: Expression
    arguments: tuple[Expression, ...]
    options: frozenset[str]


@dataclass(frozen=True)
class Throw(Statement):
    """THROW; without arguments it raises the caught error again."""

    arguments: tuple[Expression, Expression, Expression] | None


@dataclass(frozen=True)
class Use(Statement):
    """USE."""

    database: str


@dataclass(frozen=True)
class ExecArgument:
    """An argument of EXEC; ``output`` names a variable that gets the value back."""

    name: str
    value: Expression
    output: bool = False


@dataclass(frozen=True)
class Execute(Statement):
    """EXEC procedure; ``variable`` instead of ``name`` for EXEC @name; ``result`` gets the return status."""

    name: tuple[str, ...]
    arguments: tuple[ExecArgument, ...] = ()
    result: str | None = None
    variable: str | None = None


@dataclass(frozen=True)
class ExecuteText(Statement):
    """EXEC ('text')."""

    text: Expression


@dataclass(frozen=True)
class Transaction(Statement):
    """``kind``: begin, commit, rollback, save."""

    kind: str
    name: str | None = None


@dataclass(frozen=True)
class WaitFor(Statement):
    """WAITFOR DELAY."""

    delay: Expression


@dataclass(frozen=True)
class Return(Statement):
    """RETURN."""

    value: Expression | None = None


@dataclass(frozen=True)
class Administrative(Statement):
    """A statement of a registered grammar."""

    statement: Any
    text: str = ""
