"""What pages call a request's state: its own, or what its plan waits for. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan, PlanState

# While the request itself is still pending, these say more of it. Both wait for its customer.
NEEDS_CUSTOMER = (PlanState.SENT_BACK, PlanState.EXPIRED)


def plans_of(session: Session, bookings: Sequence[Booking]) -> dict[str, Plan]:
    """The plans that count for ``bookings``, by the plan's id."""
    ids = [booking.plan_id for booking in bookings if booking.plan_id]
    return {plan.id: plan for plan in session.scalars(select(Plan).where(Plan.id.in_(ids)))}


def shown_state(booking: Booking, plan: Plan | None) -> str:
    """The word for a badge: a BookingState, "sent_back" or "expired". ``plan``: the one that counts."""
    if booking.state is BookingState.PENDING and plan is not None and plan.state in NEEDS_CUSTOMER:
        return plan.state.value
    return booking.state.value


def shown_states(session: Session, bookings: Sequence[Booking]) -> dict[str, str]:
    """:func:`shown_state` of every one of ``bookings``, by the booking's id."""
    plans = plans_of(session, bookings)
    return {booking.id: shown_state(booking, plans.get(booking.plan_id or "")) for booking in bookings}
