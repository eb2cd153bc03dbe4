"""What becomes of a booking: it runs, is deployed, fails, ends unbuilt. Its kind says what follows."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.bookings.history import change_state, note
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import LONGEST_TEXT, Booking, BookingState
from webapp.jobs.models import Job


def booking_running(session: Session, booking: Booking, job: Job) -> None:
    """``job`` carries out ``booking``: for the first time, or again after an interruption or a failure.

    Raises :class:`webapp.errors.Conflict` when the booking may not run.
    """
    booking.job_id = job.id
    if booking.state is BookingState.RUNNING:
        note(session, booking, "resumed", job_id=job.id)
        return
    event = "resumed" if booking.state is BookingState.FAILED else "running"
    expected = (BookingState.APPROVED, BookingState.FAILED)
    change_state(session, booking, to=BookingState.RUNNING, expected=expected, event=event, job_id=job.id)
    booking.failure = None


def booking_deployed(session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
    """``job`` did it. ``results``: what its playbook told, see ``approvals/observing.py``."""
    change_state(
        session,
        booking,
        to=BookingState.DEPLOYED,
        expected=(BookingState.RUNNING,),
        event="deployed",
        job_id=job.id,
    )
    booking.failure = None
    kind_of(booking).deployed(session, booking, job, results)
    booking.secret = None


def booking_failed(session: Session, booking: Booking, *, text: str, job_id: str | None = None) -> None:
    """Planning or running failed, as ``text`` says. What is reserved stays: it may be planned again."""
    is_planning = booking.state is BookingState.PENDING
    change_state(
        session,
        booking,
        to=BookingState.FAILED,
        expected=(BookingState.PENDING, BookingState.APPROVED, BookingState.RUNNING),
        event="planning_failed" if is_planning else "failed",
        text=text,
        job_id=job_id,
    )
    booking.failure = text[:LONGEST_TEXT]


def booking_ended_unbuilt(session: Session, booking: Booking) -> None:
    """``booking`` was rejected or canceled: the names it reserved are free, its password is forgotten."""
    kind_of(booking).ended_unbuilt(session, booking)
    booking.secret = None
