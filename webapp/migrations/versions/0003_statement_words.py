"""What a statement does and what it is about, in the words of the module that sends it

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("job_statements", "plan_statements")


def upgrade() -> None:
    # Statements from before have none: nobody can say now what their modules would have said.
    for table in TABLES:
        op.add_column(table, sa.Column("words", sa.String(length=1000), nullable=True))
        op.add_column(table, sa.Column("object", sa.String(length=300), nullable=True))


def downgrade() -> None:
    for table in reversed(TABLES):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("object")
            batch_op.drop_column("words")
