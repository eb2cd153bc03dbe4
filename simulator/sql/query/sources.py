"""FROM: tables, views, table functions, subqueries and their joins, as iterators of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.collations import find_collation
from simulator.results import Column
from simulator.sql import nodes
from simulator.sql.absent import absent_source
from simulator.sql.catalog.rights import check_read
from simulator.sql.query.coercion import combined, labelled, view_collation
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import Compiled
from simulator.sql.query.scope import Context, Scope
from simulator.sql.registry import TABLE_FUNCTIONS, VIEWS, View
from simulator.sql.values import STRINGS, unify

Row = Sequence[Any]
_SYSTEM_SCHEMAS = {"sys", "information_schema"}


class Plan:
    """A source placed in a scope: its slice of the row, and the rows for it."""

    def __init__(
        self, scope: Scope, start: int, rows: Callable[[], Iterable[Row]], *, once: bool = True
    ) -> None:
        self.scope = scope
        self.start = start
        self.stop = scope.width
        self._read = rows
        self._once = once
        self._kept: list[Row] | None = None

    @property
    def width(self) -> int:
        """How many columns it has."""
        return self.stop - self.start

    def rows(self) -> Iterable[Row]:
        """The rows, kept after the first reading unless they depend on the row at hand."""
        if not self._once:
            return self._read()
        if self._kept is None:
            self._kept = [tuple(row) for row in self._read()]
        self.scope.context.work.look_at(len(self._kept))
        return self._kept


def plan_source(source: nodes.Source, scope: Scope) -> Plan:
    """Place ``source`` in ``scope``. Raises 208, 215 and what the expressions inside raise."""
    if isinstance(source, nodes.NamedSource):
        return _named(source, scope)
    if isinstance(source, nodes.FunctionSource):
        return _function(source, scope)
    if isinstance(source, nodes.DerivedSource):
        return _derived(source, scope)
    if isinstance(source, nodes.Join):
        return _join(source, scope)
    raise unknown_tsql(f"{type(source).__name__} in FROM")


def _named(source: nodes.NamedSource, scope: Scope) -> Plan:
    context, parts = scope.context, source.parts
    context.line = source.line
    start = scope.width
    if len(parts) == 1 and (common := context.common.get(context.key(parts[0]))) is not None:
        scope.add(source.alias, parts, common.columns)
        return Plan(scope, start, common.rows, once=False)
    table = find_table(context, parts)
    if table is not None:
        scope.add(source.alias, parts, labelled(table.result_columns, _collation_of(table, context, parts)))
        return Plan(scope, start, lambda: list(table.rows.values()))
    found = find_view(context, parts)
    if found is None:
        error = absent_source(parts) or sql_error(208, ".".join(parts))
        error.line = source.line
        raise error
    view, database = found
    session = context.session
    found_columns = view.columns_for(session.instance)
    scope.add(
        source.alias,
        parts,
        labelled(found_columns, lambda column: view_collation(view.name, column, database)),
    )

    def rows() -> Iterable[Row]:
        check_read(session, view.name)
        return view.rows(session, database)

    return Plan(scope, start, rows)


def _collation_of(table: Any, context: Context, parts: tuple[str, ...]) -> Callable[[Column], str]:
    """What a table's columns have: their own collation, or that of the database in which the table is."""
    session, name = context.session, parts[-1]
    if name.startswith("#"):
        default = session.instance.collation_name  # tempdb's
    else:
        default = (session.database if name.startswith("@") else session.resolve(parts)[0]).collation_name
    own = {column.name: column.collation for column in table.columns if column.collation}

    def of(column: Column) -> str:
        kept = own.get(column.name)
        found = find_collation(kept) if kept is not None else None
        if found is None and kept is not None:
            return str(session.database.collation_name)  # DATABASE_DEFAULT
        return found.name if found is not None else default

    return of


def find_table(context: Context, parts: tuple[str, ...], permission: str = "SELECT") -> Any | None:
    """The user table, temporary table or table variable of that name; None when there is none.

    Raises 229 when the login may not do ``permission`` on it.
    """
    session = context.session
    name = parts[-1]
    if name.startswith("@"):
        found = context.tables.get(name)
        if found is None:
            raise sql_error(1087, name)
        return found
    if name.startswith("#"):
        return session.temporary_tables.find("dbo", name)
    database, schema = session.resolve(parts)
    if schema.lower() in _SYSTEM_SCHEMAS:
        return None
    table = session.tables_of(database).find(schema, name)
    if table is not None:
        session.require_object(database, permission, schema, table)
    return table


