"""A request is about a thing, which need not be an application

Revision: 0004
Follows: 0003

Going back needs that every request is about an application: the older version knows no other.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from webapp.errors import Conflict

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("subject_kind", sa.String(length=30), nullable=True))
        bookings.add_column(sa.Column("subject_id", sa.String(length=26), nullable=True))
    op.execute("UPDATE bookings SET subject_kind = 'application', subject_id = application_id")
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_index("ix_bookings_application_id")
        bookings.drop_constraint("fk_bookings_application_id", type_="foreignkey")
        bookings.drop_column("application_id")
        bookings.alter_column("subject_kind", existing_type=sa.String(length=30), nullable=False)
        bookings.alter_column("subject_id", existing_type=sa.String(length=26), nullable=False)
        bookings.create_index("ix_bookings_subject", ["subject_kind", "subject_id"])


def downgrade() -> None:
    others = op.get_bind().scalar(
        sa.text("SELECT COUNT(*) FROM bookings WHERE subject_kind <> 'application'")
    )
    if others:
        raise Conflict(
            f"{others} requests are about other things than applications, which the older version does not know."
        )
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("application_id", sa.String(length=26), nullable=True))
    op.execute("UPDATE bookings SET application_id = subject_id")
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_index("ix_bookings_subject")
        bookings.drop_column("subject_id")
        bookings.drop_column("subject_kind")
        bookings.alter_column("application_id", existing_type=sa.String(length=26), nullable=False)
        bookings.create_foreign_key("fk_bookings_application_id", "applications", ["application_id"], ["id"])
        bookings.create_index("ix_bookings_application_id", ["application_id"])
