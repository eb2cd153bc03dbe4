"""Seals of users, sessions, API tokens, elevated accounts, pools and instances

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("users", "user_sessions", "api_tokens", "elevated_accounts", "pools", "instances")


def upgrade() -> None:
    # Nothing is signed here: somebody has to look first. See 'sqlhosting key sign'.
    for table in TABLES:
        op.add_column(table, sa.Column("seal", sa.String(length=64), nullable=True))


def downgrade() -> None:
    for table in reversed(TABLES):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("seal")
