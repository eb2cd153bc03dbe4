"""Requests about one database of an application: add it, give it another limit."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.applications.naming import free_name
from webapp.applications.visibility import get_part
from webapp.audit.operations import Actor
from webapp.bookings.capacity import log_limit_mib
from webapp.bookings.kinds.base import Fact
from webapp.bookings.kinds.on_application import (
    ApplicationRequest,
    application_of,
    application_variables,
    database_of,
    follow,
)
from webapp.bookings.models import Booking
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.parameters import (
    check_capacity,
    check_collation,
    check_new_database,
    check_reason,
    check_size,
    database_parameters,
    gib_text,
    price_text,
)
from webapp.bookings.submitting import deployed_application, require_there, sent_before, submit
from webapp.bookings.wishes import DatabaseWish, SizeWish
from webapp.database import new_id
from webapp.errors import InvalidInput
from webapp.jobs.models import Job


class AddDatabase(ApplicationRequest[DatabaseWish]):
    """One more database for an application."""

    name = "add_database"
    label = "Add a database"
    policy_words = "new databases"
    form = "database"
    is_alone = False
    changes_structure = True
    asks_for_space = True
    makes_database = True
    chooses_place = False
    reserves_names = True
    sets_password = False

    def title(self, booking: Booking) -> str:
        return f"Add database {booking.parameters['database']} to {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        return [Fact("Application", application_of(booking).name, is_name=True), *database_facts(booking)]

    def variables(self, booking: Booking) -> dict[str, Any]:
        return {
            **application_variables(application_of(booking), with_added_logins=False),
            "application_databases": [new_database_variable(booking.parameters)],
        }

    def part_id(self, booking: Booking) -> str | None:
        return str(booking.parameters["database_id"])

    def wish_before(self, booking: Booking) -> DatabaseWish:
        asked = booking.parameters
        return DatabaseWish(asked["database"], asked["data_limit_mib"], asked.get("collation"))

    def change(self, session: Session, booking: Booking, wish: DatabaseWish) -> None:
        database = database_of(session, booking)
        application = database.application
        pool = application.pool
        if wish.database.strip().lower() != database.name_key:
            name = check_new_database(session, application.name, wish.database)
            database.name, database.name_key = name, name.lower()
        data_mib = check_size(wish.data_limit_mib)
        check_capacity(session, pool, data_mib, application=application, besides=[database.id])
        database.data_limit_mib, database.log_limit_mib = data_mib, log_limit_mib(data_mib, pool)
        database.collation = check_collation(session, pool, wish.collation)
        booking.parameters = database_parameters(database)

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        database_of(session, booking).state = ApplicationState.DEPLOYED
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        free_name(database_of(session, booking), ApplicationState.RELEASED)


class ResizeDatabase(ApplicationRequest[SizeWish]):
    """Another limit for a database."""

    name = "resize_database"
    label = "Change a database's limit"
    policy_words = "other limits of databases"
    form = "size"
    is_alone = False
    changes_structure = False
    asks_for_space = True
    makes_database = False
    chooses_place = False
    reserves_names = False
    sets_password = False

    def title(self, booking: Booking) -> str:
        return f"Resize database {booking.parameters['database']} of {application_of(booking).name}"

    def facts(self, booking: Booking) -> list[Fact]:
        asked, application = booking.parameters, application_of(booking)
        before = asked.get("data_limit_before_mib")
        limit = gib_text(asked["data_limit_mib"]) + (f" instead of {gib_text(before)}" if before else "")
        return [
            Fact("Application", application.name, is_name=True),
            Fact("Database", f"{application.name}_{asked['database']}", is_name=True),
            Fact("Data limit", limit),
            Fact("Log limit", gib_text(asked["log_limit_mib"])),
            Fact("Price", price_text(application.pool, asked["data_limit_mib"])),
        ]

    def variables(self, booking: Booking) -> dict[str, Any]:
        return {
            **application_variables(application_of(booking), with_added_logins=False),
            "application_database": booking.parameters["database"],
            **_limits(booking.parameters, "application_"),
        }

    def part_id(self, booking: Booking) -> str | None:
        return str(booking.parameters["database_id"])

    def wish_before(self, booking: Booking) -> SizeWish:
        return SizeWish(booking.parameters["data_limit_mib"])

    def change(self, session: Session, booking: Booking, wish: SizeWish) -> None:
        booking.parameters = _resize_parameters(session, database_of(session, booking), wish)

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        """What the playbook says holds now; what was asked for where it said nothing."""
        database, asked = database_of(session, booking), booking.parameters
        resized = results.get("resized") or {}
        database.data_limit_mib = (
            resized.get("data_limit_mib") or asked.get("data_limit_mib") or database.data_limit_mib
        )
        database.log_limit_mib = (
            resized.get("log_limit_mib") or asked.get("log_limit_mib") or database.log_limit_mib
        )
        follow(session, booking, job, results)

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It reserved nothing."""


