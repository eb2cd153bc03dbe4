"""Which bookings of one application stand in each other's way."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.models import Application
from webapp.bookings.models import Booking, BookingKind, BookingState
from webapp.bookings.variables import title_for
from webapp.errors import Conflict

OPEN_STATES = (BookingState.PENDING, BookingState.APPROVED, BookingState.RUNNING)
_ALONE = frozenset({BookingKind.BOOK_APPLICATION, BookingKind.DELETE_APPLICATION})
# Each of them changes which logins enter which databases: a plan of one would not hold after the other.
_STRUCTURE = frozenset({BookingKind.ADD_DATABASE, BookingKind.ADD_LOGIN, BookingKind.REMOVE_LOGIN})


def refuse_while_open(
    session: Session,
    application: Application,
    kind: BookingKind,
    *,
    part_id: str | None = None,
    but: Booking | None = None,
) -> None:
    """Raise :class:`Conflict` that names the open booking in the way of a new one of ``kind``.

    ``part_id``: the database or login that it is about. ``but``: the booking itself, asked for again.
    """
    query = select(Booking).where(Booking.application_id == application.id, Booking.state.in_(OPEN_STATES))
    others = [one for one in session.scalars(query.order_by(Booking.id)) if but is None or one.id != but.id]
    if booking := in_the_way(others, kind, part_id):
        raise Conflict(
            f"The request “{title_for(booking)}” ({booking.id}) is {booking.state.value}. "
            "Wait until it has ended, or cancel it, then ask again."
        )


def in_the_way(open_bookings: Iterable[Booking], kind: BookingKind, part_id: str | None) -> Booking | None:
    """The first of an application's open bookings that one of ``kind`` has to wait for. Pure."""
    for booking in open_bookings:
        if stand_in_the_way(booking.kind, _part_of(booking), kind, part_id):
            return booking
    return None


def stand_in_the_way(
    open_kind: BookingKind, open_part: str | None, kind: BookingKind, part_id: str | None
) -> bool:
    """Whether a booking of ``kind`` has to wait for the open one. Pure."""
    kinds = {open_kind, kind}
    if kinds & _ALONE or kinds <= _STRUCTURE:
        return True
    return part_id is not None and part_id == open_part


def _part_of(booking: Booking) -> str | None:
    return booking.parameters.get("database_id") or booking.parameters.get("login_id")
