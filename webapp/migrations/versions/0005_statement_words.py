"""What a statement does and what it is about, in the words of the module that sends it

Revision: 0005
Follows: 0004

Plans made before have no words and keep the document that they were signed by. Going back, the older version
cannot read the newer documents: plans that wait expire, and their requests say so, as at 0003.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from ulid import ULID

import webapp.database

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = ("job_statements", "plan_items")
EXPIRED = (
    "The platform was set back to an older version, which cannot read what was planned. The request has to be "
    "planned again."
)


def upgrade() -> None:
    # Statements from before have none: nobody can say now what their modules would have said.
    for table in TABLES:
        op.add_column(table, sa.Column("words", sa.String(length=1000), nullable=True))
        op.add_column(table, sa.Column("object", sa.String(length=300), nullable=True))


def downgrade() -> None:
    _expire()
    for table in reversed(TABLES):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("object")
            batch_op.drop_column("words")


def _expire() -> None:
    """Plans that wait and that the older version could not read expire, and their requests' histories say why."""
    connection = op.get_bind()
    query = "SELECT id, booking_id FROM plans WHERE state = 'ready' AND seal_version > 2"
    events = sa.table(
        "booking_events",
        sa.column("id"),
        sa.column("booking_id"),
        sa.column("at", webapp.database.UtcDateTime()),
        sa.column("event"),
        sa.column("text"),
        sa.column("plan_id"),
    )
    for plan in connection.execute(sa.text(query)).all():
        connection.execute(sa.text("UPDATE plans SET state = 'expired' WHERE id = :id"), {"id": plan.id})
        connection.execute(
            events.insert().values(
                id=str(ULID()), booking_id=plan.booking_id, at=datetime.now(UTC), event="plan_expired",
                text=EXPIRED, plan_id=plan.id,
            )
        )  # fmt: skip
