"""What happens to a booking before it is carried out: canceled, changed and sent again, planned again."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin
from webapp.applications.naming import check_login_name, is_taken
from webapp.applications.visibility import may_change, require_change
from webapp.audit.operations import Actor, record
from webapp.bookings.history import change_state
from webapp.bookings.models import Booking, BookingKind, BookingState
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.operations import resize_parameters
from webapp.bookings.outcome import booking_ended_unbuilt
from webapp.bookings.parameters import (
    application_wish,
    check_collation,
    check_new_database,
    check_reason,
    check_rights,
    check_room,
    check_size,
    database_parameters,
)
from webapp.bookings.planning import plan_booking, withdraw_plans
from webapp.bookings.room import log_limit_mib
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import acting_user, get_booking
from webapp.errors import Conflict, InvalidInput, NotAllowed


def may_cancel(user: User, booking: Booking) -> bool:
    """Whether ``user`` may take ``booking`` back now.

    A booking that failed while it ran may have left something on the instance: only an operator closes it.
    """
    if not may_change(user, booking.application):
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
    require_change(user, booking.application)
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
    refuse_while_open(session, booking.application, booking.kind, part_id=_part_id(booking), but=booking)
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


def change(
    session: Session,
    actor: Actor,
    booking_id: str,
    typed: Mapping[str, str],
    *,
    databases: list[str] | None = None,
) -> Booking:
    """Ask for something else, where :func:`can_be_changed` says so, and have it planned anew.

    ``typed`` and ``databases``: as for the operation that submitted it. Raises InvalidInput and Conflict.
    """
    user = acting_user(session, actor)
    booking = get_booking(session, user, booking_id)
    require_change(user, booking.application)
    if not can_be_changed(booking):
        raise Conflict("Nobody has sent this request back, so it cannot be changed. Load the page again.")
    if booking.state is BookingState.FAILED:
        refuse_while_open(session, booking.application, booking.kind, part_id=_part_id(booking), but=booking)
    try:
        with session.begin_nested():
            booking.reason = check_reason(typed.get("reason", ""))
            _ask_for(session, booking, typed, databases)
            session.flush()
            change_state(
                session,
                booking,
                to=BookingState.PENDING,
                expected=(BookingState.PENDING, BookingState.FAILED),
                event="changed",
                user_id=user.id,
                text=booking.reason,
            )
    except IntegrityError:
        raise InvalidInput("name", "Somebody took the name a moment ago", "Choose another.") from None
    booking.failure = None
    _record(session, actor, "booking:changed", booking)
    plan_booking(session, booking, actor=actor)
    return booking


def _ask_for(
    session: Session, booking: Booking, typed: Mapping[str, str], databases: list[str] | None
) -> None:
    """Put what is typed into the booking and into what it reserves."""
    application, asked = booking.application, booking.parameters
    match booking.kind:
        case BookingKind.BOOK_APPLICATION:
            _rebook(session, booking, application, typed)
        case BookingKind.ADD_DATABASE:
            database = session.get_one(ApplicationDatabase, asked["database_id"])
            _change_database(session, database, typed)
            booking.parameters = database_parameters(database)
        case BookingKind.RESIZE_DATABASE:
            database = session.get_one(ApplicationDatabase, asked["database_id"])
            booking.parameters = resize_parameters(session, database, typed)
        case BookingKind.ADD_LOGIN:
            login = session.get_one(ApplicationLogin, asked["login_id"])
            _change_login(booking, login, typed, databases or [])


def _rebook(session: Session, booking: Booking, application: Application, typed: Mapping[str, str]) -> None:
    wish = application_wish(session, typed, own=application)
    database = session.get_one(ApplicationDatabase, booking.parameters["database_id"])
    application.name, application.name_key = wish.name, wish.name.lower()
    application.pool_id, application.instance_id = wish.pool.id, None
    database.name, database.name_key = wish.database, wish.database.lower()
    database.data_limit_mib, database.log_limit_mib = wish.data_limit_mib, wish.log_limit_mib
    database.collation = wish.collation
    booking.parameters = database_parameters(database, login_id=booking.parameters["login_id"])


def _change_database(session: Session, database: ApplicationDatabase, typed: Mapping[str, str]) -> None:
    application = database.application
    pool = application.pool
    name = typed.get("database", "")
    if name.strip().lower() != database.name_key:
        name = check_new_database(session, application.name, name)
        database.name, database.name_key = name, name.lower()
    data_mib = check_size(typed.get("size_gib", ""))
    check_room(session, pool, data_mib, application=application, besides=[database.id])
    database.data_limit_mib, database.log_limit_mib = data_mib, log_limit_mib(data_mib, pool)
    database.collation = check_collation(session, pool, typed.get("collation", ""))


def _change_login(
    booking: Booking, login: ApplicationLogin, typed: Mapping[str, str], databases: list[str]
) -> None:
    name = check_login_name(typed.get("login", ""), field="login")
    others = [other for other in login.application.logins if other.id != login.id and is_taken(other)]
    if any(other.name_key == name.lower() for other in others):
        raise InvalidInput("login", f"There is a login {name} already", "Choose another name.")
    rights = check_rights(typed.get("rights", ""))
    names = {database.id: database.name for database in login.application.databases}
    if any(database_id not in names for database_id in databases):
        raise InvalidInput("databases", "One of the databases is not there (any more)", "Choose again.")
    login.name, login.name_key, login.rights = name, name.lower(), rights
    booking.parameters = {
        "login_id": login.id,
        "login": name,
        "rights": rights.value,
        "databases": sorted({names[database_id] for database_id in databases}),
    }


def _part_id(booking: Booking) -> str | None:
    return booking.parameters.get("database_id") or booking.parameters.get("login_id")


def _record(session: Session, actor: Actor, action: str, booking: Booking) -> None:
    record(
        session, actor, action, object_kind="booking", object_id=booking.id, object_name=title_for(booking),
        booking_kind=booking.kind.value, application_id=booking.application_id,
        parameters=booking.parameters, reason=booking.reason,
    )  # fmt: skip
