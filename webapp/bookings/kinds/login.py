"""Requests about one login of an application: add it, give it a new password, remove it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy.orm import Session

from webapp.applications.models import ApplicationLogin, ApplicationState, LoginRights
from webapp.applications.naming import (
    MAIN_LOGIN,
    check_login_name,
    draw_password,
    draw_sid,
    free_name,
    is_taken,
)
from webapp.applications.visibility import get_part
from webapp.audit.operations import Actor
from webapp.bookings.kinds.base import Fact
from webapp.bookings.kinds.on_application import (
    ApplicationRequest,
    application_of,
    application_variables,
    follow,
    keep_password,
    login_of,
)
from webapp.bookings.models import Booking
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.parameters import check_reason, is_login_known
from webapp.bookings.submitting import deployed_application, require_there, sent_before, submit
from webapp.bookings.wishes import LoginWish
from webapp.bookings.wording import RIGHTS
from webapp.database import new_id
from webapp.errors import Conflict, InvalidInput
from webapp.jobs.models import Job


class AddLogin(ApplicationRequest[LoginWish]):
    """One more login for an application."""

    name = "add_login"
    label = "Add a login"
    policy_words = "new logins"
    form = "login"
    is_alone = False
    changes_structure = True
    asks_for_space = False
    makes_database = False
    chooses_place = False
    reserves_names = True
    sets_password = True

    def title(self, booking: Booking) -> str:
        return f"Add login {booking.parameters['login']} to {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        application, asked = application_of(booking), booking.parameters
        names = [f"{application.name}_{name}" for name in asked["databases"]]
        return [
            *_login_facts(booking),
            Fact("Rights", RIGHTS[LoginRights(asked["rights"])]),
            Fact("Databases", ", ".join(names) or "all of the application's"),
        ]

    def variables(self, booking: Booking) -> dict[str, Any]:
        asked = booking.parameters
        return {
            **application_variables(application_of(booking), with_added_logins=True),
            "application_login_name": asked["login"],
            "application_login_rights": asked["rights"],
            "application_login_databases": asked["databases"],
        }

    def part_id(self, booking: Booking) -> str | None:
        return str(booking.parameters["login_id"])

    def wish_before(self, booking: Booking) -> LoginWish:
        asked = booking.parameters
        ids = {database.name: database.id for database in application_of(booking).databases}
        entered = tuple(ids[name] for name in asked["databases"] if name in ids)
        return LoginWish(asked["login"], LoginRights(asked["rights"]), entered)

    def change(self, session: Session, booking: Booking, wish: LoginWish) -> None:
        login = login_of(session, booking)
        name = check_login_name(wish.login, field="login")
        others = [other for other in login.application.logins if other.id != login.id and is_taken(other)]
        if any(other.name_key == name.lower() for other in others):
            raise InvalidInput("login", f"There is a login {name} already", "Choose another name.")
        names = _names_of(wish.database_ids, {one.id: one.name for one in login.application.databases})
        login.name, login.name_key, login.rights = name, name.lower(), wish.rights
        booking.parameters = _parameters(login, names)

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        keep_password(booking, login_of(session, booking))
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        free_name(login_of(session, booking), ApplicationState.RELEASED)


class ResetLogin(ApplicationRequest[None]):
    """A new password for a login."""

    name = "reset_login"
    label = "Reset a password"
    policy_words = "new passwords"
    form = "nothing"
    is_alone = False
    changes_structure = False
    asks_for_space = False
    makes_database = False
    chooses_place = False
    reserves_names = False
    sets_password = True

    def title(self, booking: Booking) -> str:
        return f"Reset the password of login {booking.parameters['login']} of {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        return _login_facts(booking)

    def variables(self, booking: Booking) -> dict[str, Any]:
        return _login_variables(booking)

    def part_id(self, booking: Booking) -> str | None:
        return str(booking.parameters["login_id"])

    def wish_before(self, booking: Booking) -> None:
        """There is nothing to choose."""

    def change(self, session: Session, booking: Booking, wish: None) -> None:
        """There is nothing to choose."""

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        keep_password(booking, login_of(session, booking))
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It reserved nothing."""


