"""Requests about a whole application: book it, delete it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.applications.models import (
    Application,
    ApplicationDatabase,
    ApplicationLogin,
    ApplicationState,
    LoginRights,
)
from webapp.applications.naming import MAIN_LOGIN, draw_password, draw_sid, free_name, is_taken
from webapp.applications.visibility import get_application, require_change
from webapp.audit.operations import Actor
from webapp.bookings.kinds.base import Fact
from webapp.bookings.kinds.database import database_facts, new_database_variable
from webapp.bookings.kinds.on_application import (
    ApplicationRequest,
    application_of,
    application_variables,
    database_of,
    follow,
    keep_password,
    login_of,
)
from webapp.bookings.models import Booking
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.parameters import check_application, check_reason, database_parameters
from webapp.bookings.planning import instance_begun_on
from webapp.bookings.submitting import lock, sent_before, submit
from webapp.bookings.visibility import acting_user
from webapp.bookings.wishes import ApplicationWish
from webapp.database import new_id, now
from webapp.errors import Conflict, InvalidInput, NotAllowed
from webapp.jobs.models import Job
from webapp.signed_rows import require_intact


class BookApplication(ApplicationRequest[ApplicationWish]):
    """A new application with its first database and its login."""

    name = "book_application"
    label = "Book an application"
    policy_words = "bookings of applications"
    form = "application"
    is_alone = True
    changes_structure = False
    asks_for_space = True
    makes_database = True
    chooses_place = True
    reserves_names = True
    sets_password = True

    def title(self, booking: Booking) -> str:
        return f"Book {application_of(booking).name} on {application_of(booking).pool.name}"

    def facts(self, booking: Booking) -> list[Fact]:
        application = application_of(booking)
        first, *more = database_facts(booking)
        return [
            Fact("Application", application.name, is_name=True),
            first,
            Fact("Kind", f"stand-alone, pool {application.pool.name}"),
            Fact("Login", f"{application.name}_{MAIN_LOGIN}", is_name=True),
            *more,
        ]

    def variables(self, booking: Booking) -> dict[str, Any]:
        return {
            **application_variables(application_of(booking), with_added_logins=False),
            "application_databases": [new_database_variable(booking.parameters)],
        }

    def part_id(self, booking: Booking) -> str | None:
        return None

    def wish_before(self, booking: Booking) -> ApplicationWish:
        application, asked = application_of(booking), booking.parameters
        return ApplicationWish(
            application.name, application.pool.kind, application.pool_id,
            asked["database"], asked["data_limit_mib"], asked.get("collation"),
        )  # fmt: skip

    def change(self, session: Session, booking: Booking, wish: ApplicationWish) -> None:
        application = application_of(booking)
        checked = check_application(session, wish, own=application)
        database = database_of(session, booking)
        application.name, application.name_key = checked.name, checked.name.lower()
        application.pool_id, application.instance_id = checked.pool.id, None
        database.name, database.name_key = checked.database, checked.database.lower()
        database.data_limit_mib, database.log_limit_mib = checked.data_limit_mib, checked.log_limit_mib
        database.collation = checked.collation
        booking.parameters = database_parameters(database, login_id=booking.parameters["login_id"])

    def instance_id(self, session: Session, booking: Booking) -> str | None:
        """Where a run before changed something: it goes on there. The pool's fittest one otherwise."""
        application = application_of(booking)
        if application.state is ApplicationState.DEPLOYED:
            return application.instance_id
        return instance_begun_on(session, booking)

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        application = application_of(booking)
        application.state, application.deployed_at = ApplicationState.DEPLOYED, now()
        database_of(session, booking).state = ApplicationState.DEPLOYED
        keep_password(booking, login_of(session, booking))
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        for row in _rows_of(application_of(booking)):
            if row.state is ApplicationState.RESERVED:
                free_name(row, ApplicationState.RELEASED)


