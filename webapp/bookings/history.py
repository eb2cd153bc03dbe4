"""A booking's state and its history. Nothing else changes ``Booking.state``."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from webapp.bookings.models import ENDED_STATES, LONGEST_TEXT, Booking, BookingEvent, BookingState
from webapp.database import now
from webapp.errors import Conflict


def change_state(
    session: Session,
    booking: Booking,
    *,
    to: BookingState,
    expected: tuple[BookingState, ...],
    event: str,
    user_id: str | None = None,
    text: str | None = None,
    plan_id: str | None = None,
    job_id: str | None = None,
) -> None:
    """Bring ``booking`` from one of the ``expected`` states to another and note it.

    Raises :class:`Conflict` when it is in none of them (any more): of two that try, one wins.
    """
    session.flush()
    held = session.execute(  # the row's lock; its state is signed, so that it is set below
        update(Booking)
        .where(Booking.id == booking.id, Booking.state.in_(expected))
        .values(ended_at=Booking.ended_at)
        .execution_options(synchronize_session=False)
    )
    session.refresh(booking, ["state", "ended_at"])
    if cast("CursorResult[Any]", held).rowcount != 1:
        word = "already" if booking.state is to else f"by now, so it cannot become {to.value}"
        raise Conflict(f"The request is {booking.state.value} {word}.")
    booking.state, booking.ended_at = to, now() if to in ENDED_STATES else None
    session.flush()
    note(session, booking, event, user_id=user_id, text=text, plan_id=plan_id, job_id=job_id)


def note(
    session: Session,
    booking: Booking,
    event: str,
    *,
    user_id: str | None = None,
    text: str | None = None,
    plan_id: str | None = None,
    job_id: str | None = None,
) -> None:
    """Write a line of ``booking``'s history; its state stays."""
    session.add(
        BookingEvent(
            booking_id=booking.id,
            event=event,
            user_id=user_id,
            text=text and text[:LONGEST_TEXT],
            plan_id=plan_id,
            job_id=job_id,
        )
    )
