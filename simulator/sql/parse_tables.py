# ruff: noqa: PLR0912 - one branch for each form of the language
"""CREATE TABLE, ALTER TABLE, DROP TABLE, TRUNCATE TABLE, CREATE INDEX: the grammar of user tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.errors import sql_error, unknown_tsql
from simulator.sql import nodes
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import grammar
from simulator.sql.typenames import parse_type

if TYPE_CHECKING:
    from simulator.sql.parse_queries import QueryParser


@dataclass(frozen=True)
class CreateTable:
    """CREATE TABLE."""

    name: tuple[str, ...]
    spec: nodes.TableSpec


@dataclass(frozen=True)
class DropTable:
    """DROP TABLE."""

    names: tuple[tuple[str, ...], ...]
    if_exists: bool


@dataclass(frozen=True)
class TruncateTable:
    """TRUNCATE TABLE."""

    name: tuple[str, ...]


@dataclass(frozen=True)
class AlterTable:
    """ALTER TABLE … ADD column or constraint, DROP COLUMN, DROP CONSTRAINT."""

    name: tuple[str, ...]
    add: nodes.TableSpec | None = None
    drop_columns: tuple[str, ...] = ()
    drop_constraints: tuple[str, ...] = ()
    if_exists: bool = False


@dataclass(frozen=True)
class CreateIndex:
    """CREATE [UNIQUE] [CLUSTERED | NONCLUSTERED] INDEX."""

    name: str
    table: tuple[str, ...]
    columns: tuple[str, ...]
    unique: bool
    clustered: bool


@dataclass(frozen=True)
class DropIndex:
    """DROP INDEX name ON table."""

    name: str
    table: tuple[str, ...]
    if_exists: bool


def _parser(stream: TokenStream) -> QueryParser:
    from simulator.sql.parser import Parser  # noqa: PLC0415 - the parser reads DECLARE @t TABLE through this file

    return Parser(stream, set())


def parse_table_spec(parser: QueryParser) -> nodes.TableSpec:
    """``(column …, constraint …)``."""
    stream = parser.stream
    stream.expect("(")
    columns: list[nodes.ColumnSpec] = []
    constraints: list[nodes.ConstraintSpec] = []
    while True:
        _element(parser, columns, constraints)
        if not stream.accept(","):
            break
        if stream.at(")"):
            break
    stream.expect(")")
    if not columns:
        raise stream.fail()
    return nodes.TableSpec(tuple(columns), tuple(constraints))


def _element(
    parser: QueryParser, columns: list[nodes.ColumnSpec], constraints: list[nodes.ConstraintSpec]
) -> None:
    stream = parser.stream
    name = stream.identifier() if stream.accept("constraint") else None
    constraint = _table_constraint(parser, name)
    if constraint is not None:
        constraints.append(constraint)
        return
    if name is not None or stream.at("index") or stream.at("period"):
        raise unknown_tsql("this element of a table definition")
    columns.append(_column(parser, constraints))


def _table_constraint(parser: QueryParser, name: str | None) -> nodes.ConstraintSpec | None:
    stream = parser.stream
    kind = _key_kind(stream)
    if kind is not None:
        columns = _key_columns(stream)
        _index_options(stream)
        return nodes.ConstraintSpec(kind, name, columns)
    if stream.accept("foreign", "key"):
        columns = parser.identifiers()
        return _references(parser, name, columns)
    if stream.accept("check"):
        return _check(parser, name, ())
    return None


def _key_kind(stream: TokenStream) -> str | None:
    if stream.accept("primary", "key"):
        kind = "primary key"
    elif stream.accept("unique"):
        kind = "unique"
    else:
        return None
    if not stream.accept("clustered"):
        stream.accept("nonclustered")
    return kind


def _key_columns(stream: TokenStream) -> tuple[str, ...]:
    stream.expect("(")
    found = []
    while True:
        found.append(stream.identifier())
        if not stream.accept("asc"):
            stream.accept("desc")
        if not stream.accept(","):
            break
    stream.expect(")")
    return tuple(found)


def _index_options(stream: TokenStream) -> None:
    """WITH (option = value, …) ON [PRIMARY]: storage, of which there is none here."""
    if stream.accept("with", "("):
        while True:
            stream.next()
            stream.expect("=")
            if stream.next().text == "-":
                stream.next()
            if not stream.accept(","):
                break
        stream.expect(")")
    if (
        stream.at("on")
        and (token := stream.peek(1)) is not None
        and token.text.strip('[]"').lower() == "primary"
    ):
        stream.index += 2


def _check(parser: QueryParser, name: str | None, columns: tuple[str, ...]) -> nodes.ConstraintSpec:
    stream = parser.stream
    if stream.at("not"):
        raise unknown_tsql("NOT FOR REPLICATION")
    start = stream.index
    stream.expect("(")
    condition = parser.condition()
    stream.expect(")")
    return nodes.ConstraintSpec("check", name, columns, condition, stream.slice(start))


def _references(parser: QueryParser, name: str | None, columns: tuple[str, ...]) -> nodes.ConstraintSpec:
    stream = parser.stream
    stream.expect("references")
    table = stream.name()
    referenced = parser.identifiers() if stream.at("(") else ()
    on_delete = "no action"
    while stream.at("on"):
        stream.next()
        event = stream.next().lower
        if stream.accept("no", "action"):
            action = "no action"
        elif stream.accept("cascade"):
            action = "cascade"
        elif stream.accept("set", "null"):
            action = "set null"
        else:
            raise unknown_tsql("this action of a foreign key")
        if event == "delete":
            on_delete = action
        elif event != "update":
            raise stream.fail()
        elif action != "no action":
            raise unknown_tsql("ON UPDATE other than NO ACTION")
    return nodes.ConstraintSpec(
        "foreign key", name, columns, references=table, referenced_columns=referenced, on_delete=on_delete
    )


def _column(parser: QueryParser, constraints: list[nodes.ConstraintSpec]) -> nodes.ColumnSpec:
    stream = parser.stream
    name = stream.identifier()
    if stream.at("as"):
        raise unknown_tsql("computed columns")
    kind = parse_type(stream)
    nullable: bool | None = None
    identity: tuple[int, int] | None = None
    default: nodes.Expression | None = None
    default_name = constraint_name = collation = None
    while True:
        if stream.accept("not", "null"):
            nullable = False
        elif stream.accept("null"):
            nullable = True
        elif stream.accept("collate"):
            collation = stream.collation()
        elif stream.accept("identity"):
            identity = _identity(stream)
            nullable = False if nullable is None else nullable
        elif stream.accept("constraint"):
            constraint_name = stream.identifier()
            continue
        elif stream.accept("default"):
            default, default_name = parser.value(), constraint_name
        elif stream.accept("check"):
            constraints.append(_check(parser, constraint_name, (name,)))
        elif stream.at("references") or stream.accept("foreign", "key"):
            constraints.append(_references(parser, constraint_name, (name,)))
        elif (key := _key_kind(stream)) is not None:
            _index_options(stream)
            constraints.append(nodes.ConstraintSpec(key, constraint_name, (name,)))
            if key == "primary key" and nullable is None:  # NULL stays, to be refused
                nullable = False
        else:
            break
        constraint_name = None
    for word in ("rowguidcol", "sparse", "masked", "generated", "encrypted", "hidden", "persisted"):
        if stream.at(word):
            raise unknown_tsql(f"{word.upper()} columns")
    return nodes.ColumnSpec(name, kind, nullable, identity, default, default_name, collation)


def _identity(stream: TokenStream) -> tuple[int, int]:
    if not stream.accept("("):
        return (1, 1)
    seed = int(stream.number())
    stream.expect(",")
    step = int(stream.number())
    stream.expect(")")
    return (seed, step)


@grammar("CREATE TABLE")
def create_table(stream: TokenStream) -> CreateTable:
    """CREATE TABLE name (…) [ON …]."""
    name = stream.name()
    spec = parse_table_spec(_parser(stream))
    _index_options(stream)
    if stream.at("textimage_on") or stream.at("as"):
        raise unknown_tsql(f"CREATE TABLE … {stream.next().text.upper()}")
    return CreateTable(name, spec)


@grammar("DROP TABLE")
def drop_table(stream: TokenStream) -> DropTable:
    """DROP TABLE [IF EXISTS] a, b."""
    if_exists = stream.accept("if", "exists")
    names = [stream.name()]
    while stream.accept(","):
        names.append(stream.name())
    return DropTable(tuple(names), if_exists)


@grammar("TRUNCATE TABLE")
def truncate_table(stream: TokenStream) -> TruncateTable:
    """TRUNCATE TABLE name."""
    name = stream.name()
    if stream.at("with", "("):
        raise unknown_tsql("TRUNCATE TABLE … WITH (PARTITIONS …)")
    return TruncateTable(name)


@grammar("ALTER TABLE")
def alter_table(stream: TokenStream) -> AlterTable:
    """ALTER TABLE name ADD … | DROP …."""
    name = stream.name()
    if stream.accept("with") and not stream.accept("check"):
        stream.expect("nocheck")
    if stream.accept("add"):
        parser = _parser(stream)
        columns: list[nodes.ColumnSpec] = []
        constraints: list[nodes.ConstraintSpec] = []
        while True:
            _element(parser, columns, constraints)
            if not stream.accept(","):
                break
        return AlterTable(name, add=nodes.TableSpec(tuple(columns), tuple(constraints)))
    if not stream.accept("drop"):
        raise unknown_tsql(f"ALTER TABLE … {stream.next().text.upper()}")
    if stream.accept("column"):
        if_exists = stream.accept("if", "exists")
        return AlterTable(name, drop_columns=_names(stream), if_exists=if_exists)
    stream.accept("constraint")
    if_exists = stream.accept("if", "exists")
    return AlterTable(name, drop_constraints=_names(stream), if_exists=if_exists)


def _names(stream: TokenStream) -> tuple[str, ...]:
    found = [stream.identifier()]
    while stream.accept(","):
        found.append(stream.identifier())
    return tuple(found)


def _create_index(stream: TokenStream, *, unique: bool, clustered: bool) -> CreateIndex:
    name = stream.identifier()
    stream.expect("on")
    table = stream.name()
    columns = _key_columns(stream)
    if stream.accept("include"):
        _key_columns(stream)
    if stream.at("where"):
        raise unknown_tsql("filtered indexes")
    _index_options(stream)
    return CreateIndex(name, table, columns, unique, clustered)


@grammar("CREATE INDEX")
def create_index(stream: TokenStream) -> CreateIndex:
    """CREATE INDEX."""
    return _create_index(stream, unique=False, clustered=False)


@grammar("CREATE UNIQUE INDEX")
def create_unique_index(stream: TokenStream) -> CreateIndex:
    """CREATE UNIQUE INDEX."""
    return _create_index(stream, unique=True, clustered=False)


@grammar("CREATE CLUSTERED INDEX")
def create_clustered_index(stream: TokenStream) -> CreateIndex:
    """CREATE CLUSTERED INDEX."""
    return _create_index(stream, unique=False, clustered=True)


@grammar("CREATE NONCLUSTERED INDEX")
def create_nonclustered_index(stream: TokenStream) -> CreateIndex:
    """CREATE NONCLUSTERED INDEX."""
    return _create_index(stream, unique=False, clustered=False)


@grammar("CREATE UNIQUE CLUSTERED INDEX")
def create_unique_clustered_index(stream: TokenStream) -> CreateIndex:
    """CREATE UNIQUE CLUSTERED INDEX."""
    return _create_index(stream, unique=True, clustered=True)


@grammar("CREATE UNIQUE NONCLUSTERED INDEX")
def create_unique_nonclustered_index(stream: TokenStream) -> CreateIndex:
    """CREATE UNIQUE NONCLUSTERED INDEX."""
    return _create_index(stream, unique=True, clustered=False)


@grammar("DROP INDEX")
def drop_index(stream: TokenStream) -> DropIndex:
    """DROP INDEX [IF EXISTS] name ON table."""
    if_exists = stream.accept("if", "exists")
    name = stream.identifier()
    if stream.accept("on"):
        return DropIndex(name, stream.name(), if_exists)
    if not stream.accept("."):
        raise sql_error(159)
    return DropIndex(stream.identifier(), (name,), if_exists)
