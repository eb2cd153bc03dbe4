"""The schema: up, down and up again; the models say the same; what SQL Server would be sent."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import DateTime, Enum, create_mock_engine, inspect, select, text
from sqlalchemy.dialects import mssql
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex, CreateTable

from tests.support.portal import PASSWORD_HASH, Portal
from webapp.accounts.models import User
from webapp.audit.models import AuditHead
from webapp.database import Base, Database, UtcDateTime, new_id
from webapp.models import metadata
from webapp.platform.operations import (
    PlatformNotReady,
    alembic_config,
    check_platform,
    downgrade,
    newest_revision,
    upgrade,
)


def tables(database: Database) -> set[str]:
    """The names of all tables."""
    return set(inspect(database.engine).get_table_names())


def shape(database: Database) -> dict[str, Any]:
    """Columns, indexes and constraints by table."""
    looking = inspect(database.engine)
    return {
        name: (
            sorted((c["name"], str(c["type"]), c["nullable"]) for c in looking.get_columns(name)),
            sorted(str(index) for index in looking.get_indexes(name)),
            sorted(str(each["name"]) for each in looking.get_check_constraints(name)),
            sorted(str(each["name"]) for each in looking.get_foreign_keys(name)),
        )
        for name in tables(database)
    }


def test_migrations_go_up_down_and_up_again(empty: Database) -> None:
    upgrade(empty)
    check_platform(empty)
    first = shape(empty)
    assert tables(empty) == {*metadata.tables, "alembic_version"}
    with empty.transaction() as session:
        session.add(User(email="someone@example.com", name="Someone", password_hash=PASSWORD_HASH))
    upgrade(empty)  # again changes nothing
    with empty.reading() as session:
        assert session.scalars(select(User.email)).all() == ["someone@example.com"]
    downgrade(empty, "base")
    assert tables(empty) == {"alembic_version"}
    with pytest.raises(PlatformNotReady, match=r"at migration none.*sqlhosting database upgrade"):
        check_platform(empty)
    upgrade(empty)
    check_platform(empty)
    assert shape(empty) == first


def test_there_is_one_newest_migration(database: Database) -> None:
    script = ScriptDirectory.from_config(alembic_config(database))
    assert script.get_heads() == [newest_revision()]


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_time_is_utc_every_state_is_checked_and_every_constraint_has_a_name() -> None:
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert not isinstance(column.type, DateTime), f"{table.name}.{column.name} is no UtcDateTime"
            if isinstance(column.type, Enum):
                checks = {str(each.name) for each in table.constraints}
                assert f"ck_{table.name}_{column.type.name}" in checks, column
        for constraint in table.constraints:
            assert constraint.name, f"{table.name}: {constraint}"


def test_ids_are_26_characters_that_sort_by_time() -> None:
    ids = []
    for _ in range(3):
        ids.append(new_id())
        while new_id()[:10] == ids[-1][:10]:
            pass  # until the next millisecond
    assert ids == sorted(ids)
    assert {len(each) for each in ids} == {26}


def test_a_time_of_any_zone_comes_back_as_utc_and_one_without_zone_is_refused(portal: Portal) -> None:
    at = datetime(2026, 7, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    user = portal.create_user(last_login_at=at)
    with portal.database.reading() as session:
        read = session.get_one(User, user.id).last_login_at
    assert read == at
    assert read is not None
    assert read.utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="without zone"):
        UtcDateTime().process_bind_param(datetime(2026, 7, 1), mssql.dialect())


def test_the_database_itself_refuses_a_state_that_does_not_exist(portal: Portal) -> None:
    user = portal.create_user()
    with portal.database.session(writes=True) as session, pytest.raises(IntegrityError):
        session.execute(text("UPDATE users SET state = 'root' WHERE id = :id"), {"id": user.id})


def test_all_tables_compile_for_sql_server() -> None:
    made: list[str] = []
    for table in metadata.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=mssql.dialect())))
        made += [str(CreateIndex(index).compile(dialect=mssql.dialect())) for index in table.indexes]
    script = "\n".join(made)
    assert script.count("CREATE TABLE") == len(Base.metadata.tables)
    assert "DATETIME2(6)" in script
    assert "TIMESTAMP" not in script  # there it is a row version, not a time

    sent: list[str] = []
    engine = create_mock_engine(
        "mssql+pyodbc://", lambda statement, *_: sent.append(str(statement.compile(dialect=mssql.dialect())))
    )
    metadata.create_all(engine, checkfirst=False)
    assert len(sent) >= len(metadata.tables)


def test_a_new_database_has_the_head_of_the_audit_chain(database: Database) -> None:
    with database.reading() as session:
        head = session.scalars(select(AuditHead)).one()
    assert (head.id, head.number, head.hash) == (1, 0, "0" * 64)
