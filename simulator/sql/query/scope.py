"""What names mean inside a query: sources, their columns, and the row that is being looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.results import Column
from simulator.sql.nodes import ColumnRef
from simulator.sql.query.coercion import Label, Rank, label
from simulator.sqltypes import SqlType


@dataclass
class Cell:
    """A variable: its type and present value."""

    type: SqlType
    value: Any = None


@dataclass
class CommonRows:
    """A common table expression while its query runs: ``rows`` gives what is to be read."""

    columns: Sequence[Column]
    rows: Callable[[], Sequence[Sequence[Any]]]


ROWS_MAX = 3_000_000  # rows that one statement may look at: some ten seconds for which nobody else is served


@dataclass
class Work:
    """How many rows a statement has looked at."""

    rows: int = 0

    def look_at(self, rows: int) -> None:
        """Count rows. Raises 59999 beyond the limit: one thread serves all clients."""
        self.rows += rows
        if self.rows > ROWS_MAX:
            raise unknown_tsql(f"a statement that looks at more than {ROWS_MAX} rows")


@dataclass
class Context:
    """What one statement's execution knows. ``key`` is the database's collation's."""

    session: Any
    variables: dict[str, Cell]
    key: Callable[[str], str]
    tables: dict[str, Any] = field(default_factory=dict)  # table variables by name with @
    common: dict[str, CommonRows] = field(default_factory=dict)
    line: int = 1
    work: Work = field(default_factory=Work)

    @property
    def default_label(self) -> Label:
        """The label of constants and variables."""
        return label(Rank.DEFAULT, self.session.database.collation_name)

    def with_common(self, name: str, rows: CommonRows) -> Context:
        """This context with one more common table expression."""
        return Context(
            self.session,
            self.variables,
            self.key,
            self.tables,
            {**self.common, self.key(name): rows},
            self.line,
            self.work,
        )


@dataclass
class Grouping:
    """A grouped SELECT: which columns may be used bare, and the aggregates' values for the present group."""

    columns: set[int]
    expressions: list[Any]
    slots: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    clause: int = 8120  # the error for a column that is neither grouped nor aggregated


@dataclass
class ScopeSource:
    """One source: its name as it may prefix columns, its columns, and where they begin in the row."""

    alias: str | None
    parts: tuple[str, ...]
    columns: Sequence[Column]
    offset: int
    _places: dict[str, list[int]] | None = None

    def places(self, name: str, key: Callable[[str], str]) -> Sequence[int]:
        """The positions of the columns called ``name``."""
        if self._places is None:
            self._places = {}
            for at, column in enumerate(self.columns):
                if column.name:
                    self._places.setdefault(key(column.name), []).append(at)
        return self._places.get(key(name), ())


class Scope:
    """The sources of one SELECT; ``row`` is the row at hand, set by whoever iterates."""

    def __init__(self, context: Context, parent: Scope | None = None) -> None:
        self.context = context
        self.parent = parent
        self.sources: list[ScopeSource] = []
        self.width = 0
        self.row: Sequence[Any] = ()
        self.grouping: Grouping | None = None
        self.windows: list[Any] | None = None
        self.lateral = False  # the source being planned stands after APPLY and sees those before it
        self.correlated = False  # reads a column of an outer scope

    def add(self, alias: str | None, parts: tuple[str, ...], columns: Sequence[Column]) -> ScopeSource:
        """Add a source at the right end of the row."""
        source = ScopeSource(alias, parts, columns, self.width)
        self.sources.append(source)
        self.width += len(columns)
        return source

    def find(self, ref: ColumnRef) -> tuple[Scope, int, Column]:
        """The scope, row index and column of a reference. Raises 207, 209 or 4104."""
        scope: Scope | None = self
        passed: list[Scope] = []
        while scope is not None:
            found = scope._matches(ref)
            if len(found) > 1:
                raise _at(sql_error(209, ref.parts[-1]), ref)
            if found:
                for inner in passed:
                    inner.correlated = True
                return scope, found[0][0], found[0][1]
            passed.append(scope)
            scope = scope.parent
        if len(ref.parts) > 1 and not self._knows_prefix(ref):
            raise _at(sql_error(4104, ".".join(ref.parts)), ref)
        raise _at(sql_error(207, ref.parts[-1]), ref)

    def _knows_prefix(self, ref: ColumnRef) -> bool:
        scope: Scope | None = self
        while scope is not None:
            if any(scope._prefixes(source, ref.parts[:-1]) for source in scope.sources):
                return True
            scope = scope.parent
        return False

    def _matches(self, ref: ColumnRef) -> list[tuple[int, Column]]:
        key = self.context.key
        prefix = ref.parts[:-1]
        return [
            (source.offset + at, source.columns[at])
            for source in self.sources
            if not prefix or self._prefixes(source, prefix)
            for at in source.places(ref.parts[-1], key)
        ]

    def _prefixes(self, source: ScopeSource, prefix: tuple[str, ...]) -> bool:
        key = self.context.key
        if source.alias is not None:
            return len(prefix) == 1 and key(source.alias) == key(prefix[0])
        if not source.parts or len(prefix) > 3:
            return False
        own = ("", "", *source.parts)[-len(prefix) :]
        return all(
            key(mine) == key(asked)
            or ((at < len(prefix) - 1 and not (mine and asked)) or _is_default(mine, asked))
            for at, (mine, asked) in enumerate(zip(own, prefix, strict=True))
        )

    def star(self, prefix: tuple[str, ...]) -> list[tuple[int, Column]]:
        """The columns of ``*`` or ``t.*``. Raises 107 for an unknown prefix."""
        chosen = [s for s in self.sources if not prefix or self._prefixes(s, prefix)]
        if not chosen and prefix:
            raise sql_error(107, ".".join(prefix))
        if not chosen:
            raise sql_error(263)
        return [(s.offset + at, column) for s in chosen for at, column in enumerate(s.columns)]


def _is_default(mine: str, asked: str) -> bool:
    return not mine and asked.lower() == "dbo"


def _at(error: SqlError, ref: ColumnRef) -> SqlError:
    error.line = ref.line
    return error
