"""Alembic's environment. The engine comes from webapp.platform.operations, never from a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection

from webapp.database import WRITES
from webapp.models import metadata

engine = context.config.attributes["engine"]


@contextmanager
def tables_made_anew(connection: Connection) -> Iterator[None]:
    """Let SQLite remove a table that others point to, as its new form takes its place under the same name.

    Alembic makes a table anew where SQLite cannot alter it. The switch has no effect inside a transaction, so
    it is set on the driver's own connection, before there is one; :func:`check_pointers` makes up for it.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.cursor()
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def check_pointers(connection: Connection) -> None:
    """Raise RuntimeError, which undoes the migration, when a row points to one that is not there."""
    if connection.dialect.name == "sqlite":
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if lost:
            raise RuntimeError(f"{len(lost)} rows point to rows that are not there; the first: {lost[0]}")


# A process that still runs may write meanwhile: a migration that read first could then not write any more.
with engine.connect().execution_options(**WRITES) as connection, tables_made_anew(connection):
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        # SQLite cannot alter a constraint: Alembic then makes the table anew.
        render_as_batch=connection.dialect.name == "sqlite",
        # All or nothing on SQLite too, where Alembic commits each step by default.
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()
        check_pointers(connection)
