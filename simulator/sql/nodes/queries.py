"""Queries: SELECT, set operations, sources and joins."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.sql.nodes.expressions import Condition, Expression, OrderItem
from simulator.sqltypes import SqlType


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
