"""Targets and subjects of jobs and plans are rows; a plan's statements are items of it

Revision: 0003
Follows: 0002

Nothing has to be planned or approved again: a plan that was made before keeps the document that it was signed by
(``plans.seal_version``). Going back, the older version cannot read the newer documents: plans that wait expire,
and their requests say so; whoever asked, or an operator, has them planned again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from ulid import ULID

import webapp.database

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

AT_ONCE = 1000  # rows
# As jobs named them, in the order in which pages did. Of the others nobody asked the database.
NOUNS = ("booking", "plan", "application", "instance", "pool")
INDEXED_NOUNS = ("application", "booking", "instance")
ITEM_COLUMNS = (
    "id", "plan_id", "position", "instance", "inventory_host", "database", "template", "template_revision",
    "sha256", "text", "secrets", "task", "creates",
)  # fmt: skip
_SUBJECTS = sa.table("job_subjects", *map(sa.column, ("job_id", "kind", "subject_id", "position")))
_STATEMENTS = sa.table("plan_statements", *map(sa.column, ITEM_COLUMNS))
_ITEMS = sa.table("plan_items", *map(sa.column, (*ITEM_COLUMNS, "kind", "target")))
EXPIRED = (
    "The platform was set back to an older version, which cannot read what was planned. The request has to be "
    "planned again."
)


def upgrade() -> None:
    op.create_table(
        "job_targets",
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("target_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_targets_job_id")),
        sa.PrimaryKeyConstraint("job_id", "kind", "target_id", name=op.f("pk_job_targets")),
    )
    op.create_table(
        "job_subjects",
        sa.Column("job_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_job_subjects_job_id")),
        sa.PrimaryKeyConstraint("job_id", "kind", "subject_id", name=op.f("pk_job_subjects")),
    )
    op.create_table(
        "plan_targets",
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("target_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_targets_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_targets")),
        sa.UniqueConstraint("plan_id", "position", name=op.f("uq_plan_targets_plan_id_position")),
        sa.UniqueConstraint(
            "plan_id", "kind", "target_id", name=op.f("uq_plan_targets_plan_id_kind_target_id")
        ),
    )
    op.create_table(
        "plan_items",
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("instance", sa.String(length=300), nullable=False),
        sa.Column("inventory_host", sa.String(length=63), nullable=True),
        sa.Column("database", sa.String(length=128), nullable=False),
        sa.Column("template", sa.String(length=128), nullable=False),
        sa.Column("template_revision", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("secrets", webapp.database.Json(), nullable=True),
        sa.Column("task", sa.String(length=500), nullable=True),
        sa.Column("creates", sa.String(length=300), nullable=True),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_items_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_items")),
        sa.UniqueConstraint("plan_id", "position", name=op.f("uq_plan_items_plan_id_position")),
    )
    _fill()
    op.create_index("ix_job_targets_kind_target_id", "job_targets", ["kind", "target_id"])
    op.create_index("ix_job_subjects_kind_subject_id", "job_subjects", ["kind", "subject_id", "job_id"])
    op.create_index(op.f("ix_plan_targets_plan_id"), "plan_targets", ["plan_id"])
    op.create_index(op.f("ix_plan_targets_target_id"), "plan_targets", ["target_id"])
    op.create_index(op.f("ix_plan_items_plan_id"), "plan_items", ["plan_id"])
    op.drop_table("plan_statements")
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.add_column(sa.Column("seal_version", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_constraint(op.f("fk_plans_instance_id"), type_="foreignkey")
        batch_op.drop_column("instance_id")
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.alter_column("seal_version", existing_type=sa.Integer(), server_default=None)
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        for noun in INDEXED_NOUNS:
            batch_op.drop_index(op.f(f"ix_jobs_{noun}_id"))
        for noun in NOUNS:
            batch_op.drop_column(f"{noun}_id")
        batch_op.drop_column("targets")


def _fill() -> None:
    """Write the new rows from the old columns."""
    connection = op.get_bind()
    jobs = sa.table("jobs", sa.column("id"), *(sa.column(f"{noun}_id") for noun in NOUNS))
    for position, noun in enumerate(NOUNS):
        named = jobs.c[f"{noun}_id"]
        chosen = sa.select(
            jobs.c.id, sa.literal(noun, sa.String(30)), named, sa.literal(position, sa.Integer)
        ).where(named.is_not(None))
        connection.execute(
            _SUBJECTS.insert().from_select(["job_id", "kind", "subject_id", "position"], chosen)
        )
    jobs = sa.table("jobs", sa.column("id"), sa.column("targets"))
    for rows in _batches(jobs, "id"):
        pairs = [(row.id, *one) for row in rows for one in _targets_in(row.targets)]
        _insert("job_targets", ("job_id", "kind", "target_id"), pairs)
    plans = sa.table("plans", sa.column("id"), sa.column("instance_id"))
    names = dict(connection.execute(sa.text("SELECT id, name FROM instances")).tuples().all())
    for rows in _batches(plans, "id"):
        _insert(
            "plan_targets",
            ("id", "plan_id", "position", "kind", "target_id", "name"),
            [
                (str(ULID()), row.id, 0, "instance", row.instance_id, names.get(row.instance_id, "?"))
                for row in rows
                if row.instance_id is not None
            ],
        )
    chosen = sa.select(*_STATEMENTS.c, sa.literal("statement", sa.String(30)), sa.literal(0, sa.Integer))
    connection.execute(_ITEMS.insert().from_select([*ITEM_COLUMNS, "kind", "target"], chosen))


def downgrade() -> None:
    connection = op.get_bind()
    _expire()
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("targets", webapp.database.Json(), nullable=False, server_default="[]"))
        for noun in NOUNS:
            batch_op.add_column(sa.Column(f"{noun}_id", sa.String(length=26), nullable=True))
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("targets", existing_type=webapp.database.Json(), server_default=None)
        for noun in INDEXED_NOUNS:
            batch_op.create_index(op.f(f"ix_jobs_{noun}_id"), [f"{noun}_id"])
    jobs = sa.table("jobs", sa.column("id"), *(sa.column(f"{noun}_id") for noun in NOUNS))
    for noun in NOUNS:  # of several, the first: the older version knows no more than one
        first = (
            sa.select(_SUBJECTS.c.subject_id)
            .where(_SUBJECTS.c.job_id == jobs.c.id, _SUBJECTS.c.kind == noun, _is_first())
            .scalar_subquery()
        )
        connection.execute(jobs.update().values({f"{noun}_id": first}))
    targets = sa.table("job_targets", sa.column("job_id"), sa.column("kind"), sa.column("target_id"))
    jobs = sa.table("jobs", sa.column("id"), sa.column("targets"))
    for rows in _batches(jobs, "id"):
        held: dict[str, list[str]] = {}
        for row in connection.execute(
            sa.select(targets).where(targets.c.job_id.in_([one.id for one in rows]))
        ):
            held.setdefault(row.job_id, []).append(f"{row.kind}:{row.target_id}")
        for job_id, found in held.items():
            connection.execute(
                jobs.update().where(jobs.c.id == job_id).values(targets=json.dumps(sorted(found)))
            )
    with op.batch_alter_table("plans", schema=None) as batch_op:
        batch_op.add_column(sa.Column("instance_id", sa.String(length=26), nullable=True))
        batch_op.create_foreign_key(op.f("fk_plans_instance_id"), "instances", ["instance_id"], ["id"])
        batch_op.drop_column("seal_version")
    connection.execute(
        sa.text(
            "UPDATE plans SET instance_id = (SELECT t.target_id FROM plan_targets t WHERE t.plan_id = plans.id "
            "AND t.position = 0 AND t.kind = 'instance' AND t.target_id IN (SELECT id FROM instances))"
        )
    )
    op.create_table(
        "plan_statements",
        sa.Column("plan_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("instance", sa.String(length=300), nullable=False),
        sa.Column("inventory_host", sa.String(length=63), nullable=True),
        sa.Column("database", sa.String(length=128), nullable=False),
        sa.Column("template", sa.String(length=128), nullable=False),
        sa.Column("template_revision", sa.String(length=64), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("secrets", webapp.database.Json(), nullable=True),
        sa.Column("task", sa.String(length=500), nullable=True),
        sa.Column("creates", sa.String(length=300), nullable=True),
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_statements_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_statements")),
        sa.UniqueConstraint("plan_id", "position", name=op.f("uq_plan_statements_plan_id_position")),
    )
    chosen = sa.select(*(_ITEMS.c[one] for one in ITEM_COLUMNS)).where(_ITEMS.c.kind == "statement")
    connection.execute(_STATEMENTS.insert().from_select(list(ITEM_COLUMNS), chosen))
    op.create_index(op.f("ix_plan_statements_plan_id"), "plan_statements", ["plan_id"])
    for table in ("plan_items", "plan_targets", "job_subjects", "job_targets"):
        op.drop_table(table)


def _is_first() -> sa.ColumnElement[bool]:
    """That no other subject of the same job and kind stands before it."""
    other = _SUBJECTS.alias()
    return ~sa.exists().where(
        other.c.job_id == _SUBJECTS.c.job_id,
        other.c.kind == _SUBJECTS.c.kind,
        other.c.position < _SUBJECTS.c.position,
    )


def _expire() -> None:
    """Plans that wait and that the older version could not read expire, and their requests' histories say why."""
    connection = op.get_bind()
    query = "SELECT id, booking_id FROM plans WHERE state = 'ready' AND seal_version > 1"
    waiting = connection.execute(sa.text(query)).all()
    events = sa.table(
        "booking_events",
        sa.column("id"),
        sa.column("booking_id"),
        sa.column("at", webapp.database.UtcDateTime()),
        sa.column("event"),
        sa.column("text"),
        sa.column("plan_id"),
    )
    for plan in waiting:
        connection.execute(sa.text("UPDATE plans SET state = 'expired' WHERE id = :id"), {"id": plan.id})
        connection.execute(
            events.insert().values(
                id=str(ULID()), booking_id=plan.booking_id, at=datetime.now(UTC), event="plan_expired",
                text=EXPIRED, plan_id=plan.id,
            )
        )  # fmt: skip


def _targets_in(stored: str | None) -> Iterator[tuple[str, str]]:
    """(kind, id) of what a job locks; nothing of a column that somebody spoilt."""
    try:
        found = json.loads(stored or "[]")
    except ValueError:
        return
    for one in dict.fromkeys(found if isinstance(found, list) else []):
        kind, _, key = str(one).partition(":")
        if 0 < len(kind) <= 30 and 0 < len(key) <= 26:
            yield kind, key


def _batches(table: sa.TableClause, key: str) -> Iterator[list[Any]]:
    """All rows of ``table``, some at a time in the order of ``key``: there may be a million jobs."""
    connection, after = op.get_bind(), ""
    while rows := list(
        connection.execute(sa.select(table).where(table.c[key] > after).order_by(table.c[key]).limit(AT_ONCE))
    ):
        yield rows
        after = getattr(rows[-1], key)


def _insert(name: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    found = [dict(zip(columns, row, strict=True)) for row in rows]
    if found:
        op.get_bind().execute(sa.table(name, *map(sa.column, columns)).insert(), found)