def submit_database(
    session: Session,
    actor: Actor,
    application_id: str,
    wish: DatabaseWish,
    *,
    reason: str | None,
    token: str,
) -> Booking:
    """Add a database. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    application = deployed_application(session, actor, application_id)
    if sent := sent_before(session, actor, token):
        return sent
    pool = application.pool
    name = check_new_database(session, application.name, wish.database)
    data_mib = check_size(wish.data_limit_mib)
    collation = check_collation(session, pool, wish.collation)
    check_capacity(session, pool, data_mib, application=application)
    reason = check_reason(reason)
    refuse_while_open(session, application.id, AddDatabase.name)
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
    return submit(
        session, actor, AddDatabase.name, application, database_parameters(database),
        reason=reason, token=token, rows=[database], taken=taken,
    )  # fmt: skip


def submit_resize(
    session: Session,
    actor: Actor,
    application_id: str,
    database_id: str,
    wish: SizeWish,
    *,
    reason: str | None,
    token: str,
) -> Booking:
    """Another limit for a database. Raises NotFound, NotAllowed, Conflict, InvalidInput."""
    application = deployed_application(session, actor, application_id)
    if sent := sent_before(session, actor, token):
        return sent
    database = get_part(session, ApplicationDatabase, application, database_id)
    require_there(database)
    parameters = _resize_parameters(session, database, wish)
    reason = check_reason(reason)
    refuse_while_open(session, application.id, ResizeDatabase.name, part_id=database.id)
    return submit(session, actor, ResizeDatabase.name, application, parameters, reason=reason, token=token)


def database_facts(booking: Booking) -> list[Fact]:
    """The lines of a request for a new database; the first names it."""
    asked, application = booking.parameters, application_of(booking)
    return [
        Fact("Database", f"{application.name}_{asked['database']}", is_name=True),
        Fact("Data limit", gib_text(asked["data_limit_mib"])),
        Fact("Log limit", gib_text(asked["log_limit_mib"])),
        _collation_fact(application, asked),
        Fact("Price", price_text(application.pool, asked["data_limit_mib"])),
    ]


def _collation_fact(application: Application, asked: dict[str, Any]) -> Fact:
    if asked["collation"]:
        return Fact("Collation", asked["collation"], is_name=True)
    # The one that planning found where it goes.
    own = next((one.collation for one in application.databases if one.id == asked["database_id"]), None)
    return Fact("Collation", f"the instance's own: {own}" if own else "the instance's own")


def new_database_variable(asked: dict[str, Any]) -> dict[str, Any]:
    """A new database as the playbooks take it."""
    database = {"name": asked["database"], **_limits(asked)}
    if asked.get("collation"):
        database["collation"] = asked["collation"]
    return database


def _limits(asked: dict[str, Any], prefix: str = "") -> dict[str, str]:
    return {
        f"{prefix}{limit}": f"{asked[f'{limit}_mib']}MiB"
        for limit in ("data_limit", "log_limit")
        if asked.get(f"{limit}_mib")
    }


def _resize_parameters(session: Session, database: ApplicationDatabase, wish: SizeWish) -> dict[str, Any]:
    """What a request of another limit asks for. The log's limit grows along and never shrinks."""
    pool = database.application.pool
    data_mib = check_size(wish.data_limit_mib)
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
    check_capacity(session, pool, data_mib, application=database.application, before=database)
    return {
        "database_id": database.id,
        "database": database.name,
        "data_limit_mib": data_mib,
        "log_limit_mib": log_mib,
        "data_limit_before_mib": database.data_limit_mib,
    }
