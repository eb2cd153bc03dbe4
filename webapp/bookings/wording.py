"""Bookings in words that a customer understands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from webapp.applications.models import Application, LoginRights
from webapp.bookings.models import Booking, BookingKind, BookingState
from webapp.bookings.parameters import gib_text, price_text

EVENTS = {
    "requested": "Requested",
    "planned": "Planned: the statements are ready to be looked at",
    "planned_again": "Sent to be planned again",
    "planning_failed": "Planning failed",
    "drifted": "The instance has changed since the plan was made: nothing was done, a new plan is made",
    "plan_expired": "The plan expired before it was approved",
    "approval_given": "One of several approvals was given",
    "approved": "Approved",
    "auto_approved": "Approved by policy",
    "rejected": "Rejected",
    "sent_back": "Sent back for a change",
    "changed": "Changed and sent again",
    "canceled": "Canceled",
    "running": "Being carried out",
    "resumed": "Went on after an interruption",
    "deployed": "Done",
    "failed": "Failed",
}
KINDS = {
    BookingKind.BOOK_APPLICATION: "Book an application",
    BookingKind.ADD_DATABASE: "Add a database",
    BookingKind.RESIZE_DATABASE: "Change a database's limit",
    BookingKind.ADD_LOGIN: "Add a login",
    BookingKind.RESET_LOGIN: "Reset a password",
    BookingKind.REMOVE_LOGIN: "Remove a login",
    BookingKind.DELETE_APPLICATION: "Delete an application",
}
RIGHTS = {
    LoginRights.READ_WRITE: "reads, writes, executes, and creates and changes tables",
    LoginRights.READ_ONLY: "reads, and changes nothing",
}
_NEXT = {
    BookingState.PENDING: "An approver looks at it",
    BookingState.APPROVED: "It waits for its turn, then it is carried out",
    BookingState.RUNNING: "Done; this page says so by itself",
}


@dataclass(frozen=True)
class Fact:
    """A line of what is asked for; ``is_name``: shown in monospace."""

    what: str
    value: str
    is_name: bool = False


def event_in_words(event: str) -> str:
    """What happened."""
    return EVENTS.get(event, event.replace("_", " ").capitalize())


def next_step(booking: Booking, *, is_sent_back: bool, has_plan: bool) -> str | None:
    """What happens next; None when nothing does."""
    if is_sent_back:
        return "You change it and send it again, or cancel it"
    if booking.state is BookingState.PENDING and not has_plan:
        return "The platform plans the statements that it needs"
    if booking.state is BookingState.FAILED:
        if booking.job_id is None:
            return "You change it and send it again, or support plans it again or closes it"
        return "Support looks at it and plans it again, or closes it"
    return _NEXT.get(booking.state)


def facts_of(booking: Booking) -> list[Fact]:
    """What is asked for, line by line."""
    asked, application = booking.parameters, booking.application
    facts = [Fact("Application", application.name, is_name=True)]
    if booking.kind in (BookingKind.BOOK_APPLICATION, BookingKind.ADD_DATABASE):
        facts += _database_facts(booking, asked)
    elif booking.kind is BookingKind.RESIZE_DATABASE:
        before = asked.get("data_limit_before_mib")
        limit = gib_text(asked["data_limit_mib"]) + (f" instead of {gib_text(before)}" if before else "")
        facts += [
            Fact("Database", f"{application.name}_{asked['database']}", is_name=True),
            Fact("Data limit", limit),
            Fact("Log limit", gib_text(asked["log_limit_mib"])),
            Fact("Price", price_text(application.pool, asked["data_limit_mib"])),
        ]
    elif booking.kind is BookingKind.DELETE_APPLICATION:
        facts.append(Fact("How", _deletion(asked)))
    else:
        facts.append(Fact("Login", f"{application.name}_{asked['login']}", is_name=True))
    if booking.kind is BookingKind.ADD_LOGIN:
        names = [f"{application.name}_{name}" for name in asked["databases"]]
        facts += [
            Fact("Rights", RIGHTS[LoginRights(asked["rights"])]),
            Fact("Databases", ", ".join(names) or "all of the application's"),
        ]
    return facts


def _database_facts(booking: Booking, asked: dict[str, Any]) -> list[Fact]:
    application = booking.application
    facts = [
        Fact("Database", f"{application.name}_{asked['database']}", is_name=True),
        Fact("Data limit", gib_text(asked["data_limit_mib"])),
        Fact("Log limit", gib_text(asked["log_limit_mib"])),
        _collation_fact(application, asked),
        Fact("Price", price_text(application.pool, asked["data_limit_mib"])),
    ]
    if booking.kind is BookingKind.BOOK_APPLICATION:
        facts.insert(1, Fact("Kind", f"stand-alone, pool {application.pool.name}"))
        facts.insert(2, Fact("Login", f"{application.name}_app", is_name=True))
    return facts


def _collation_fact(application: Application, asked: dict[str, Any]) -> Fact:
    if asked["collation"]:
        return Fact("Collation", asked["collation"], is_name=True)
    # The one that planning found where it goes.
    own = next((one.collation for one in application.databases if one.id == asked["database_id"]), None)
    return Fact("Collation", f"the instance's own: {own}" if own else "the instance's own")


def _deletion(asked: dict[str, Any]) -> str:
    if asked["purge"]:
        return "purged: databases and logins are dropped, nothing can be brought back"
    return "put out of reach: nobody can connect, the data is kept until it is purged"
