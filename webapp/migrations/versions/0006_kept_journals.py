"""Which platform a data folder belongs to, and which lines of a job's journals have no row yet

Revision: 0006
Follows: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from ulid import ULID

import webapp.database

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("unstored", webapp.database.Json(dict, is_optional=True), nullable=True))
    op.add_column("key_check", sa.Column("platform_id", sa.String(length=26), nullable=True))
    op.get_bind().execute(sa.text("UPDATE key_check SET platform_id = :id"), {"id": str(ULID())})
    with op.batch_alter_table("key_check") as key_check:
        key_check.alter_column("platform_id", existing_type=sa.String(length=26), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("key_check") as key_check:
        key_check.drop_column("platform_id")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_column("unstored")