class RemoveLogin(ApplicationRequest[None]):
    """A login goes; the application's main one stays as long as the application."""

    name = "remove_login"
    label = "Remove a login"
    policy_words = "removals of logins"
    form = "nothing"
    is_alone = False
    changes_structure = True
    asks_for_space = False
    makes_database = False
    chooses_place = False
    reserves_names = False
    sets_password = False

    def title(self, booking: Booking) -> str:
        return f"Remove login {booking.parameters['login']} from {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        return _login_facts(booking)

    def variables(self, booking: Booking) -> dict[str, Any]:
        return _login_variables(booking)

    def part_id(self, booking: Booking) -> str | None:
        return str(booking.parameters["login_id"])

    def wish_before(self, booking: Booking) -> None:
        """There is nothing to choose."""

    def change(self, session: Session, booking: Booking, wish: None) -> None:
        """There is nothing to choose."""

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        login = login_of(session, booking)
        login.password = None
        free_name(login, ApplicationState.DELETED)
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It reserved nothing."""


def submit_login(
    session: Session,
    actor: Actor,
    application_id: str,
    wish: LoginWish,
    *,
    reason: str | None,
    token: str,
) -> Booking:
    """Add a login. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    application = deployed_application(session, actor, application_id)
    if sent := sent_before(session, actor, token):
        return sent
    name = check_login_name(wish.login, field="login")
    there = {one.id: one.name for one in application.databases if one.state is ApplicationState.DEPLOYED}
    names = _names_of(wish.database_ids, there)
    reason = check_reason(reason)
    taken = InvalidInput(
        "login", f"There is a login called {application.name}_{name} already", "Choose another name."
    )
    if any(is_taken(login) and login.name_key == name.lower() for login in application.logins):
        raise taken
    if is_login_known(session, f"{application.name}_{name}", but=application.id):
        raise taken
    refuse_while_open(session, application.id, AddLogin.name)
    login = ApplicationLogin(
        id=new_id(),
        application_id=application.id,
        name=name,
        name_key=name.lower(),
        rights=wish.rights,
        sid=draw_sid(),
    )
    return submit(
        session, actor, AddLogin.name, application, _parameters(login, names),
        reason=reason, token=token, secret=draw_password(), rows=[login], taken=taken,
    )  # fmt: skip


def submit_reset(
    session: Session, actor: Actor, application_id: str, login_id: str, *, reason: str | None, token: str
) -> Booking:
    """A new password for a login."""
    return _submit_about(session, actor, ResetLogin, application_id, login_id, reason=reason, token=token)


def submit_removal(
    session: Session, actor: Actor, application_id: str, login_id: str, *, reason: str | None, token: str
) -> Booking:
    """Remove a login; the application's main one stays as long as the application."""
    return _submit_about(session, actor, RemoveLogin, application_id, login_id, reason=reason, token=token)


def _submit_about(
    session: Session,
    actor: Actor,
    kind: type[ApplicationRequest],
    application_id: str,
    login_id: str,
    *,
    reason: str | None,
    token: str,
) -> Booking:
    application = deployed_application(session, actor, application_id)
    if sent := sent_before(session, actor, token):
        return sent
    login = get_part(session, ApplicationLogin, application, login_id)
    require_there(login)
    if kind is RemoveLogin and login.name_key == MAIN_LOGIN:
        raise Conflict(f"{login.full_name} belongs to the application and is removed with it only.")
    words = check_reason(reason)
    refuse_while_open(session, application.id, kind.name, part_id=login.id)
    parameters = {"login_id": login.id, "login": login.name}
    secret = draw_password() if kind.sets_password else None
    return submit(
        session, actor, kind.name, application, parameters, reason=words, token=token, secret=secret
    )


def _login_facts(booking: Booking) -> list[Fact]:
    name = application_of(booking).name
    return [
        Fact("Application", name, is_name=True),
        Fact("Login", f"{name}_{booking.parameters['login']}", is_name=True),
    ]


def _login_variables(booking: Booking) -> dict[str, Any]:
    return {
        **application_variables(application_of(booking), with_added_logins=True),
        "application_login_name": booking.parameters["login"],
    }


def _names_of(wanted: Collection[str], there: Mapping[str, str]) -> list[str]:
    """The names of the databases with these ids; none means all."""
    if any(database_id not in there for database_id in wanted):
        raise InvalidInput("databases", "One of the databases is not there (any more)", "Choose again.")
    return sorted({there[database_id] for database_id in wanted})


def _parameters(login: ApplicationLogin, databases: list[str]) -> dict[str, Any]:
    return {"login_id": login.id, "login": login.name, "rights": login.rights.value, "databases": databases}
