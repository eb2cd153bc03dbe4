"""What the requests about an application have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.applications.naming import MAIN_LOGIN
from webapp.bookings.models import Booking
from webapp.database import now


def application_variables(application: Application, *, with_added_logins: bool) -> dict[str, Any]:
    """Name and SIDs: a playbook recognises an application's logins by the SIDs that were drawn for them."""
    taken = {login.name: login.sid for login in application.logins if login.name_key == login.name.lower()}
    variables: dict[str, Any] = {
        "application_name": application.name,
        "application_owner_sid": application.owner_sid,
    }
    if MAIN_LOGIN in taken:
        variables["application_login_sid"] = taken.pop(MAIN_LOGIN)
    if taken and with_added_logins:
        variables["application_added_login_sids"] = taken
    return variables


def database_of(session: Session, booking: Booking) -> ApplicationDatabase:
    """The database that ``booking`` is about."""
    return session.get_one(ApplicationDatabase, booking.parameters["database_id"])


def login_of(session: Session, booking: Booking) -> ApplicationLogin:
    """The login that ``booking`` is about."""
    return session.get_one(ApplicationLogin, booking.parameters["login_id"])


def keep_password(booking: Booking, login: ApplicationLogin) -> None:
    """``login`` is there with the booking's password, which is kept until the customer has looked at it."""
    login.state = ApplicationState.DEPLOYED
    login.password, login.password_set_at, login.password_revealed_at = booking.secret, now(), None
