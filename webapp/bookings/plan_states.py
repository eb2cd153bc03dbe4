"""A plan's state. Nothing else changes ``Plan.state``, but planning.withdraw_plans."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from webapp.bookings.models import Booking
from webapp.bookings.plans import Plan, PlanState


def lock_booking(session: Session, booking_id: str) -> Booking:
    """The booking, fresh, its row locked until the transaction ends.

    Whoever changes both takes the booking first and its plan second, or two would wait for each other. The
    column is written as it is: not every database knows SELECT … FOR UPDATE.
    """
    session.execute(
        update(Booking)
        .where(Booking.id == booking_id)
        .values(plan_id=Booking.plan_id)
        .execution_options(synchronize_session=False)
    )
    return session.get_one(Booking, booking_id, populate_existing=True)


def move(session: Session, plan: Plan, *, to: PlanState, expected: tuple[PlanState, ...]) -> bool:
    """Bring ``plan`` from one of the ``expected`` states to another; whether it was in one of them.

    The row is locked until the transaction ends also when ``to`` is its state already: of two people who
    decide, the second waits here and then sees what the first did.
    """
    session.flush()
    changed = session.execute(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state.in_(expected))
        .values(state=to)
        .execution_options(synchronize_session=False)
    )
    session.refresh(plan, ["state"])
    return cast("CursorResult[Any]", changed).rowcount == 1
