"""The search in the top bar: what fits a text, among what the user may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.applications.models import Application
from webapp.bookings.models import Booking
from webapp.bookings.variables import title_for
from webapp.jobs.models import Job
from webapp.jobs.visibility import Visitor, visible_jobs
from webapp.pages.bookings.states import shown_states
from webapp.pools.models import Instance
from webapp.statements.models import JobStatement
from webapp.web.places import Place, place

FOUND = 20  # of each kind
LONGEST = 200  # characters; statements have hashes of 64, ids have 26
HASH_PREFIX = 8  # characters of a hash that are enough to search for it
ID_LENGTH = 26


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
    text = text.replace("\0", "").strip()[:LONGEST]  # PostgreSQL takes no NUL
    if not text:
        return []
    hits = [*_applications(session, user, text), *_bookings(session, user, text), *_jobs(session, user, text)]
    if user.is_staff:
        hits += [*_instances(session, text), *_statements(session, text)]
    return hits


def only_exact(hits: list[Hit]) -> Hit | None:
    """The one hit whose id was typed."""
    exact = [hit for hit in hits if hit.is_exact]
    return exact[0] if len(exact) == 1 else None


def _applications(session: Session, user: Visitor, text: str) -> Iterator[Hit]:
    query = select(Application).where(
        or_(Application.name.icontains(text, autoescape=True), Application.id == text.upper())
    )
    if not user.is_staff:
        query = query.where(Application.customer_id == user.id)
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
    query = (
        select(Booking)
        .join(Booking.application)
        .where(or_(Application.name.icontains(text, autoescape=True), Booking.id == text.upper()))
        .options(joinedload(Booking.application).joinedload(Application.pool), joinedload(Booking.requester))
    )
    if not user.is_staff:
        query = query.where(Booking.requester_id == user.id)
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
    query = visible_jobs(user).where(or_(Job.title.icontains(text, autoescape=True), Job.id == text.upper()))
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
    query = (
        select(Instance)
        .where(
            or_(
                Instance.name.icontains(text, autoescape=True),
                Instance.host.icontains(text, autoescape=True),
                Instance.id == text.upper(),
            )
        )
        .options(joinedload(Instance.pool))
    )
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


def _statements(session: Session, text: str) -> Iterator[Hit]:
    """By id, or by the hash or its first characters: both are indexed, the texts are not."""
    query = select(JobStatement)
    if len(text) == ID_LENGTH:
        query = query.where(JobStatement.id == text.upper())
    elif len(text) >= HASH_PREFIX and all(character in "0123456789abcdef" for character in text.lower()):
        # A range and not LIKE: it uses the index on every database.
        query = query.where(JobStatement.sha256 >= text.lower(), JobStatement.sha256 <= text.lower() + "g")
    else:
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
