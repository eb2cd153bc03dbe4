"""What customers do: book, change, cancel. Each booking is planned at once; see approvals/planning.py.

Every ``submit_…`` takes the form's ``token``: the same form sent twice gives the same booking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.applications.models import (
    Application,
    ApplicationDatabase,
    ApplicationLogin,
    ApplicationState,
    LoginRights,
)
from webapp.applications.naming import (
    MAIN_LOGIN,
    check_login_name,
    draw_password,
    draw_sid,
    is_taken,
)
from webapp.applications.visibility import get_application, get_part, require_change
from webapp.audit.operations import Actor, record
from webapp.bookings.history import note
from webapp.bookings.models import Booking, BookingKind
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.parameters import (
    application_wish,
    check_collation,
    check_new_database,
    check_reason,
    check_rights,
    check_room,
    check_size,
    database_parameters,
    gib_text,
    is_login_known,
)
from webapp.bookings.planning import plan_booking
from webapp.bookings.room import log_limit_mib
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import acting_user
from webapp.database import new_id, now
from webapp.errors import Conflict, InvalidInput, NotAllowed


def submit_application(session: Session, actor: Actor, typed: Mapping[str, str], *, token: str) -> Booking:
    """Book an application with its first database. ``typed``: the wizard's fields, checked here.

    Raises InvalidInput, also when somebody else took the name a moment ago.
    """
    user = acting_user(session, actor)
    if not (user.is_operator or not user.is_staff):
        raise NotAllowed
    if sent := _sent_before(session, actor, token):
        return sent
    wish = application_wish(session, typed)
    reason = check_reason(typed.get("reason", ""))
    application = Application(
        id=new_id(),
        name=wish.name,
        name_key=wish.name.lower(),
        customer_id=user.id,
        pool_id=wish.pool.id,
        owner_sid=draw_sid(),
    )
    database = ApplicationDatabase(
        id=new_id(),
        application_id=application.id,
        name=wish.database,
        name_key=wish.database.lower(),
        data_limit_mib=wish.data_limit_mib,
        log_limit_mib=wish.log_limit_mib,
        collation=wish.collation,
    )
    login = ApplicationLogin(
        id=new_id(),
        application_id=application.id,
        name=MAIN_LOGIN,
        name_key=MAIN_LOGIN,
        rights=LoginRights.READ_WRITE,
        sid=draw_sid(),
    )
    taken = InvalidInput("name", f"Somebody booked the name {wish.name} a moment ago", "Choose another.")
    parameters = database_parameters(database, login_id=login.id)
    return _submit(
        session, actor, BookingKind.BOOK_APPLICATION, application, parameters,
        reason=reason, token=token, secret=draw_password(), rows=[application, database, login], taken=taken,
    )  # fmt: skip


def submit_database(
    session: Session, actor: Actor, application_id: str, typed: Mapping[str, str], *, token: str
) -> Booking:
    """Add a database. ``typed``: database, size_gib, collation, reason."""
    application = _deployed(session, actor, application_id)
    if sent := _sent_before(session, actor, token):
        return sent
    pool = application.pool
    name = check_new_database(session, application.name, typed.get("database", ""))
    data_mib = check_size(typed.get("size_gib", ""))
    collation = check_collation(session, pool, typed.get("collation", ""))
    check_room(session, pool, data_mib, application=application)
    reason = check_reason(typed.get("reason", ""))
    refuse_while_open(session, application, BookingKind.ADD_DATABASE)
    database = ApplicationDatabase(
        id=new_id(),
        application_id=application.id,
        name=name,
        name_key=name.lower(),
        data_limit_mib=data_mib,
        log_limit_mib=log_limit_mib(data_mib, pool),
        collation=collation,
    )
    taken = InvalidInput(
        "database", f"{application.name}_{name} was added a moment ago", "Choose another name."
    )
    return _submit(
        session, actor, BookingKind.ADD_DATABASE, application, database_parameters(database),
        reason=reason, token=token, rows=[database], taken=taken,
    )  # fmt: skip


def submit_resize(
    session: Session,
    actor: Actor,
    application_id: str,
    database_id: str,
    typed: Mapping[str, str],
    *,
    token: str,
) -> Booking:
    """Another limit for a database. ``typed``: size_gib (the new data limit), reason."""
    application = _deployed(session, actor, application_id)
    if sent := _sent_before(session, actor, token):
        return sent
    database = get_part(session, ApplicationDatabase, application, database_id)
    _require_there(database)
    parameters = resize_parameters(session, database, typed)
    reason = check_reason(typed.get("reason", ""))
    refuse_while_open(session, application, BookingKind.RESIZE_DATABASE, part_id=database.id)
    return _submit(
        session, actor, BookingKind.RESIZE_DATABASE, application, parameters, reason=reason, token=token
    )


def resize_parameters(
    session: Session, database: ApplicationDatabase, typed: Mapping[str, str]
) -> dict[str, Any]:
    """What a booking of another limit asks for. The log's limit grows along and never shrinks."""
    pool = database.application.pool
    data_mib = check_size(typed.get("size_gib", ""))
    log_mib = max(database.log_limit_mib, log_limit_mib(data_mib, pool))
    if data_mib == database.data_limit_mib:
        raise InvalidInput(
            "size_gib", f"{database.full_name} has {gib_text(data_mib)} already", "Type another size."
        )
    if database.data_allocated_mib is not None and data_mib < database.data_allocated_mib:
        raise InvalidInput(
            "size_gib",
            f"The files of {database.full_name} have {gib_text(database.data_allocated_mib)} already",
            "Ask for more than that.",
        )
    check_room(session, pool, data_mib, application=database.application, before=database)
    return {
        "database_id": database.id,
        "database": database.name,
        "data_limit_mib": data_mib,
        "log_limit_mib": log_mib,
        "data_limit_before_mib": database.data_limit_mib,
    }


