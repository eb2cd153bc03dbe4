"""Alembic's environment. The engine comes from webapp.platform.operations, never from a file."""

from __future__ import annotations

from alembic import context

from webapp.models import metadata

engine = context.config.attributes["engine"]

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        # SQLite cannot alter a constraint: Alembic then makes the table anew.
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
