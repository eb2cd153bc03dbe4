"""A customer's first page: applications with their fullest limit, requests with their next step."""

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
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import own_bookings, with_application
from webapp.database import now
from webapp.jobs.models import Job, JobState
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
    next_step: str
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
            next_step(booking, plans.get(booking.plan_id or ""), jobs.get(booking.job_id or "")),
            shown_state(booking, plans.get(booking.plan_id or "")),
        )
        for booking in bookings
    ]


def next_step(booking: Booking, plan: Plan | None, job: Job | None) -> str:
    """What happens next to the booking, in a customer's words. Pure."""
    match booking.state:
        case BookingState.PENDING:
            return _next_step_of_plan(plan)
        case BookingState.APPROVED | BookingState.RUNNING:
            return _next_step_of_job(booking, job)
        case BookingState.FAILED:
            return booking.failure or "It could not be carried out; the hosting team looks at it."
        case BookingState.REJECTED:
            return "Rejected; the request says why."
        case _:
            return ""


def _next_step_of_job(booking: Booking, job: Job | None) -> str:
    if booking.state is BookingState.RUNNING:
        if job is not None and job.tasks_total:
            return f"Being carried out: step {min(job.tasks_done, job.tasks_total)} of {job.tasks_total}."
        return "Being carried out."
    if job is not None and job.state is JobState.WAITING:
        return "Approved; another change of the same application or instance is finished first."
    return "Approved; a worker takes it next."


def _next_step_of_plan(plan: Plan | None) -> str:
    match plan and plan.state:
        case PlanState.READY:
            return "An approver looks at it."
        case PlanState.SENT_BACK:
            return "Sent back to you: change it, or cancel it."
        case PlanState.EXPIRED:
            return "Nobody approved the plan in time: have it made again, or cancel the request."
        case PlanState.FAILED | PlanState.DRIFTED:
            return "The hosting team plans it again."
        case _:
            return "What has to be done is being worked out; that takes some seconds."