def find_view(context: Context, parts: tuple[str, ...]) -> tuple[View, Any] | None:
    """The registered view of that name and the database in whose context it is read."""
    session = context.session
    name = parts[-1].lower()
    database, schema = session.resolve(parts)
    view = None
    if len(parts) >= 2 or schema:
        for prefix in (f"{database.name}.{schema}.{name}", f"{schema}.{name}"):
            view = view or VIEWS.get(prefix.lower())
    if view is None and (len(parts) == 1 or not parts[-2] or schema.lower() == "dbo"):
        view = VIEWS.get(f"sys.{name}") if name.startswith("sys") else None
    if view is None or not _is_written_so(database, view.name, (schema if len(parts) > 1 else "", parts[-1])):
        return None
    return view, database


def _is_written_so(database: Any, name: str, asked: tuple[str, ...]) -> bool:
    """Is a system object's name written as the database's collation wants it?"""
    own = name.split(".")[-2:]
    return all(
        not mine or mine.lower() in {"dbo", ":"} or database.same_name(mine, its)
        for mine, its in zip(asked, own, strict=True)
    )


def _function(source: nodes.FunctionSource, scope: Scope) -> Plan:
    session = scope.context.session
    name = ".".join(source.parts).lower()
    if name == "openjson":
        raise unknown_tsql("OPENJSON")
    database = session.database
    short = source.parts
    if len(short) == 3:
        database = session.resolve(short)[0]
        short = short[1:]
    key = ".".join(part or "dbo" for part in short).lower()
    found = TABLE_FUNCTIONS.get(key) or (TABLE_FUNCTIONS.get(f"sys.{key}") if len(short) == 1 else None)
    if found is None and len(short) == 2 and short[0] in {"", ":"}:
        found = TABLE_FUNCTIONS.get(f"sys.{short[1]}".lower())
    written = ("", *short)[-2:]
    if found is None or not _is_written_so(database, found.name, written):
        raise absent_source(source.parts) or sql_error(208, ".".join(source.parts), state=3)
    compiler = Compiler(scope)
    start = scope.width
    calls = [_argument(compiler, argument) for argument in source.arguments]
    columns: Sequence[Column] = labelled(
        found.columns_for(session.instance),
        lambda column: view_collation(found.name, column, database),
    )
    if source.columns:
        columns = _renamed(columns, source.columns, source.alias or name)
    scope.add(source.alias, source.parts, columns)
    constant = all(isinstance(argument, (nodes.Literal, nodes.DefaultValue)) for argument in source.arguments)

    def rows() -> Iterable[Row]:
        check_read(session, found.name)
        return found.rows(session, database, *[call() for call in calls])

    return Plan(scope, start, rows, once=constant)


def _argument(compiler: Compiler, node: nodes.Expression) -> Callable[[], Any]:
    if isinstance(node, nodes.DefaultValue):
        return lambda: None
    return compiler.value(node).call


def _renamed(columns: Sequence[Column], names: tuple[str, ...], alias: str) -> list[Column]:
    if len(names) < len(columns):
        raise sql_error(8158, alias)
    if len(names) > len(columns):
        raise sql_error(8159, alias)
    return [replace(column, name=name) for name, column in zip(names, columns, strict=True)]


def _derived(source: nodes.DerivedSource, scope: Scope) -> Plan:
    from simulator.sql.query.select import plan_query  # noqa: PLC0415 - queries hold sources and vice versa

    start = scope.width
    outer = scope if scope.lateral else scope.parent
    if isinstance(source.query, nodes.Values):
        values = Scope(scope.context, outer)
        columns, read = plan_values(source.query, values)
        inner_correlated = values.correlated
    else:
        if isinstance(source.query, nodes.Select) and source.query.paging.order:
            query = source.query
            if query.top is None and query.paging.offset is None and query.shape is None:
                raise sql_error(1033)
        plan = plan_query(source.query, scope.context, outer)
        columns, read, inner_correlated = plan.columns, plan.rows, plan.correlated
    if source.columns:
        columns = _renamed(columns, source.columns, source.alias)
    check_named(columns, source.alias, scope.context)
    scope.add(source.alias, (), columns)
    return Plan(scope, start, read, once=not inner_correlated)


def check_named(columns: Sequence[Column], alias: str, context: Context) -> None:
    """Raise 8155 for a column without a name, 8156 for a name used twice."""
    seen: set[str] = set()
    for at, column in enumerate(columns, 1):
        if not column.name:
            raise sql_error(8155, at, alias, state=2)
        key = context.key(column.name)
        if key in seen:
            raise sql_error(8156, column.name, alias)
        seen.add(key)


