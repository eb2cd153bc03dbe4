"""Expressions and conditions of the syntax tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from simulator.sqltypes import SqlType

if TYPE_CHECKING:
    from simulator.sql.nodes.queries import Query


def parts_of(node: Any) -> Sequence[Any]:
    """What a node or a tuple of nodes is made of; nothing for a plain value."""
    if isinstance(node, tuple):
        return node
    kind: Any = type(node)
    return [getattr(node, name) for name in _field_names(kind)]


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind)) if isinstance(kind, type) and is_dataclass(kind) else ()


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
