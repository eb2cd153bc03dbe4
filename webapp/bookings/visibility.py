"""Whose requests a user sees: those about the applications that they see, whoever asked for them.

So a customer sees what an operator asked for on their behalf. What is about no application
is seen by who asked and by the staff. Somebody else's looks as if it were not there.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, contains_eager
from sqlalchemy.sql.base import ExecutableOption

from webapp.accounts.models import User
from webapp.applications.models import APPLICATION, Application
from webapp.applications.visibility import sees_application
from webapp.audit.operations import Actor
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking
from webapp.database import is_id
from webapp.errors import NotAllowed, NotFound
from webapp.visitor import Visitor


def acting_user(session: Session, actor: Actor) -> User:
    """The user behind ``actor``. Raises :class:`NotAllowed` when it is none."""
    user = session.get(User, actor.id) if actor.id else None
    if user is None:
        raise NotAllowed("Only a user of the portal can do this.")
    return user


def visible_bookings(user: Visitor) -> Select[tuple[Booking]]:
    """A query for the bookings that ``user`` may see, joined with their applications where they have one."""
    query = select(Booking).outerjoin(Booking.application)
    if user.is_staff:
        return query
    about_another = and_(Booking.subject_kind != APPLICATION, Booking.requester_id == user.id)
    return query.where(or_(sees_application(user), about_another))


def with_application() -> tuple[ExecutableOption, ExecutableOption]:
    """Options for a query of :func:`visible_bookings` whose rows are shown: no query for each of them."""
    application = contains_eager(Booking.application)
    return application.joinedload(Application.pool), application.joinedload(Application.customer)


def about(kind: str, subject_id: str) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a booking is about this thing."""
    return Booking.subject_kind == kind, Booking.subject_id == subject_id


def own_bookings(user: Visitor) -> Select[tuple[Booking]]:
    """Of those that ``user`` may see, what concerns them: they asked for it, or the application is theirs."""
    return visible_bookings(user).where(
        or_(Booking.requester_id == user.id, Application.customer_id == user.id)
    )


def get_booking(session: Session, user: Visitor, booking_id: str) -> Booking:
    """The booking. Raises :class:`NotFound` when it is not there, or somebody else's."""
    query = visible_bookings(user).where(Booking.id == booking_id)
    booking = session.scalars(query).one_or_none() if is_id(booking_id) else None
    if booking is None:
        raise NotFound("There is no such request.")
    return booking


def may_change(user: User, booking: Booking) -> bool:
    """Whether ``user`` may change or cancel ``booking``: whose subject it is, or an operator for them."""
    customer = kind_of(booking).customer(booking)
    return user.is_operator or (not user.is_staff and customer is not None and customer.id == user.id)


def require_change(user: User, booking: Booking) -> None:
    """Raise :class:`NotAllowed` unless ``user`` may change ``booking``."""
    if not may_change(user, booking):
        raise NotAllowed
