"""Whose requests a user sees: those about the applications that they see, whoever asked for them.

So a customer sees what an operator asked for on their behalf. Somebody else's looks as if it were not there.
"""

from __future__ import annotations

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.models import Application
from webapp.applications.visibility import sees_application
from webapp.audit.operations import Actor
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
    """A query for the bookings that ``user`` may see, joined with their applications."""
    return select(Booking).join(Booking.application).where(sees_application(user))


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
