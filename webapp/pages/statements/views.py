"""All statements, and one of them."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.accounts.models import User
from webapp.bookings.models import Booking
from webapp.bookings.plans import Decision, DecisionKind, Plan
from webapp.jobs.models import Job
from webapp.pages.statements.filters import statement_filter, typed_filter
from webapp.pools.models import Instance
from webapp.statements.listing import neighbours, search
from webapp.statements.models import JobStatement, StatementKind, StatementStatus
from webapp.statements.visibility import find_statement
from webapp.web import session as web
from webapp.web.access import STAFF, may

statements = Blueprint("statements", __name__)


@statements.get("/statements")
@may(STAFF)
def index() -> ResponseReturnValue:
    """Search over all statements, newest first."""
    session = web.session()
    typed = typed_filter(request.args)
    found = search(session, current_user, statement_filter(typed), after=request.args.get("after"))
    jobs = {
        row.id: row.title
        for row in session.execute(
            select(Job.id, Job.title).where(Job.id.in_({s.job_id for s in found.rows}))
        )
    }
    return render_template(
        "statements/list.html",
        found=found,
        wanted=typed,
        chosen={field: text for field, text in typed.items() if text},
        jobs=jobs,
        kinds=[each.value for each in StatementKind],
        statuses=[each.value for each in StatementStatus],
    )


@dataclass(frozen=True)
class Story:
    """What led to a statement."""

    job: Job
    booking: Booking | None
    requester: User | None  # who asked for it
    customer: User | None  # whose it is
    plan: Plan | None
    approvals: list[Decision]
    launched_by: User | None
    instance: Instance | None


@statements.get("/statements/<statement_id>")
@may(STAFF)
def statement_page(statement_id: str) -> ResponseReturnValue:
    """One statement with its story."""
    session = web.session()
    row = find_statement(session, current_user, statement_id)
    previous, following = neighbours(session, row)
    return render_template(
        "statements/statement.html",
        statement=row,
        story=_story(session, row),
        previous=previous,
        following=following,
    )


def _story(session: Session, row: JobStatement) -> Story:
    job = session.get_one(Job, row.job_id)
    booking = session.get(Booking, booking_id) if (booking_id := job.subject("booking")) else None
    plan = session.get(Plan, plan_id) if (plan_id := job.subject("plan")) else None
    approvals: list[Decision] = []
    if plan:
        query = (
            select(Decision)
            .where(Decision.plan_id == plan.id, Decision.kind == DecisionKind.APPROVE)
            .options(joinedload(Decision.user))
            .order_by(Decision.at)
        )
        approvals = list(session.scalars(query))
    instance = None
    if row.inventory_host:
        instance = session.scalars(select(Instance).where(Instance.name == row.inventory_host)).one_or_none()
    return Story(
        job=job,
        booking=booking,
        requester=booking.requester if booking else None,
        customer=session.get(User, job.customer_id) if job.customer_id else None,
        plan=plan,
        approvals=approvals,
        launched_by=session.get(User, job.launched_by_id) if job.launched_by_id else None,
        instance=instance,
    )
