"""Compiled expressions: a closure with its static type, and its conversion to other types."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.sql import nodes
from simulator.sql.query.coercion import Label
from simulator.sql.values import (
    INTEGERS,
    MONEY,
    STRINGS,
    convert,
    text_of,
)
from simulator.sqltypes import MAX, SqlType, Variant

Call = Callable[[], Any]


@dataclass
class Compiled:
    """A compiled expression; ``label`` is the collation of a text and how strongly it is held."""

    type: SqlType
    call: Call
    nullable: bool = True
    label: Label | None = None
    name: str = ""  # the column's name, for a bare column reference

    @property
    def fold(self) -> Callable[[str], str] | None:
        """How its text compares; None where the database's own collation decides."""
        return None if self.label is None else self.label.key


def cached_rows(plan: Any) -> Callable[[], list[Any]]:
    """The rows of a subquery, read once when it does not depend on the outer row."""
    kept: list[Any] = []

    def rows() -> list[Any]:
        if plan.correlated:
            return list(plan.rows())
        if not kept:
            kept.append(list(plan.rows()))
        return list(kept[0])

    return rows


def conversion(part: Compiled, target: SqlType) -> Call:
    """The value of ``part`` as ``target``, converted implicitly."""
    source, read = part.type, part.call
    if source == target or source.name == "null" or target.name == "null":
        return read
    if source.name in STRINGS and target.name in STRINGS and target.length in (MAX, None):
        return read
    if (
        source.name in INTEGERS
        and target.name in INTEGERS
        and INTEGERS[source.name][1] <= INTEGERS[target.name][1]
    ):
        return read
    return lambda: convert(read(), source, target)


def operand(part: Compiled, kind: SqlType) -> Call:
    """An operand as the operator's type, without rounding exact numbers to the result's scale."""
    if kind.name in {"decimal", "numeric"} or kind.name in MONEY:
        if part.type.name in {"decimal", "numeric", *MONEY}:
            return part.call
        if part.type.name in INTEGERS:
            wide = SqlType("numeric", None, 38, 0)
            return lambda: convert(part.call(), part.type, wide)
    if kind.name in STRINGS:
        if part.type.name in STRINGS:
            return part.call
        return conversion(part, SqlType(kind.name, MAX))
    if kind.name in {"varbinary", "binary"} and part.type.name in {"varbinary", "binary"}:
        return part.call
    return conversion(part, kind)


def literal_type(node: nodes.Expression, kind: SqlType, other: SqlType) -> SqlType:
    """An integer constant beside a decimal counts with its own digits, not as numeric(10)."""
    if kind.name == "int" and other.name in {"decimal", "numeric"} and isinstance(node, nodes.Literal):
        return SqlType("numeric", None, len(str(abs(node.value))), 0)
    return kind


def unwrapped(value: Any) -> Any:
    return value.value if isinstance(value, Variant) else value


def plain(part: Compiled) -> Call:
    """The value as functions take it: a variant gives the value it carries."""
    if part.type.name != "sql_variant":
        return part.call
    return lambda: unwrapped(part.call())


def as_text(part: Compiled) -> Call:
    if part.type.name in STRINGS or part.type.name == "null":
        return part.call
    return lambda: None if (value := unwrapped(part.call())) is None else text_of(value, part.type)
