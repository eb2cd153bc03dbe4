"""CREATE, ALTER, DROP and TRUNCATE TABLE, indexes, SELECT INTO: the executors of user tables."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_database
from simulator.estate.tables import Check, ForeignKey, Key, Table, TableColumn
from simulator.results import Result, StatementDone
from simulator.sql import nodes
from simulator.sql.parse_tables import (
    AlterTable,
    CreateIndex,
    CreateTable,
    DropIndex,
    DropTable,
    TruncateTable,
)
from simulator.sql.query.compile import Compiler
from simulator.sql.query.dml import column_of
from simulator.sql.query.integrity import reserve
from simulator.sql.query.scope import Context, Scope
from simulator.sql.query.select import SelectPlan
from simulator.sql.registry import executes


def _context(session: Any) -> Context:
    return Context(session, {}, session.database.name_key)


def _is_temporary(name: str) -> bool:
    return name.startswith(("#", "@"))


def _fold(session: Any) -> Callable[[Any], Any]:
    key = session.database.name_key
    return lambda value: key(value) if isinstance(value, str) else value


def new_table(session: Any, parts: tuple[str, ...], spec: nodes.TableSpec, context: Context) -> Table:
    """A table as ``spec`` says, not yet added anywhere. Raises 2705, 1779, 2744, 8111, 1911 …"""
    name = parts[-1]
    schema = "dbo" if _is_temporary(name) else session.resolve(parts)[1]
    table = Table(schema, name, session.instance.clock.local(), _fold(session))
    table.modified = table.created
    for column in spec.columns:
        _add_column(table, column, context)
    for constraint in spec.constraints:
        _add_constraint(session, table, constraint, context, undecided=_undecided(spec))
    return table


def _undecided(spec: nodes.TableSpec) -> set[str]:
    """The new columns with neither NULL nor NOT NULL: a primary key makes them NOT NULL."""
    return {column.name for column in spec.columns if column.nullable is None}


def _add_column(table: Table, spec: nodes.ColumnSpec, context: Context) -> TableColumn:
    if any(context.key(c.name) == context.key(spec.name) for c in table.columns):
        raise sql_error(2705, spec.name, table.name, state=3)
    if spec.identity and table.identity_column is not None:
        raise sql_error(2744, table.name, state=2)
    if spec.identity and spec.nullable:
        raise sql_error(8147, spec.name, table.name)
    if spec.identity and spec.identity[1] == 0:
        raise sql_error(2749, spec.name)
    if spec.collation is not None:
        context.session.fold_of(spec.collation, context)
    if spec.default is not None:
        Compiler(Scope(context)).value(spec.default)
    column_id = max((c.column_id for c in table.columns), default=0) + 1
    column = TableColumn(
        spec.name,
        spec.type,
        spec.nullable is not False and not spec.identity,
        column_id,
        spec.identity,
        spec.default,
        spec.default_name or (_name("DF", table, spec.name) if spec.default is not None else None),
        collation=spec.collation,
    )
    table.columns.append(column)
    return column


def _name(prefix: str, table: Table, column: str = "") -> str:
    stem = f"{prefix}__{table.name[:9]}__{column[:5]}" if column else f"{prefix}__{table.name[:9]}"
    return f"{stem}__{uuid.uuid4().hex[:8].upper()}"


def _add_constraint(
    session: Any, table: Table, spec: nodes.ConstraintSpec, context: Context, *, undecided: set[str]
) -> None:
    columns = [_key_column(table, name, context) for name in spec.columns]
    if spec.kind in {"primary key", "unique"}:
        if spec.kind == "primary key":
            if any(key.kind == "primary key" for key in table.keys):
                raise sql_error(1779, table.name, state=0, also=[sql_error(1750)])
            for column in columns:
                if column.nullable and column.name not in undecided:
                    raise sql_error(8111, table.name, also=[sql_error(1750)])
                column.nullable = False
        prefix = "PK" if spec.kind == "primary key" else "UQ"
        table.add_key(Key(spec.name or _name(prefix, table), spec.kind, columns))
    elif spec.kind == "check":
        scope = Scope(context)
        scope.add(None, (table.schema, table.name), table.result_columns)
        assert spec.check is not None
        Compiler(scope).condition(spec.check)
        table.checks.append(Check(spec.name or _name("CK", table), spec.check, spec.text))
    else:
        _add_foreign_key(session, table, spec, columns, context)


def _key_column(table: Table, name: str, context: Context) -> TableColumn:
    key = context.key(name)
    found = next((c for c in table.columns if context.key(c.name) == key), None)
    if found is None:
        raise sql_error(1911, name, also=[sql_error(1750)])
    return found


def _add_foreign_key(
    session: Any, table: Table, spec: nodes.ConstraintSpec, columns: list[TableColumn], context: Context
) -> None:
    name = spec.name or _name("FK", table)
    database, schema = session.resolve(spec.references)
    if context.key(spec.references[-1]) == context.key(table.name):
        other: Table | None = table
    else:
        other = session.tables_of(database).find(schema, spec.references[-1])
    if other is None:
        raise sql_error(1767, name, ".".join(spec.references), state=0, also=[sql_error(1750)])
    if spec.referenced_columns:
        referenced = [column_of(other, column, context) for column in spec.referenced_columns]
    else:
        primary = next((key for key in other.keys if key.kind == "primary key"), None)
        if primary is None:
            raise sql_error(1773, name, other.full_name, state=0, also=[sql_error(1750)])
        referenced = primary.columns
    if not any(key.is_unique and set(key.columns) == set(referenced) for key in other.keys):
        raise sql_error(1776, other.full_name, name, state=0, also=[sql_error(1750)])
    table.foreign_keys.append(ForeignKey(name, columns, other, referenced, spec.on_delete))


def _require_create(session: Any, database: Any, schema: str) -> None:
    if database.is_read_only:
        raise sql_error(3906, database.name)
    if not has_database(session, database, "CREATE TABLE"):
        raise sql_error(262, "CREATE TABLE", database.name)
    if database.schema(schema) is None:
        raise sql_error(2760, schema)


@executes(CreateTable)
def create_table(session: Any, statement: CreateTable) -> Iterator[Result]:
    """Make a table. Raises 262, 2714, 2760, 3906 and what :func:`new_table` raises."""
    name = statement.name[-1]
    if name.startswith("##"):
        raise sql_error(59999, "global temporary tables")
    if _is_temporary(name):
        tables = session.temporary_tables
    else:
        database, schema = session.resolve(statement.name)
        _require_create(session, database, schema)
        tables = session.tables_of(database)
    table = new_table(session, statement.name, statement.spec, _context(session))
    tables.add(table)
    session.on_rollback(lambda: tables.remove(table))
    session.instance.changed()
    yield StatementDone()


def select_into(session: Any, query: nodes.Select, context: Context) -> int:
    """SELECT … INTO a new table; the number of rows. Raises 2714, 262, 8155."""
    assert query.into is not None
    name = query.into[-1]
    plain = {f: getattr(query, f) for f in query.__dataclass_fields__} | {"into": None}
    plan = SelectPlan(nodes.Select(**plain), context).plan()
    columns = []
    for at, column in enumerate(plan.columns, 1):
        if not column.name:
            raise sql_error(1038)
        columns.append(nodes.ColumnSpec(column.name, column.type, column.nullable))
        del at
    list(create_table(session, CreateTable(query.into, nodes.TableSpec(tuple(columns), ()))))
    rows = [tuple(row) for row in plan.rows()]
    found = (
        session.temporary_tables.find("dbo", name)
        if _is_temporary(name)
        else session.tables_of(session.resolve(query.into)[0]).find(session.resolve(query.into)[1], name)
    )
    with session.atomic() as undo:
        for row in rows:
            undo.append(found.insert(row)[1])
        if not _is_temporary(name):
            reserve(session.resolve(query.into)[0], found, rows, undo)
    return len(rows)


def _find(session: Any, parts: tuple[str, ...]) -> tuple[Any, Table | None, Any]:
    name = parts[-1]
    if _is_temporary(name):
        return session.temporary_tables, session.temporary_tables.find("dbo", name), None
    database, schema = session.resolve(parts)
    tables = session.tables_of(database)
    return tables, tables.find(schema, name), database


def _may_alter(session: Any, database: Any, table: Table) -> bool:
    if database is None:
        return True
    from simulator.estate.permissions import check_object  # noqa: PLC0415 - only where tables change

    schema = database.schema(table.schema)
    return check_object(
        session.login,
        database,
        "ALTER",
        schema_id=schema.schema_id if schema else 1,
        object_id=table.object_id,
    )


@executes(DropTable)
def drop_table(session: Any, statement: DropTable) -> Iterator[Result]:
    """Drop tables. Raises 3701, 3726."""
    for parts in statement.names:
        tables, table, database = _find(session, parts)
        if table is None or not _may_alter(session, database, table):
            if statement.if_exists and table is None:
                continue
            raise sql_error(3701, "drop", "table", ".".join(parts), state=5)
        if any(child is not table for child, _ in tables.referencing(table)):
            raise sql_error(3726, table.name)
        if database is not None and database.is_read_only:
            raise sql_error(3906, database.name)
        _remove(session, tables, table, database)
    session.instance.changed()
    yield StatementDone()


def _remove(session: Any, tables: Any, table: Table, database: Any) -> None:
    tables.remove(table)
    if database is not None and table.used_kib:
        database.reserve(-table.used_kib)
        session.on_rollback(lambda: database.reserve(table.used_kib))
    session.on_rollback(lambda: tables.add(table))


@executes(TruncateTable)
def truncate_table(session: Any, statement: TruncateTable) -> Iterator[Result]:
    """Remove every row. Raises 4701, 4712."""
    tables, table, database = _find(session, statement.name)
    if table is None or not _may_alter(session, database, table):
        raise sql_error(4701, ".".join(statement.name))
    if any(child is not table for child, _ in tables.referencing(table)):
        raise sql_error(4712, table.name)
    with session.atomic() as undo:
        undo.append(table.truncate())
        if database is not None and table.used_kib:
            kib, table.used_kib = table.used_kib, 0.0
            database.reserve(-kib)
    yield StatementDone()


@executes(AlterTable)
def alter_table(session: Any, statement: AlterTable) -> Iterator[Result]:
    """Add columns and constraints, drop them. Raises 4902, 4924, 3728, 4901."""
    _, table, database = _find(session, statement.name)
    if table is None or not _may_alter(session, database, table):
        raise sql_error(4902, ".".join(statement.name))
    context = _context(session)
    session.on_rollback(table.remember())
    if statement.add is not None:
        _add_elements(session, table, statement.add, context)
    for name in statement.drop_columns:
        _drop_column(table, name, context, if_exists=statement.if_exists)
    for name in statement.drop_constraints:
        _drop_constraint(table, name, context, if_exists=statement.if_exists)
    table.modified = session.instance.clock.local()
    session.instance.changed()
    yield StatementDone()


def _add_elements(session: Any, table: Table, spec: nodes.TableSpec, context: Context) -> None:
    for column in spec.columns:
        if column.nullable is False and column.default is None and not column.identity and table.rows:
            raise sql_error(4901, column.name, table.name)
        added = _add_column(table, column, context)
        fill: Any = None
        if column.default is not None and column.nullable is False:
            fill = Compiler(Scope(context)).converted(column.default, column.type)()
        for number, row in list(table.rows.items()):
            value = table.next_identity() if added.identity else fill
            table.rows[number] = (*row, value)
    for constraint in spec.constraints:
        _add_constraint(session, table, constraint, context, undecided=_undecided(spec))


def _drop_column(table: Table, name: str, context: Context, *, if_exists: bool) -> None:
    found = next((c for c in table.columns if context.key(c.name) == context.key(name)), None)
    if found is None:
        if if_exists:
            return
        raise sql_error(4924, "DROP COLUMN", name, table.name)
    used = [k.name for k in table.keys if found in k.columns]
    used += [f.name for f in table.foreign_keys if found in f.columns]
    if found.default_name:
        used.append(found.default_name)
    if used:
        raise sql_error(5074, used[0], "object", name, also=[sql_error(4922, name)])
    at = table.position(found)
    table.columns.remove(found)
    for number, row in list(table.rows.items()):
        table.rows[number] = (*row[:at], *row[at + 1 :])


def _drop_constraint(table: Table, name: str, context: Context, *, if_exists: bool) -> None:
    key = context.key(name)
    constraints: tuple[list[Any], ...] = (table.keys, table.checks, table.foreign_keys)
    for held in constraints:
        for item in list(held):
            if context.key(item.name) == key:
                held.remove(item)
                return
    for column in table.columns:
        if column.default_name and context.key(column.default_name) == key:
            column.default, column.default_name = None, None
            return
    if not if_exists:
        raise sql_error(3728, name, also=[sql_error(3727)])


@executes(CreateIndex)
def create_index(session: Any, statement: CreateIndex) -> Iterator[Result]:
    """Make an index; a unique one is enforced. Raises 1088, 1911, 1913, 1505."""
    _, table, database = _find(session, statement.table)
    if table is None or not _may_alter(session, database, table):
        raise sql_error(1088, ".".join(statement.table), state=12)
    context = _context(session)
    if any(context.key(k.name) == context.key(statement.name) for k in table.keys):
        raise sql_error(1913, statement.name, table.full_name)
    columns = [_key_column(table, name, context) for name in statement.columns]
    key = Key(statement.name, "unique index" if statement.unique else "index", columns)
    table.add_key(key)
    session.on_rollback(lambda: table.keys.remove(key) if key in table.keys else None)
    yield StatementDone()


@executes(DropIndex)
def drop_index(session: Any, statement: DropIndex) -> Iterator[Result]:
    """Drop an index. Raises 3701, 3723."""
    _, table, database = _find(session, statement.table)
    context = _context(session)
    found = None
    if table is not None and _may_alter(session, database, table):
        found = next((k for k in table.keys if context.key(k.name) == context.key(statement.name)), None)
    if table is None or found is None:
        if statement.if_exists:
            yield StatementDone()
            return
        raise sql_error(3701, "drop", "index", f"{'.'.join(statement.table)}.{statement.name}", state=6)
    if found.kind in {"primary key", "unique"}:
        kind = "PRIMARY KEY" if found.kind == "primary key" else "UNIQUE KEY"
        raise sql_error(3723, f"{table.full_name}.{found.name}", kind)
    table.keys.remove(found)
    kept = found
    session.on_rollback(lambda: table.keys.append(kept))
    yield StatementDone()
