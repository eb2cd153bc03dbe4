"""Have a booking planned: its playbook in check mode, in a job of its own."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.applications.models import ApplicationState
from webapp.audit.operations import Actor
from webapp.bookings.models import Booking, BookingKind
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.database import new_id
from webapp.jobs.models import Job
from webapp.jobs.operations import launch
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

PLAN_BOOKING, APPLY_BOOKING = "plan_booking", "apply_booking"  # the names of the job templates
OPEN_PLANS = (PlanState.PLANNING, PlanState.READY, PlanState.APPROVED)


def plan_booking(session: Session, booking: Booking, *, actor: Actor) -> Plan:
    """A new plan for a pending ``booking``, made by a job; older ones that are open are superseded."""
    withdraw_plans(session, booking)
    newest = session.scalar(select(func.max(Plan.number)).where(Plan.booking_id == booking.id))
    instance_id = placed_on(session, booking)
    plan = Plan(
        id=new_id(), booking_id=booking.id, number=(newest or 0) + 1, state=PlanState.PLANNING,
        instance_id=instance_id,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    application = booking.application
    job = launch(
        session, template=PLAN_BOOKING, title=f"Plan: {title_for(booking)}", parameters={"plan_id": plan.id},
        targets=[f"application:{application.id}"], check_mode=True, booking_id=booking.id, plan_id=plan.id,
        application_id=application.id, instance_id=instance_id, pool_id=application.pool_id,
        customer_id=application.customer_id, launched_by=actor,
    )  # fmt: skip
    plan.job_id = job.id
    booking.plan_id = plan.id
    record_plan(
        session,
        actor,
        "requested",
        plan,
        booking,
        number=plan.number,
        job_id=job.id,
    )
    session.flush()
    return plan


def withdraw_plans(session: Session, booking: Booking) -> None:
    """No open plan of ``booking`` counts any more: a new one takes its place, or the booking has ended."""
    session.execute(
        update(Plan)
        .where(Plan.booking_id == booking.id, Plan.state.in_(OPEN_PLANS))
        .values(state=PlanState.SUPERSEDED)
        .execution_options(synchronize_session="fetch")
    )


def placed_on(session: Session, booking: Booking) -> str | None:
    """The instance that ``booking`` is bound to; None when the pool's fittest one is still to be chosen.

    A booking of a new application that has changed something already goes on where it began.
    """
    application = booking.application
    if booking.kind is not BookingKind.BOOK_APPLICATION or application.state is ApplicationState.DEPLOYED:
        return application.instance_id
    return session.scalar(
        select(Job.instance_id)
        .join(JobStatement, JobStatement.job_id == Job.id)
        .where(
            Job.booking_id == booking.id,
            Job.template == APPLY_BOOKING,
            JobStatement.kind == StatementKind.CHANGE,
            JobStatement.status != StatementStatus.PLANNED,
        )
        .order_by(Job.id.desc())
        .limit(1)
    )