def submit_login(
    session: Session,
    actor: Actor,
    application_id: str,
    typed: Mapping[str, str],
    *,
    databases: list[str],
    token: str,
) -> Booking:
    """Add a login. ``typed``: login, rights, reason; ``databases``: ids of those it enters, empty for all."""
    application = _deployed(session, actor, application_id)
    if sent := _sent_before(session, actor, token):
        return sent
    name = check_login_name(typed.get("login", ""), field="login")
    rights = check_rights(typed.get("rights", ""))
    names = _entered(application, databases)
    reason = check_reason(typed.get("reason", ""))
    taken = InvalidInput(
        "login", f"There is a login called {application.name}_{name} already", "Choose another name."
    )
    if any(is_taken(login) and login.name_key == name.lower() for login in application.logins):
        raise taken
    if is_login_known(session, f"{application.name}_{name}", but=application.id):
        raise taken
    refuse_while_open(session, application, BookingKind.ADD_LOGIN)
    login = ApplicationLogin(
        id=new_id(),
        application_id=application.id,
        name=name,
        name_key=name.lower(),
        rights=rights,
        sid=draw_sid(),
    )
    parameters = {"login_id": login.id, "login": name, "rights": rights.value, "databases": names}
    return _submit(
        session, actor, BookingKind.ADD_LOGIN, application, parameters,
        reason=reason, token=token, secret=draw_password(), rows=[login], taken=taken,
    )  # fmt: skip


def submit_reset(
    session: Session, actor: Actor, application_id: str, login_id: str, *, reason: str, token: str
) -> Booking:
    """A new password for a login."""
    return _about_login(
        session, actor, BookingKind.RESET_LOGIN, application_id, login_id, reason=reason, token=token
    )


def submit_removal(
    session: Session, actor: Actor, application_id: str, login_id: str, *, reason: str, token: str
) -> Booking:
    """Remove a login; the application's main one stays as long as the application."""
    return _about_login(
        session, actor, BookingKind.REMOVE_LOGIN, application_id, login_id, reason=reason, token=token
    )


def submit_deletion(
    session: Session,
    actor: Actor,
    application_id: str,
    typed: Mapping[str, str],
    *,
    purge: bool,
    token: str,
) -> Booking:
    """Take the application out of reach, or, for operators, off the disk. ``typed``: confirm, reason."""
    user = acting_user(session, actor)
    application = get_application(session, user, application_id)
    require_change(user, application)
    if purge and not user.is_operator:
        raise NotAllowed("Only an operator purges an application.")
    if sent := _sent_before(session, actor, token):
        return sent
    _lock(session, application)
    is_there = application.state is ApplicationState.DEPLOYED
    is_kept = application.state is ApplicationState.DELETED and is_taken(application)
    if not (is_there or (purge and is_kept)):
        raise Conflict(f"{application.name} is {application.state.value}: there is nothing to delete.")
    if typed.get("confirm", "").strip() != application.name:
        raise InvalidInput(
            "confirm", "This is not the application's name", f"Type {application.name} to confirm."
        )
    reason = check_reason(typed.get("reason", ""))
    refuse_while_open(session, application, BookingKind.DELETE_APPLICATION)
    parameters = {"purge": purge, "deletion_date": now().strftime("%Y%m%d")}
    return _submit(
        session, actor, BookingKind.DELETE_APPLICATION, application, parameters, reason=reason, token=token
    )


