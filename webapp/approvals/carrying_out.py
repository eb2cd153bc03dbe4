"""What becomes of a booking when the job that carried out its plan has ended."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.approvals.failures import (
    AGAIN,
    GATE,
    NOT_FINISHED,
    STOPPED,
    for_customer,
    is_refusal,
)
from webapp.audit.operations import PLATFORM
from webapp.bookings.history import change_state, note
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.outcome import booking_deployed, booking_failed
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plan_states import lock_booking, move
from webapp.bookings.planning import plan_booking
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.models import Job, JobState
from webapp.statements.stored import changes_sent

MOST_DRIFTS = 3  # then people look first, or a policy that approves by itself would go round for ever


def applying_ended(session: Session, job: Job, plan: Plan) -> None:
    """``job`` has ended: the booking is deployed, failed, or planned again because its target changed."""
    booking = lock_booking(session, plan.booking_id)
    outcome = (plan.outcome or {}) if plan.is_as_told else {}
    if booking.state is BookingState.RUNNING and booking.job_id == job.id:
        if job.state is JobState.SUCCESSFUL:
            record_plan(session, PLATFORM, "applied", plan, booking, hash=plan.hash, job_id=job.id)
            results = {name: outcome.get(name) for name in ("connection", "resized")}
            move(session, plan, to=PlanState.APPLIED, expected=(PlanState.APPROVED,))
            booking_deployed(session, booking, job, results)
        elif job.state is JobState.FAILED and is_refusal(outcome):
            _drifted(session, job, plan, booking)
        elif job.state is JobState.CANCELED:
            booking_failed(session, booking, text=STOPPED, job_id=job.id)
        else:
            text = for_customer(outcome, otherwise=NOT_FINISHED)
            booking_failed(session, booking, text=text, job_id=job.id)
    elif booking.state is BookingState.APPROVED and booking.plan_id == plan.id:
        text = STOPPED if job.state is JobState.CANCELED else f"{GATE}{AGAIN}"
        booking_failed(session, booking, text=text, job_id=job.id)
    elif booking.state is BookingState.FAILED and booking.plan_id == plan.id:
        note(session, booking, "failed", text=f"{GATE}{AGAIN}", job_id=job.id)


def _drifted(session: Session, job: Job, plan: Plan, booking: Booking) -> None:
    """The target is not as it was planned for: plan again, and ask again."""
    move(session, plan, to=PlanState.DRIFTED, expected=(PlanState.APPROVED,))
    drifts = select(func.count()).select_from(Plan).where(
        Plan.booking_id == booking.id, Plan.state == PlanState.DRIFTED
    )  # fmt: skip
    is_untouched = not changes_sent(session, job.id)
    text = "The database server changed between the approval and the start. " + (
        "Nothing was changed; it is planned again." if is_untouched else "The rest is planned again."
    )
    record_plan(
        session,
        PLATFORM,
        "drifted",
        plan,
        booking,
        job_id=job.id,
        is_untouched=is_untouched,
    )
    if (session.scalar(drifts) or 0) >= MOST_DRIFTS:
        booking_failed(
            session, booking, job_id=job.id,
            text="The database server changed several times between approval and start. Support looks first.",
        )  # fmt: skip
        return
    change_state(
        session, booking, to=BookingState.PENDING, expected=(BookingState.RUNNING,), event="drifted",
        text=text, plan_id=plan.id, job_id=job.id,
    )  # fmt: skip
    plan_booking(session, booking, actor=PLATFORM)
