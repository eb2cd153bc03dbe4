"""Seals of the audit's entries and of its head

Revision: 0007
Follows: 0006

What is there is sealed by ``sqlhosting database upgrade`` right after, as far as its chain holds: a migration
has no keys.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("audit_entries", "audit_head")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("seal", sa.String(length=64), nullable=True))


def downgrade() -> None:
    for table in reversed(TABLES):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("seal")
