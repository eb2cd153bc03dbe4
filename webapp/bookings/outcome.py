"""What becomes of a booking: the rows of its application follow what its job did on the instance."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationState
from webapp.applications.naming import MAIN_LOGIN
from webapp.bookings.history import LONGEST_TEXT, change_state, note
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking, BookingState
from webapp.jobs.models import Job
from webapp.pools.models import Instance


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
    """``job`` did it. ``results`` may hold ``connection`` (application_connection) and ``resized``."""
    change_state(
        session,
        booking,
        to=BookingState.DEPLOYED,
        expected=(BookingState.RUNNING,),
        event="deployed",
        job_id=job.id,
    )
    booking.failure = None
    application = booking.application
    kind_of(booking).deployed(session, booking, results)
    _connect(session, application, job, results.get("connection"))
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


def _connect(session: Session, application: Application, job: Job, connection: dict[str, Any] | None) -> None:
    """Where the application is, and how customers get there."""
    if connection is None:
        return
    instance = session.scalars(select(Instance).where(Instance.name == connection["instance"])).one_or_none()
    application.instance_id = instance.id if instance else job.subject("instance")
    application.connection = {
        "host": connection["host"],
        "port": connection["port"],
        "instance": connection["instance"],
        "login": f"{application.name}_{MAIN_LOGIN}",
        "databases": [
            database.full_name
            for database in application.databases
            if database.state is ApplicationState.DEPLOYED
        ],
    }
