"""Finding user objects by name, and CREATE/DROP SCHEMA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.estate.permission_names import SCHEMA
from simulator.estate.permissions import has_securable_permission
from simulator.estate.principals import Schema, next_id
from simulator.estate.tables import Table
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, require_writable
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


def tables_of(database: Database) -> list[Table]:
    """The user tables of a database, in the order of their object ids."""
    return sorted(database.tables, key=lambda t: t.object_id)


def object_named(session: Any, database: Database, parts: tuple[str, ...]) -> Table | None:
    """The user table that a name of one to three parts means, or None."""
    if len(parts) == 3 and parts[0]:
        database = session.instance.find_database(parts[0]) or database
    user = database.user_of(session.login)
    schemas = [parts[-2]] if len(parts) > 1 and parts[-2] else [user.default_schema if user else "dbo", "dbo"]
    for schema in schemas:
        table = database.tables.find(schema, parts[-1])
        if table is not None:
            return table
    return None


@dataclass(frozen=True)
class CreateSchema:
    """CREATE SCHEMA."""

    name: str
    owner: str | None


@dataclass(frozen=True)
class DropSchema:
    """DROP SCHEMA."""

    name: str
    if_exists: bool


@grammar("CREATE SCHEMA")
def parse_create_schema(stream: TokenStream) -> CreateSchema:
    """``CREATE SCHEMA name [AUTHORIZATION owner]``."""
    name = stream.identifier()
    owner = stream.identifier() if stream.accept("authorization") else None
    if not stream.end_of_statement() or stream.at("create") or stream.at("grant"):
        raise unknown_tsql("CREATE SCHEMA with elements")
    return CreateSchema(name, owner)


@grammar("DROP SCHEMA")
def parse_drop_schema(stream: TokenStream) -> DropSchema:
    """``DROP SCHEMA [IF EXISTS] name``."""
    if_exists = stream.accept("if", "exists")
    return DropSchema(stream.identifier(), if_exists)


@executes(CreateSchema)
def create_schema(session: Any, statement: CreateSchema) -> Iterator[Result]:
    """Make a schema. Raises 262, 2714, 15151, each with 2759 behind it."""
    database: Database = session.database
    require_writable(database)
    failed = [sql_error(2759)]
    if not has_database(session, database, "CREATE SCHEMA"):
        raise sql_error(262, "CREATE SCHEMA", database.name, also=failed)
    if database.schema(statement.name) is not None:
        raise sql_error(2714, statement.name, also=failed)
    user = database.user_of(session.login)
    owner = database.principal(statement.owner) if statement.owner else user
    if owner is None:
        raise sql_error(15151, "find", "user", statement.owner or session.login.name, also=failed)
    number = next_id({s.schema_id for s in database.schemas}, 5)
    database.schemas.append(Schema(number, statement.name, owner.principal_id))
    keep(session)
    yield StatementDone()


@executes(DropSchema)
def drop_schema(session: Any, statement: DropSchema) -> Iterator[Result]:
    """Drop an empty schema. Raises 15151, 15150, 3729."""
    database: Database = session.database
    require_writable(database)
    schema = database.schema(statement.name)
    if schema is None and statement.if_exists:
        yield StatementDone()
        return
    if schema is None or not has_securable_permission(
        session.login, database, "CONTROL", SCHEMA, schema.schema_id, schema_id=schema.schema_id
    ):
        raise sql_error(15151, "drop", "schema", statement.name)
    if schema.schema_id <= 4 or schema.schema_id >= 16384:
        raise sql_error(15150, "drop", "schema", schema.name)
    inside = next((t for t in tables_of(database) if database.same_name(t.schema, schema.name)), None)
    if inside is not None:
        raise sql_error(3729, "drop schema", schema.name, inside.name)
    database.schemas.remove(schema)
    keep(session)
    yield StatementDone()
