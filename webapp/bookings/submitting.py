"""How a request is written down and planned at once; each of ``kinds/`` says what it asks for.

Every ``submit_…`` of theirs takes the form's ``token``: the same form sent twice gives the same booking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.applications.visibility import get_application, require_change
from webapp.audit.operations import Actor, record
from webapp.audit.proof import newest_number
from webapp.bookings.history import note
from webapp.bookings.kinds.registry import kind_named
from webapp.bookings.models import Booking
from webapp.bookings.planning import plan_booking, subject_id_of
from webapp.bookings.variables import title_for
from webapp.bookings.visibility import acting_user
from webapp.database import WithId, new_id
from webapp.errors import Conflict, InvalidInput
from webapp.signed_rows import require_intact


def deployed_application(session: Session, actor: Actor, application_id: str) -> Application:
    """The application, locked, when the user may change it and it is there to be changed."""
    user = acting_user(session, actor)
    application = get_application(session, user, application_id)
    require_change(user, application)
    lock(session, application)
    require_intact(application)
    if application.state is not ApplicationState.DEPLOYED:
        raise Conflict(
            f"{application.name} is {application.state.value}; only a deployed application can be changed."
        )
    return application


def lock(session: Session, application: Application) -> None:
    """Let nobody else ask for changes until this transaction ends, so that only one of two gets through."""
    session.refresh(application, with_for_update=True)


def require_there(part: ApplicationDatabase | ApplicationLogin) -> None:
    """Raise :class:`Conflict` unless ``part`` is there to be changed, as the platform wrote it."""
    require_intact(part)
    if part.state is not ApplicationState.DEPLOYED:
        raise Conflict(f"{part.full_name} is {part.state.value}; only what is deployed can be changed.")


def booking_with_token(session: Session, token: str) -> Booking | None:
    """The booking that came of the form with ``token``."""
    return session.scalars(select(Booking).where(Booking.token == token)).one_or_none()


def sent_before(session: Session, actor: Actor, token: str) -> Booking | None:
    """The booking when this form was sent before, as by a double click."""
    if not 1 <= len(token) <= 64 or "\x00" in token:
        raise InvalidInput("form", "The form is incomplete", "Load the page again.")
    sent = booking_with_token(session, token)
    if sent is not None and sent.requester_id != actor.id:
        raise InvalidInput("form", "The form belongs to somebody else", "Load the page again.")
    return sent


def submit(
    session: Session,
    actor: Actor,
    kind: str,
    subject: WithId,
    parameters: dict[str, Any],
    *,
    reason: str | None,
    token: str,
    secret: str | None = None,
    rows: Sequence[Any] = (),
    taken: InvalidInput | None = None,
) -> Booking:
    """Write the booking about ``subject`` and the ``rows`` it reserves down, and have it planned.

    Raises ``taken`` when somebody was faster. The twin's booking when the same form won the race.
    """
    booking = Booking(
        id=new_id(),
        kind=kind,
        subject_kind=kind_named(kind).subject,
        subject_id=subject.id,
        requester_id=actor.id,
        parameters=parameters,
        token=token,
        secret=secret,
        reason=reason,
        asked_after=newest_number(session),
    )
    lost = taken or Conflict("The same form was sent twice at once. Load the page again.")
    try:
        with session.begin_nested():
            session.add_all([*rows, booking])
            session.flush()
            session.expire(subject)  # its parts hold the new rows now
    except IntegrityError:
        if twin := sent_before(session, actor, token):
            return twin
        raise lost from None
    note(session, booking, "requested", user_id=actor.id, text=reason)
    record(
        session, actor, "booking:requested", object_kind="booking", object_id=booking.id,
        object_name=title_for(booking), booking_kind=kind, **subject_id_of(booking), parameters=parameters,
        reason=reason,
    )  # fmt: skip
    plan_booking(session, booking, actor=actor)
    return booking
