"""What the requests about an application have in common."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.measuring import measure
from webapp.applications.models import (
    APPLICATION,
    Application,
    ApplicationDatabase,
    ApplicationLogin,
    ApplicationState,
)
from webapp.applications.naming import MAIN_LOGIN
from webapp.audit.operations import PLATFORM
from webapp.bookings.kinds.base import RequestKind, Wish
from webapp.bookings.models import Booking
from webapp.database import now
from webapp.jobs.models import Job
from webapp.pools.inventory import customer_address
from webapp.pools.models import Instance, Pool
from webapp.signed_rows import Signed


class ApplicationRequest(RequestKind[Wish]):
    """A request about an application: its customer's, in its pool, on its instance, in its databases."""

    subject = APPLICATION

    def subject_name(self, booking: Booking) -> str:
        return application_of(booking).name

    def customer(self, booking: Booking) -> User | None:
        return application_of(booking).customer

    def pool(self, booking: Booking) -> Pool | None:
        return application_of(booking).pool

    def built_on(self, session: Session, booking: Booking) -> list[Signed]:
        application = application_of(booking)
        return [application, *application.databases, *application.logins]

    def instance_id(self, session: Session, booking: Booking) -> str | None:
        return application_of(booking).instance_id

    def database_prefix(self, booking: Booking) -> str | None:
        return f"{application_of(booking).name}_"


def application_of(booking: Booking) -> Application:
    """The application that ``booking`` is about. Raises :class:`LookupError` when it is about none."""
    if booking.application is None:
        raise LookupError(f"The request {booking.id} is about no application.")
    return booking.application


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


def follow(session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
    """Let the application's row follow what ``job`` did: where it is, and figures of its databases, soon."""
    application = application_of(booking)
    if connection := results.get("connection"):
        _connect(session, application, connection, otherwise=job.subject("instance"))
    if application.state is ApplicationState.DEPLOYED and application.instance_id is not None:
        measure(session, PLATFORM, application)


def _connect(
    session: Session, application: Application, connection: dict[str, Any], *, otherwise: str | None
) -> None:
    """Where it is, and how customers get there; ``otherwise``: the instance that the job was bound to."""
    instance = session.scalars(select(Instance).where(Instance.name == connection["instance"])).one_or_none()
    application.instance_id = instance.id if instance else otherwise
    # As the instance's signed row says, which is what the playbook was given.
    host, port = customer_address(instance) if instance else (connection["host"], connection["port"])
    application.connection = {
        "host": host,
        "port": port,
        "instance": connection["instance"],
        "login": f"{application.name}_{MAIN_LOGIN}",
        "databases": [
            database.full_name
            for database in application.databases
            if database.state is ApplicationState.DEPLOYED
        ],
    }
