"""What becomes of a booking: the rows of its application follow what its job did on the instance."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.applications.naming import MAIN_LOGIN, free_name, is_taken
from webapp.bookings.history import LONGEST_TEXT, change_state, note
from webapp.bookings.models import Booking, BookingKind, BookingState
from webapp.database import now
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
    match booking.kind:
        case BookingKind.BOOK_APPLICATION:
            application.state, application.deployed_at = ApplicationState.DEPLOYED, now()
            _database(session, booking).state = ApplicationState.DEPLOYED
            _keep_password(booking, _login(session, booking))
        case BookingKind.ADD_DATABASE:
            _database(session, booking).state = ApplicationState.DEPLOYED
        case BookingKind.RESIZE_DATABASE:
            _resize(_database(session, booking), booking.parameters, results.get("resized") or {})
        case BookingKind.ADD_LOGIN | BookingKind.RESET_LOGIN:
            _keep_password(booking, _login(session, booking))
        case BookingKind.REMOVE_LOGIN:
            login = _login(session, booking)
            login.password = None
            free_name(login, ApplicationState.DELETED)
        case BookingKind.DELETE_APPLICATION:
            _delete(application, is_purged=bool(booking.parameters["purge"]))
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
    released = ApplicationState.RELEASED
    match booking.kind:
        case BookingKind.BOOK_APPLICATION:
            for row in _rows_of(booking.application):
                if row.state is ApplicationState.RESERVED:
                    free_name(row, released)
        case BookingKind.ADD_DATABASE:
            free_name(_database(session, booking), released)
        case BookingKind.ADD_LOGIN:
            free_name(_login(session, booking), released)
    booking.secret = None


def _rows_of(
    application: Application,
) -> list[Application | ApplicationDatabase | ApplicationLogin]:
    return [*application.databases, *application.logins, application]


def _database(session: Session, booking: Booking) -> ApplicationDatabase:
    return session.get_one(ApplicationDatabase, booking.parameters["database_id"])


def _login(session: Session, booking: Booking) -> ApplicationLogin:
    return session.get_one(ApplicationLogin, booking.parameters["login_id"])


def _keep_password(booking: Booking, login: ApplicationLogin) -> None:
    """Until the customer has looked at it."""
    login.state = ApplicationState.DEPLOYED
    login.password, login.password_set_at, login.password_revealed_at = booking.secret, now(), None


def _resize(database: ApplicationDatabase, asked: dict[str, Any], resized: dict[str, Any]) -> None:
    """What the playbook says holds now; what was asked for where it said nothing."""
    database.data_limit_mib = (
        resized.get("data_limit_mib") or asked.get("data_limit_mib") or database.data_limit_mib
    )
    database.log_limit_mib = (
        resized.get("log_limit_mib") or asked.get("log_limit_mib") or database.log_limit_mib
    )


def _delete(application: Application, *, is_purged: bool) -> None:
    """Out of reach: the names stay taken until all is purged, because it is still on the instance."""
    deleted = ApplicationState.DELETED
    for row in _rows_of(application):
        if not is_taken(row):
            continue
        if is_purged:
            free_name(row, deleted)
        row.state = deleted
    for login in application.logins:
        login.password = None
    application.deleted_at = application.deleted_at or now()


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
