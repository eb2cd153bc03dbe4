"""Seals of requests, applications and what planning told; heads of the sets that decide

Revision: 0008
Follows: 0007

What is there is sealed by ``sqlhosting database upgrade`` right after: a migration has no keys.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

import webapp.database

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SEALED = ("bookings", "applications", "application_databases", "application_logins", "job_statements")


def upgrade() -> None:
    op.create_table(
        "sealed_heads",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("counter", sa.Integer(), nullable=False),
        sa.Column("members", webapp.database.Json(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sealed_heads")),
    )
    for table in SEALED:
        op.add_column(table, sa.Column("seal", sa.String(length=64), nullable=True))
    op.add_column("plans", sa.Column("told_seal", sa.String(length=64), nullable=True))
    op.add_column("bookings", sa.Column("changed_by", webapp.database.Json(), nullable=True))
    with op.batch_alter_table("bookings") as batch:
        batch.add_column(sa.Column("asked_after", sa.Integer(), nullable=False, server_default="-1"))
    with op.batch_alter_table("bookings") as batch:
        batch.alter_column("asked_after", existing_type=sa.Integer(), server_default=None)
    _take_over_changes()


def _take_over_changes() -> None:
    """Who changed a request stood in its history alone."""
    events = sa.table("booking_events", sa.column("booking_id"), sa.column("event"), sa.column("user_id"))
    query = sa.select(events.c.booking_id, events.c.user_id).where(
        events.c.event == "changed", events.c.user_id.is_not(None)
    )
    users: dict[str, set[str]] = {}
    for booking_id, user_id in op.get_bind().execute(query):
        users.setdefault(booking_id, set()).add(user_id)
    bookings = sa.table("bookings", sa.column("id"), sa.column("changed_by"))
    for booking_id, who in users.items():
        change = sa.update(bookings).where(bookings.c.id == booking_id)
        op.execute(change.values(changed_by=json.dumps(sorted(who))))


def downgrade() -> None:
    # Not as a batch: copying a table would check each request's kind, which an older version refuses in words.
    op.drop_column("bookings", "asked_after")
    op.drop_column("bookings", "changed_by")
    op.drop_column("plans", "told_seal")
    for table in reversed(SEALED):
        op.drop_column(table, "seal")
    op.drop_table("sealed_heads")
