"""What happens to a booking before it is carried out: canceled, changed and sent again, planned again."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.audit.operations import Actor, record
from webapp.bookings.history import change_state
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.open_bookings import refuse_again
from webapp.bookings.outcome import booking_ended_unbuilt
from webapp.bookings.parameters import check_reason
from webapp.bookings.planning import plan_booking, subject_id_of, withdraw_plans
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import acting_user, get_booking, may_change, require_change
from webapp.errors import Conflict, InvalidInput, NotAllowed
from webapp.signed_rows import require_intact


def may_cancel(user: User, booking: Booking) -> bool:
    """Whether ``user`` may take ``booking`` back now.

    A booking that failed while it ran may have left something on the instance: only an operator closes it.
    """
    if not may_change(user, booking):
        return False
    if booking.state is BookingState.PENDING:
        return True
    return booking.state is BookingState.FAILED and (booking.job_id is None or user.is_operator)


def is_sent_back(booking: Booking) -> bool:
    """Whether an approver wants ``booking`` changed and nobody has changed it yet."""
    if booking.state is not BookingState.PENDING:
        return False
    turns = [event.event for event in booking.events if event.event in ("sent_back", "changed")]
    return bool(turns) and turns[-1] == "sent_back"


def can_be_changed(booking: Booking) -> bool:
    """Whether something else may be asked for: an approver wants that, or it could not be planned as it was.

    What failed while it ran may be half there, so that only its plan can go on.
    """
    return is_sent_back(booking) or (booking.state is BookingState.FAILED and booking.job_id is None)


def cancel(session: Session, actor: Actor, booking_id: str) -> Booking:
    """Take a booking back. Raises :class:`Conflict` when it is too late for that."""
    user = acting_user(session, actor)
    booking = get_booking(session, user, booking_id)
    require_change(user, booking)
    if booking.state is BookingState.FAILED and not may_cancel(user, booking):
        raise NotAllowed(
            "The request failed while it ran. Support looks at what is left of it and closes it."
        )
    change_state(
        session,
        booking,
        to=BookingState.CANCELED,
        expected=(BookingState.PENDING, BookingState.FAILED),
        event="canceled",
        user_id=user.id,
    )
    booking_ended_unbuilt(session, booking)
    withdraw_plans(session, booking)
    _record(session, actor, "booking:canceled", booking)
    return booking


def plan_again(session: Session, actor: Actor, booking_id: str) -> Booking:
    """An operator has a booking planned once more: one that failed, or whose plan does not hold any more."""
    user = acting_user(session, actor)
    booking = get_booking(session, user, booking_id)
    if not user.is_operator:
        raise NotAllowed("Only an operator has a request planned again.")
    require_intact(booking)
    refuse_again(session, booking)
    change_state(
        session,
        booking,
        to=BookingState.PENDING,
        expected=(BookingState.PENDING, BookingState.FAILED),
        event="planned_again",
        user_id=user.id,
    )
    booking.failure = None
    _record(session, actor, "booking:planned_again", booking)
    plan_booking(session, booking, actor=actor)
    return booking


def changeable(session: Session, actor: Actor, booking_id: str) -> Booking:
    """The booking, when the user may ask for something else. Raises NotFound, NotAllowed, Conflict."""
    user = acting_user(session, actor)
    booking = get_booking(session, user, booking_id)
    require_change(user, booking)
    if not can_be_changed(booking):
        raise Conflict("Nobody has sent this request back, so it cannot be changed. Load the page again.")
    return booking


def change(session: Session, actor: Actor, booking_id: str, wish: Any, *, reason: str | None) -> Booking:
    """Ask for something else, where :func:`can_be_changed` says so, and have it planned anew.

    ``wish`` and ``reason``: as for the operation that submitted it, of the kind that the booking is.
    Raises NotFound, NotAllowed, InvalidInput and Conflict.
    """
    booking = changeable(session, actor, booking_id)
    require_intact(booking)
    kind = kind_of(booking)
    if type(wish) is not type(kind.wish_before(booking)):
        raise Conflict("What was sent is not what a request of this kind asks for. Load the page again.")
    if booking.state is BookingState.FAILED:
        refuse_again(session, booking)
    try:
        with session.begin_nested():
            booking.reason = check_reason(reason)
            kind.change(session, booking, wish)
            booking.changed_by = sorted({*(booking.changed_by or ()), actor.id or ""})
            session.flush()
            change_state(
                session,
                booking,
                to=BookingState.PENDING,
                expected=(BookingState.PENDING, BookingState.FAILED),
                event="changed",
                user_id=actor.id,
                text=booking.reason,
            )
    except IntegrityError:
        raise InvalidInput("name", "Somebody took the name a moment ago", "Choose another.") from None
    booking.failure = None
    _record(session, actor, "booking:changed", booking)
    plan_booking(session, booking, actor=actor)
    return booking


def _record(session: Session, actor: Actor, action: str, booking: Booking) -> None:
    record(
        session, actor, action, object_kind="booking", object_id=booking.id, object_name=title_for(booking),
        booking_kind=booking.kind, **subject_id_of(booking),
        parameters=booking.parameters, reason=booking.reason,
    )  # fmt: skip
