"""Plans that nobody approved in time, and new plans for them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.visibility import require_change
from webapp.audit.operations import PLATFORM, Actor
from webapp.bookings.history import change_state, note
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plan_states import lock_booking, move
from webapp.bookings.planning import plan_booking
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.visibility import acting_user, get_booking
from webapp.database import now
from webapp.errors import Conflict

AT_ONCE = 100  # plans in one transaction
TEXT = "Nobody approved the plan in time. The target may have changed since, so it has to be planned again."


def expire_plans(session: Session) -> int:
    """Let ready plans expire whose time is over, and close those of bookings that ended; how many."""
    stale = (
        select(Plan)
        .join(Booking, Booking.id == Plan.booking_id)
        .where(
            Plan.state == PlanState.READY,
            (Plan.expires_at <= now())
            | (Booking.state != BookingState.PENDING)
            | (Booking.plan_id != Plan.id),
        )
        .limit(AT_ONCE)
    )
    count = 0
    for plan in session.scalars(stale).all():
        booking = lock_booking(session, plan.booking_id)
        counts = booking.state is BookingState.PENDING and booking.plan_id == plan.id
        to = PlanState.EXPIRED if counts else PlanState.SUPERSEDED
        if not move(session, plan, to=to, expected=(PlanState.READY,)):
            continue  # somebody decided in this very moment
        count += 1
        if counts:
            note(session, booking, "plan_expired", text=TEXT, plan_id=plan.id)
            record_plan(session, PLATFORM, "expired", plan, booking)
    return count


def may_plan_again(plan: Plan, booking: Booking) -> bool:
    """Whether what counts is an expired plan of a booking that still waits."""
    return (
        plan.state is PlanState.EXPIRED
        and booking.state is BookingState.PENDING
        and booking.plan_id == plan.id
    )


def plan_expired_again(session: Session, actor: Actor, plan_id: str) -> Plan:
    """Who asked, or an operator, has a booking planned again whose plan expired.

    Raises NotFound for somebody else's, Conflict when its plan has not expired.
    """
    user = acting_user(session, actor)
    plan = session.get(Plan, plan_id)
    booking = get_booking(session, user, plan.booking_id if plan else "")
    require_change(user, booking.application)
    if plan is None or not may_plan_again(plan, booking):
        raise Conflict("The plan that counts has not expired. Load the page again.")
    part = booking.parameters.get("database_id") or booking.parameters.get("login_id")
    refuse_while_open(session, booking.application, booking.kind, part_id=part, but=booking)
    change_state(
        session,
        booking,
        to=BookingState.PENDING,
        expected=(BookingState.PENDING,),
        event="planned_again",
        user_id=user.id,
    )
    return plan_booking(session, booking, actor=actor)
