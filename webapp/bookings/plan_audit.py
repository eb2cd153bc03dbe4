"""Audit entries about plans."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.bookings.models import Booking
from webapp.bookings.plans import Plan
from webapp.bookings.variables import title_for


def record_plan(
    session: Session, actor: Actor, verb: str, plan: Plan, booking: Booking, **details: Any
) -> None:
    """Note that ``actor`` did ``plan:<verb>``; see audit.operations.record."""
    record(
        session,
        actor,
        f"plan:{verb}",
        object_kind="plan",
        object_id=plan.id,
        object_name=title_for(booking),
        booking_id=booking.id,
        **details,
    )
