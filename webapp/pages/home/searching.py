"""The search in the top bar: what fits a text, among what the user may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.applications.listing import ANY, ApplicationFilter
from webapp.applications.models import Application
from webapp.applications.visibility import visible_applications
from webapp.bookings.listing import BookingFilter
from webapp.bookings.models import Booking
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import visible_bookings, with_application
from webapp.jobs.listing import JobFilter
from webapp.jobs.models import Job
from webapp.jobs.visibility import visible_jobs
from webapp.pages.bookings.states import shown_states
from webapp.pools.listing import InstanceFilter
from webapp.pools.models import Instance
from webapp.statements.listing import by_key
from webapp.statements.models import JobStatement
from webapp.statements.visibility import visible_statements
from webapp.visitor import Visitor
from webapp.web.arguments import search_text
from webapp.web.places import Place, place

FOUND = 20  # of each kind


@dataclass(frozen=True)
class Hit:
    """Something that fits. ``detail``: what tells it from others of its kind."""

    kind: str
    name: str
    detail: str
    state: str | None
    place: Place
    is_exact: bool = False  # the text is its id


def search(session: Session, user: Visitor, text: str) -> list[Hit]:
    """What fits ``text``, by kind; a customer finds what is theirs. Nothing fits an empty text."""
    text = search_text(text)
    if not text:
        return []
    hits = [*_applications(session, user, text), *_bookings(session, user, text), *_jobs(session, user, text)]
    if user.is_staff:
        hits += _instances(session, text)
    return [*hits, *_statements(session, user, text)]


def only_exact(hits: list[Hit]) -> Hit | None:
    """The one hit whose id was typed."""
    exact = [hit for hit in hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def _applications(session: Session, user: Visitor, text: str) -> Iterator[Hit]:
    query = ApplicationFilter(ANY, text).applied(visible_applications(user))
    query = query.options(joinedload(Application.pool), joinedload(Application.customer))
    for row in session.scalars(query.order_by(Application.id.desc()).limit(FOUND)):
        detail = f"{row.pool.name} · {row.customer.email}" if user.is_staff else row.pool.name
        yield Hit(
            "Applications",
            row.name,
            detail,
            row.state.value,
            place("applications.show", application_id=row.id),
            row.id == text.upper(),
        )


def _bookings(session: Session, user: Visitor, text: str) -> Iterator[Hit]:
    query = BookingFilter(q=text).applied(visible_bookings(user))
    query = query.options(*with_application(), joinedload(Booking.requester))
    rows = session.scalars(query.order_by(Booking.id.desc()).limit(FOUND)).all()
    states = shown_states(session, rows)
    for row in rows:
        detail = f"asked for by {row.requester.email}" if user.is_staff else row.id
        yield Hit(
            "Requests",
            title_for(row),
            detail,
            states[row.id],
            place("bookings.show", booking_id=row.id),
            row.id == text.upper(),
        )


def _jobs(session: Session, user: Visitor, text: str) -> Iterator[Hit]:
    query = JobFilter(q=text).applied(visible_jobs(user))
    for row in session.scalars(query.order_by(Job.id.desc()).limit(FOUND)):
        template = f"{row.template}{', check mode' if row.check_mode else ''} · "
        detail = f"{template if user.is_staff else ''}{row.id}"
        yield Hit(
            "Jobs",
            row.title,
            detail,
            row.state.value,
            place("jobs.job_page", job_id=row.id),
            row.id == text.upper(),
        )


def _instances(session: Session, text: str) -> Iterator[Hit]:
    query = InstanceFilter(q=text).applied(select(Instance)).options(joinedload(Instance.pool))
    for row in session.scalars(query.order_by(Instance.name).limit(FOUND)):
        detail = f"{row.host}{f',{row.port}' if row.port else ''} · {row.pool.name}"
        yield Hit(
            "Instances",
            row.name,
            detail,
            row.reachability.value,
            place("instances.show", instance_id=row.id),
            row.id == text.upper(),
        )


def _statements(session: Session, user: Visitor, text: str) -> Iterator[Hit]:
    query = by_key(visible_statements(user), text)
    if query is None:
        return
    for row in session.scalars(query.order_by(JobStatement.id.desc()).limit(FOUND)):
        detail = f"{row.inventory_host or row.instance} · {row.database} · {row.sha256[:12]}"
        yield Hit(
            "Statements",
            row.template,
            detail,
            row.status.value,
            place("statements.statement_page", statement_id=row.id),
            row.id == text.upper(),
        )
