"""Which bookings about one thing stand in each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.bookings.kinds.base import RequestKind
from webapp.bookings.kinds.registry import kind_named, kind_of
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import about
from webapp.errors import Conflict

OPEN_STATES = (BookingState.PENDING, BookingState.APPROVED, BookingState.RUNNING)


def refuse_while_open(
    session: Session,
    subject_id: str,
    kind: str,
    *,
    part_id: str | None = None,
    but: Booking | None = None,
) -> None:
    """Raise :class:`Conflict` that names the open booking in the way of one of the kind ``kind``.

    ``subject_id``: of the thing that it is about; ``part_id``: of the part of it, a database or a login.
    ``but``: the booking itself, asked for again.
    """
    query = select(Booking).where(
        *about(kind_named(kind).subject, subject_id), Booking.state.in_(OPEN_STATES)
    )
    others = [one for one in session.scalars(query.order_by(Booking.id)) if but is None or one.id != but.id]
    if booking := in_the_way(others, kind, part_id):
        raise Conflict(
            f"The request “{title_for(booking)}” ({booking.id}) is {booking.state.value}. "
            "Wait until it has ended, or cancel it, then ask again."
        )


def refuse_again(session: Session, booking: Booking) -> None:
    """Raise :class:`Conflict` when another open request is in the way of ``booking``, planned once more."""
    part_id = kind_of(booking).part_id(booking)
    refuse_while_open(session, booking.subject_id, booking.kind, part_id=part_id, but=booking)


def in_the_way(open_bookings: Iterable[Booking], kind: str, part_id: str | None) -> Booking | None:
    """The first of the open bookings about one thing that one of ``kind`` has to wait for. Pure."""
    for booking in open_bookings:
        if stand_in_the_way(kind_of(booking), kind_of(booking).part_id(booking), kind_named(kind), part_id):
            return booking
    return None


def stand_in_the_way(
    open_kind: RequestKind[Any], open_part: str | None, kind: RequestKind[Any], part_id: str | None
) -> bool:
    """Whether a request of ``kind`` has to wait for the open one. Pure."""
    if open_kind.is_alone or kind.is_alone or (open_kind.changes_structure and kind.changes_structure):
        return True
    return part_id is not None and part_id == open_part