def plan_values(query: nodes.Values, scope: Scope) -> tuple[list[Column], Callable[[], list[Row]]]:
    """The columns (without names) and rows of VALUES."""
    from simulator.sql.query.compiled import conversion  # noqa: PLC0415 - keeps the import list short

    compiler = Compiler(scope)
    cells: list[list[Compiled]] = [[compiler.value(cell) for cell in row] for row in query.rows]
    types = [cells[0][at].type for at in range(len(cells[0]))]
    for row in cells[1:]:
        types = [unify(kind, cell.type) for kind, cell in zip(types, row, strict=True)]
    calls = [[conversion(cell, kind) for cell, kind in zip(row, types, strict=True)] for row in cells]
    labels = [cell.label for cell in cells[0]]
    for row in cells[1:]:
        labels = [combined(kept, cell.label, "UNION ALL") for kept, cell in zip(labels, row, strict=True)]
    columns = [
        Column("", kind, label=kept if kind.name in STRINGS else None)
        for kind, kept in zip(types, labels, strict=True)
    ]
    return columns, lambda: [tuple(call() for call in row) for row in calls]


# --- joins ----------------------------------------------------------------------------------------


def _join(source: nodes.Join, scope: Scope) -> Plan:
    start = scope.width
    left = plan_source(source.left, scope)
    middle = scope.width
    before, scope.lateral = scope.lateral, source.apply
    try:
        right = plan_source(source.right, scope)
    finally:
        scope.lateral = before
    pad: tuple[Any, ...] = (None,) * start
    if source.apply:
        return Plan(scope, start, lambda: _applied(source.kind, left, right, pad), once=False)
    if source.on is None:
        return Plan(scope, start, lambda: _crossed(left, right), once=False)
    hashed = _hash_keys(source.on, scope, (start, middle), (middle, scope.width))
    on = Compiler(scope).condition(source.on)
    return Plan(scope, start, lambda: _matched(source.kind, left, right, pad, on, hashed), once=False)


def _crossed(left: Plan, right: Plan) -> Iterator[Row]:
    rows, others = list(left.rows()), list(right.rows())
    left.scope.context.work.look_at(len(rows) * len(others))
    for row in rows:
        for other in others:
            yield (*row, *other)


def _applied(kind: str, left: Plan, right: Plan, pad: Row) -> Iterator[Row]:
    nothing, work = (None,) * right.width, left.scope.context.work
    for row in list(left.rows()):
        left.scope.row = (*pad, *row)
        found = list(right.rows())
        work.look_at(len(found))
        if not found and kind == "left":
            yield (*row, *nothing)
        for other in found:
            yield (*row, *other)


def _matched(  # noqa: PLR0917 - the parts of one join
    kind: str,
    left: Plan,
    right: Plan,
    pad: Row,
    on: Callable[[], Any],
    hashed: tuple[Callable[[], Any], Callable[[], Any]] | None,
) -> Iterator[Row]:
    scope, work = left.scope, left.scope.context.work
    others = [tuple(row) for row in right.rows()]
    no_left, no_right = (None,) * left.width, (None,) * right.width
    used: set[int] = set()
    index: dict[Any, list[int]] | None = None
    everything = range(len(others))
    if hashed is not None:
        index = {}
        for at, other in enumerate(others):
            scope.row = (*pad, *no_left, *other)
            index.setdefault(hashed[1](), []).append(at)
        index.pop(None, None)
    rows = list(left.rows())
    if index is None:
        work.look_at(len(rows) * len(others))
    for row in rows:
        candidates: Sequence[int] = everything
        if index is not None and hashed is not None:
            scope.row = (*pad, *row, *no_right)
            candidates = index.get(hashed[0](), ())
            work.look_at(len(candidates))
        matched = False
        for at in candidates:
            joined = (*row, *others[at])
            scope.row = (*pad, *joined)
            if on():
                matched = True
                used.add(at)
                yield joined
        if not matched and kind in {"left", "full"}:
            yield (*row, *no_right)
    if kind in {"right", "full"}:
        for at, other in enumerate(others):
            if at not in used:
                yield (*no_left, *other)


def _hash_keys(
    on: nodes.Condition, scope: Scope, left: tuple[int, int], right: tuple[int, int]
) -> tuple[Callable[[], Any], Callable[[], Any]] | None:
    """Keys of both sides from the first equality of two columns among the conjuncts of ``on``."""
    if isinstance(on, nodes.And):
        return _hash_keys(on.left, scope, left, right) or _hash_keys(on.right, scope, left, right)
    if not (isinstance(on, nodes.Compare) and on.operator == "="):
        return None
    sides = [_side(part, scope, left, right) for part in (on.left, on.right)]
    compiler = Compiler(scope)
    if sides == ["left", "right"]:
        return compiler.keys(compiler.value(on.left), compiler.value(on.right))
    if sides == ["right", "left"]:
        return compiler.keys(compiler.value(on.right), compiler.value(on.left))
    return None


def _side(node: nodes.Expression, scope: Scope, left: tuple[int, int], right: tuple[int, int]) -> str | None:
    if not isinstance(node, nodes.ColumnRef):
        return None
    owner, index, _ = scope.find(node)
    if owner is not scope:
        return None
    if left[0] <= index < left[1]:
        return "left"
    return "right" if right[0] <= index < right[1] else None