def _about_login(
    session: Session,
    actor: Actor,
    kind: BookingKind,
    application_id: str,
    login_id: str,
    *,
    reason: str,
    token: str,
) -> Booking:
    application = _deployed(session, actor, application_id)
    if sent := _sent_before(session, actor, token):
        return sent
    login = get_part(session, ApplicationLogin, application, login_id)
    _require_there(login)
    if kind is BookingKind.REMOVE_LOGIN and login.name_key == MAIN_LOGIN:
        raise Conflict(f"{login.full_name} belongs to the application and is removed with it only.")
    words = check_reason(reason)
    refuse_while_open(session, application, kind, part_id=login.id)
    parameters = {"login_id": login.id, "login": login.name}
    secret = draw_password() if kind is BookingKind.RESET_LOGIN else None
    return _submit(session, actor, kind, application, parameters, reason=words, token=token, secret=secret)


def _entered(application: Application, wanted: list[str]) -> list[str]:
    """The names of the databases with these ids; none means all."""
    there = {
        database.id: database.name
        for database in application.databases
        if database.state is ApplicationState.DEPLOYED
    }
    if any(database_id not in there for database_id in wanted):
        raise InvalidInput("databases", "One of the databases is not there (any more)", "Choose again.")
    return sorted({there[database_id] for database_id in wanted})


def _deployed(session: Session, actor: Actor, application_id: str) -> Application:
    """The application, locked, when the user may change it and it is there to be changed."""
    user = acting_user(session, actor)
    application = get_application(session, user, application_id)
    require_change(user, application)
    _lock(session, application)
    if application.state is not ApplicationState.DEPLOYED:
        raise Conflict(
            f"{application.name} is {application.state.value}; only a deployed application can be changed."
        )
    return application


def _lock(session: Session, application: Application) -> None:
    """Let nobody else ask for changes until this transaction ends, so that only one of two gets through."""
    session.refresh(application, with_for_update=True)


def _require_there(part: ApplicationDatabase | ApplicationLogin) -> None:
    if part.state is not ApplicationState.DEPLOYED:
        raise Conflict(f"{part.full_name} is {part.state.value}; only what is deployed can be changed.")


def booking_with_token(session: Session, token: str) -> Booking | None:
    """The booking that came of the form with ``token``."""
    return session.scalars(select(Booking).where(Booking.token == token)).one_or_none()


def _sent_before(session: Session, actor: Actor, token: str) -> Booking | None:
    """The booking when this form was sent before, as by a double click."""
    if not 1 <= len(token) <= 64 or "\x00" in token:
        raise InvalidInput("form", "The form is incomplete", "Load the page again.")
    sent = booking_with_token(session, token)
    if sent is not None and sent.requester_id != actor.id:
        raise InvalidInput("form", "The form belongs to somebody else", "Load the page again.")
    return sent


def _submit(
    session: Session,
    actor: Actor,
    kind: BookingKind,
    application: Application,
    parameters: dict[str, Any],
    *,
    reason: str | None,
    token: str,
    secret: str | None = None,
    rows: Sequence[Any] = (),
    taken: InvalidInput | None = None,
) -> Booking:
    """Write the booking and the ``rows`` it reserves down, and have it planned.

    Raises ``taken`` when somebody was faster. The twin's booking when the same form won the race.
    """
    booking = Booking(
        id=new_id(),
        kind=kind,
        application=application,
        requester_id=actor.id,
        parameters=parameters,
        token=token,
        secret=secret,
        reason=reason,
    )
    lost = taken or Conflict("The same form was sent twice at once. Load the page again.")
    try:
        with session.begin_nested():
            session.add_all([*rows, booking])
            session.flush()
            session.expire(application, ["databases", "logins"])  # they hold the new rows now
    except IntegrityError:
        if twin := _sent_before(session, actor, token):
            return twin
        raise lost from None
    note(session, booking, "requested", user_id=actor.id, text=reason)
    record(
        session, actor, "booking:requested", object_kind="booking", object_id=booking.id,
        object_name=title_for(booking), booking_kind=kind.value, application_id=application.id,
        parameters=parameters, reason=reason,
    )  # fmt: skip
    plan_booking(session, booking, actor=actor)
    return booking