class DeleteApplication(ApplicationRequest[None]):
    """Take an application out of reach, or purge it: drop it with its data."""

    name = "delete_application"
    label = "Delete an application"
    policy_words = "deletions of applications"
    form = "nothing"
    is_alone = True
    changes_structure = False
    asks_for_space = False
    makes_database = False
    chooses_place = False
    reserves_names = False
    sets_password = False

    def title(self, booking: Booking) -> str:
        return f"{'Purge' if booking.parameters.get('purge') else 'Delete'} {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        how = (
            "purged: databases and logins are dropped, nothing can be brought back"
            if booking.parameters["purge"]
            else "put out of reach: nobody can connect, the data is kept until it is purged"
        )
        return [Fact("Application", application_of(booking).name, is_name=True), Fact("How", how)]

    def variables(self, booking: Booking) -> dict[str, Any]:
        return {
            **application_variables(application_of(booking), with_added_logins=True),
            "application_purge": booking.parameters["purge"],
            "application_deletion_date": booking.parameters["deletion_date"],
        }

    def part_id(self, booking: Booking) -> str | None:
        return None

    def wish_before(self, booking: Booking) -> None:
        """There is nothing to choose."""

    def change(self, session: Session, booking: Booking, wish: None) -> None:
        """There is nothing to choose."""

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        """Out of reach: the names stay taken until all is purged, because it is still on the instance."""
        application, deleted = application_of(booking), ApplicationState.DELETED
        for row in _rows_of(application):
            if not is_taken(row):
                continue
            if booking.parameters["purge"]:
                free_name(row, deleted)
            row.state = deleted
        for login in application.logins:
            login.password = None
        application.deleted_at = application.deleted_at or now()
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It reserved nothing."""


def submit_application(
    session: Session, actor: Actor, wish: ApplicationWish, *, reason: str | None, token: str
) -> Booking:
    """Book an application with its first database.

    Raises NotAllowed, InvalidInput, also when somebody else took the name a moment ago.
    """
    user = acting_user(session, actor)
    if not (user.is_operator or not user.is_staff):
        raise NotAllowed
    if sent := sent_before(session, actor, token):
        return sent
    checked = check_application(session, wish)
    reason = check_reason(reason)
    application = Application(
        id=new_id(),
        name=checked.name,
        name_key=checked.name.lower(),
        customer_id=user.id,
        pool_id=checked.pool.id,
        owner_sid=draw_sid(),
    )
    database = ApplicationDatabase(
        id=new_id(),
        application_id=application.id,
        name=checked.database,
        name_key=checked.database.lower(),
        data_limit_mib=checked.data_limit_mib,
        log_limit_mib=checked.log_limit_mib,
        collation=checked.collation,
    )
    login = ApplicationLogin(
        id=new_id(),
        application_id=application.id,
        name=MAIN_LOGIN,
        name_key=MAIN_LOGIN,
        rights=LoginRights.READ_WRITE,
        sid=draw_sid(),
    )
    taken = InvalidInput("name", f"Somebody booked the name {checked.name} a moment ago", "Choose another.")
    parameters = database_parameters(database, login_id=login.id)
    return submit(
        session, actor, BookApplication.name, application, parameters,
        reason=reason, token=token, secret=draw_password(), rows=[application, database, login], taken=taken,
    )  # fmt: skip


def submit_deletion(
    session: Session,
    actor: Actor,
    application_id: str,
    *,
    purge: bool,
    confirm: str,
    reason: str | None,
    token: str,
) -> Booking:
    """Take the application out of reach, or, for operators, off the disk (``purge``).

    ``confirm``: the application's name, said once more. Raises NotFound, NotAllowed, Conflict, InvalidInput.
    """
    user = acting_user(session, actor)
    application = get_application(session, user, application_id)
    require_change(user, application)
    if purge and not user.is_operator:
        raise NotAllowed("Only an operator purges an application.")
    if sent := sent_before(session, actor, token):
        return sent
    lock(session, application)
    require_intact(application)
    is_there = application.state is ApplicationState.DEPLOYED
    is_kept = application.state is ApplicationState.DELETED and is_taken(application)
    if not (is_there or (purge and is_kept)):
        raise Conflict(f"{application.name} is {application.state.value}: there is nothing to delete.")
    if confirm.strip() != application.name:
        raise InvalidInput(
            "confirm", "This is not the application's name", f"Type {application.name} to confirm."
        )
    reason = check_reason(reason)
    refuse_while_open(session, application.id, DeleteApplication.name)
    parameters = {"purge": purge, "deletion_date": now().strftime("%Y%m%d")}
    return submit(session, actor, DeleteApplication.name, application, parameters, reason=reason, token=token)


def _rows_of(
    application: Application,
) -> list[Application | ApplicationDatabase | ApplicationLogin]:
    return [*application.databases, *application.logins, application]
