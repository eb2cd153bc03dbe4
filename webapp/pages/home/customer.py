"""A customer's first page: applications with their fullest limit, requests with how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.applications.fullness import is_full
from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.applications.visibility import visible_applications
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.open_bookings import OPEN_STATES
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import own_bookings, with_application
from webapp.bookings.wording import progress_of
from webapp.database import now
from webapp.jobs.models import Job
from webapp.pages.bookings.states import NEEDS_CUSTOMER, plans_of, shown_state
from webapp.visitor import Visitor

FAILURES_SHOWN = timedelta(days=7)  # a request that failed or was rejected stays on the first page that long
SHOWN = 100


@dataclass(frozen=True)
class Fill:
    """How much of its data or log limit a database uses; MiB."""

    database: str
    used_mib: float
    limit_mib: int

    @property
    def share(self) -> float:
        """1 is full."""
        return self.used_mib / self.limit_mib if self.limit_mib else 0.0

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be written."""
        return is_full(self.used_mib, self.limit_mib)


@dataclass(frozen=True)
class ApplicationCard:
    """One application."""

    application: Application
    databases: list[ApplicationDatabase]  # those that are there or asked for
    fullest: Fill | None  # None: nothing was measured yet
    endpoint: str | None  # host,port as SQL Server's clients write it; None while it is not deployed


@dataclass(frozen=True)
class OpenRequest:
    """A booking that is not done, or that ended badly some days ago at most."""

    booking: Booking
    title: str
    progress: str
    state: str  # what shown_state calls it

    @property
    def needs_customer(self) -> bool:
        """Whether nothing goes on until the customer does something."""
        return self.state in NEEDS_CUSTOMER


def application_cards(session: Session, user: Visitor) -> list[ApplicationCard]:
    """The customer's applications that are there or asked for, by name."""
    query = (
        visible_applications(user)
        .where(
            Application.customer_id == user.id,
            Application.state.in_((ApplicationState.RESERVED, ApplicationState.DEPLOYED)),
        )
        .options(selectinload(Application.databases), joinedload(Application.pool))
        .order_by(Application.name_key)
        .limit(SHOWN)
    )
    return [_card(application) for application in session.scalars(query)]


def _card(application: Application) -> ApplicationCard:
    databases = [one for one in application.databases if one.state in ("reserved", "deployed")]
    fills = [
        Fill(name, used_mib, limit_mib)
        for one in databases
        for name, used_mib, limit_mib in (
            (one.full_name, one.data_used_mib, one.data_limit_mib),
            (f"Log of {one.full_name}", one.log_used_mib, one.log_limit_mib),
        )
        if used_mib is not None
    ]
    connection = application.connection or {}
    endpoint = None
    if application.state is ApplicationState.DEPLOYED and connection.get("host"):
        port = connection.get("port")
        endpoint = f"{connection['host']},{port}" if port else connection["host"]
    return ApplicationCard(
        application, databases, max(fills, key=lambda fill: fill.share, default=None), endpoint
    )


def open_requests(session: Session, user: Visitor) -> list[OpenRequest]:
    """The bookings of the user, or about what is theirs, that wait for something, the newest first."""
    recent = now() - FAILURES_SHOWN
    query = (
        own_bookings(user)
        .where(
            or_(
                Booking.state.in_(OPEN_STATES),
                (Booking.state.in_((BookingState.FAILED, BookingState.REJECTED)))
                & (Booking.created_at > recent),
            ),
        )
        .options(*with_application())
        .order_by(Booking.id.desc())
        .limit(SHOWN)
    )
    bookings = list(session.scalars(query))
    plans = plans_of(session, bookings)
    # The request is the user's, and so is its progress.
    of_requests = select(Job).where(Job.id.in_([one.job_id for one in bookings if one.job_id]))
    jobs = {job.id: job for job in session.scalars(of_requests)}
    return [
        OpenRequest(
            booking,
            title_for(booking),
            progress_of(booking, plans.get(booking.plan_id or ""), jobs.get(booking.job_id or "")),
            shown_state(booking, plans.get(booking.plan_id or "")),
        )
        for booking in bookings
    ]
