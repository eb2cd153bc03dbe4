"""The syntax tree of T-SQL text as the front parses it. Expressions first, then queries, then statements.

Every node is a frozen dataclass, so that equal expressions compare equal (GROUP BY and DISTINCT need that).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from simulator.sqltypes import SqlType


def parts_of(node: Any) -> Sequence[Any]:
    """What a node or a tuple of nodes is made of; nothing for a plain value."""
    if isinstance(node, tuple):
        return node
    kind: Any = type(node)
    return [getattr(node, name) for name in _field_names(kind)]


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind)) if isinstance(kind, type) and is_dataclass(kind) else ()


# --- expressions ----------------------------------------------------------------------------------


class Expression:
    """Anything with a value, or a condition."""


class Condition(Expression):
    """True, false or unknown; not a value of T-SQL."""


@dataclass(frozen=True)
class Literal(Expression):
    """A constant; ``type.name`` is "null" for NULL."""

    value: Any
    type: SqlType


@dataclass(frozen=True)
class Variable(Expression):
    """A local variable, ``name`` in lower case with its ``@``."""

    name: str


@dataclass(frozen=True)
class GlobalVariable(Expression):
    """``@@name``, lower case."""

    name: str


@dataclass(frozen=True)
class ColumnRef(Expression):
    """A column, qualified or not."""

    parts: tuple[str, ...]
    line: int = field(default=1, compare=False)


@dataclass(frozen=True)
class Star(Expression):
    """``*`` or ``t.*`` in a select list."""

    prefix: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unary(Expression):
    """``-x``, ``+x``, ``~x``."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    """An arithmetic, string or bit operation."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Case(Expression):
    """CASE; ``operand`` None for the searched form."""

    operand: Expression | None
    branches: tuple[tuple[Expression, Expression], ...]
    default: Expression | None


@dataclass(frozen=True)
class Cast(Expression):
    """CAST, CONVERT and their TRY_ forms."""

    operand: Expression
    type: SqlType
    style: Expression | None = None
    is_try: bool = False


@dataclass(frozen=True)
class OrderItem:
    """An item of ORDER BY."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True)
class Window:
    """OVER (…)."""

    partition: tuple[Expression, ...] = ()
    order: tuple[OrderItem, ...] = ()
    whole: bool = False  # ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    by_rows: bool = False  # ROWS rather than RANGE up to the current row


@dataclass(frozen=True)
class Call(Expression):
    """A function call; ``name`` in lower case, joined with dots. ``star`` for COUNT(*)."""

    name: str
    arguments: tuple[Expression, ...] = ()
    star: bool = False
    distinct: bool = False
    over: Window | None = None
    within: tuple[OrderItem, ...] = ()


@dataclass(frozen=True)
class Method(Expression):
    """A method of an xml value: ``x.value('…', 'int')``."""

    target: Expression
    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class ScalarQuery(Expression):
    """A subquery used as a value."""

    query: Query


@dataclass(frozen=True)
class Collate(Expression):
    """``x COLLATE name``."""

    operand: Expression
    collation: str


@dataclass(frozen=True)
class DefaultValue(Expression):
    """DEFAULT in a VALUES list, a SET clause or an argument."""


@dataclass(frozen=True)
class Compare(Condition):
    """``=``, ``<>``, ``<``, ``<=``, ``>``, ``>=``."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class And(Condition):
    """Conjunction."""

    left: Condition
    right: Condition


@dataclass(frozen=True)
class Or(Condition):
    """Disjunction."""

    left: Condition
    right: Condition


@dataclass(frozen=True)
class Not(Condition):
    """Negation."""

    operand: Condition


@dataclass(frozen=True)
class IsNull(Condition):
    """``x IS [NOT] NULL``."""

    operand: Expression
    negated: bool


@dataclass(frozen=True)
class Like(Condition):
    """``x LIKE p [ESCAPE e]``."""

    operand: Expression
    pattern: Expression
    escape: Expression | None


@dataclass(frozen=True)
class InList(Condition):
    """``x IN (a, b …)``."""

    operand: Expression
    items: tuple[Expression, ...]


@dataclass(frozen=True)
class InQuery(Condition):
    """``x IN (SELECT …)``."""

    operand: Expression
    query: Query


@dataclass(frozen=True)
class Quantified(Condition):
    """``x = ANY (SELECT …)``, ``x > ALL (SELECT …)``."""

    operator: str
    operand: Expression
    every: bool
    query: Query


@dataclass(frozen=True)
class Exists(Condition):
    """``EXISTS (SELECT …)``."""

    query: Query


# --- queries --------------------------------------------------------------------------------------


class Query:
    """Something that yields rows."""


@dataclass(frozen=True)
class SelectItem:
    """An item of a select list; ``assign`` is the variable of ``@v = …`` with ``operator`` ``=``, ``+=`` …"""

    expression: Expression
    alias: str | None = None
    assign: str | None = None
    operator: str = "="


class Source:
    """An item of a FROM clause."""


@dataclass(frozen=True)
class NamedSource(Source):
    """A table, view, table variable or common table expression."""

    parts: tuple[str, ...]
    alias: str | None = None
    line: int = field(default=1, compare=False)


@dataclass(frozen=True)
class FunctionSource(Source):
    """A table function."""

    parts: tuple[str, ...]
    arguments: tuple[Expression, ...]
    alias: str | None = None
    columns: tuple[str, ...] = ()
    schema: tuple[tuple[str, SqlType, str | None], ...] = ()  # OPENJSON … WITH (name type 'path')


@dataclass(frozen=True)
class DerivedSource(Source):
    """A subquery or a VALUES list with an alias."""

    query: Query
    alias: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Join(Source):
    """A join; ``kind``: inner, left, right, full, cross; ``apply``: CROSS or OUTER APPLY."""

    kind: str
    left: Source
    right: Source
    on: Condition | None = None
    apply: bool = False


@dataclass(frozen=True)
class Paging:
    """ORDER BY with OFFSET and FETCH."""

    order: tuple[OrderItem, ...] = ()
    offset: Expression | None = None
    fetch: Expression | None = None


@dataclass(frozen=True)
class ForClause:
    """FOR JSON PATH / FOR XML PATH; ``element`` and ``root`` as given."""

    kind: str  # "json" | "xml"
    element: str | None = None
    root: str | None = None
    include_null: bool = False
    without_wrapper: bool = False
    typed: bool = False


@dataclass(frozen=True)
class Select(Query):
    """One SELECT."""

    items: tuple[SelectItem, ...]
    source: Source | None = None
    where: Condition | None = None
    group: tuple[Expression, ...] = ()
    having: Condition | None = None
    distinct: bool = False
    top: Expression | None = None
    top_percent: bool = False
    top_ties: bool = False
    into: tuple[str, ...] | None = None
    paging: Paging = Paging()
    shape: ForClause | None = None


@dataclass(frozen=True)
class SetOperation(Query):
    """``kind``: union, union all, except, intersect."""

    kind: str
    left: Query
    right: Query
    paging: Paging = Paging()
    shape: ForClause | None = None


@dataclass(frozen=True)
class Values(Query):
    """VALUES (…), (…)."""

    rows: tuple[tuple[Expression, ...], ...]


@dataclass(frozen=True)
class CommonTable:
    """One common table expression."""

    name: str
    columns: tuple[str, ...]
    query: Query


@dataclass(frozen=True)
class With(Query):
    """WITH … before a query."""

    tables: tuple[CommonTable, ...]
    query: Query


# --- statements -----------------------------------------------------------------------------------


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
