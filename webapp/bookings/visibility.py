"""Whose bookings and applications a user sees, and which they may change.

Customers see their own; staff see all. Somebody else's looks as if it were not there.
"""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin
from webapp.audit.operations import Actor
from webapp.bookings.models import Booking
from webapp.errors import NotAllowed, NotFound

ID_LENGTH = 26  # of a ULID

Of = TypeVar("Of", ApplicationDatabase, ApplicationLogin)


def acting_user(session: Session, actor: Actor) -> User:
    """The user behind ``actor``. Raises :class:`NotAllowed` when it is none."""
    user = session.get(User, actor.id) if actor.id else None
    if user is None:
        raise NotAllowed("Only a user of the portal can do this.")
    return user


def seen_bookings(query: Select[tuple[Booking]], user: User) -> Select[tuple[Booking]]:
    """``query`` over bookings, without those that ``user`` must not see."""
    if user.is_staff:
        return query
    return query.join(Application, Application.id == Booking.application_id).where(
        Application.customer_id == user.id
    )


def seen_applications(query: Select[tuple[Application]], user: User) -> Select[tuple[Application]]:
    """``query`` over applications, without those that ``user`` must not see."""
    return query if user.is_staff else query.where(Application.customer_id == user.id)


def get_application(session: Session, user: User, application_id: str) -> Application:
    """The application. Raises :class:`NotFound` when it is not there, or somebody else's."""
    application = session.get(Application, application_id) if _is_id(application_id) else None
    if application is None or not (user.is_staff or application.customer_id == user.id):
        raise NotFound("There is no such application.")
    return application


def get_booking(session: Session, user: User, booking_id: str) -> Booking:
    """The booking. Raises :class:`NotFound` when it is not there, or somebody else's."""
    booking = session.get(Booking, booking_id) if _is_id(booking_id) else None
    if booking is None or not (user.is_staff or booking.application.customer_id == user.id):
        raise NotFound("There is no such request.")
    return booking


def get_part(session: Session, kind: type[Of], application: Application, part_id: str) -> Of:
    """The database or login of ``application``. Raises :class:`NotFound`."""
    part = session.get(kind, part_id) if _is_id(part_id) else None
    if part is None or part.application_id != application.id:
        raise NotFound(f"{application.name} has no such part.")
    return part


def may_change(user: User, application: Application) -> bool:
    """Whether ``user`` may ask for changes of ``application``: its customer, or an operator for them."""
    return user.is_operator or (not user.is_staff and application.customer_id == user.id)


def require_change(user: User, application: Application) -> None:
    """Raise :class:`NotAllowed` unless ``user`` may change ``application``."""
    if not may_change(user, application):
        raise NotAllowed


def _is_id(value: str) -> bool:
    return len(value) == ID_LENGTH and value.isascii() and value.isalnum()
