"""Bookings in words that a customer understands. Pure."""

from __future__ import annotations

from webapp.applications.models import LoginRights
from webapp.bookings.kinds.base import Fact
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking, BookingState

EVENTS = {
    "requested": "Requested",
    "planned": "Planned: the statements are ready to be looked at",
    "planned_again": "Sent to be planned again",
    "planning_failed": "Planning failed",
    "drifted": "The instance has changed since the plan was made: a new plan is made",
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
RIGHTS = {
    LoginRights.READ_WRITE: "reads, writes, executes, and creates and changes tables",
    LoginRights.READ_ONLY: "reads, and changes nothing",
}
_NEXT = {
    BookingState.PENDING: "An approver looks at it",
    BookingState.APPROVED: "It waits for its turn, then it is carried out",
    BookingState.RUNNING: "Done; this page says so by itself",
}


def event_in_words(event: str) -> str:
    """What happened."""
    return EVENTS.get(event, event.replace("_", " ").capitalize())


def staff_failure(booking: Booking, *, planning: str | None, applying: str | None, sent: int) -> str:
    """Why ``booking`` failed, for who has to mend it: as its plan's job said, or that which applied it.

    ``sent``: how many changing statements the latter had sent.
    """
    if planning or not applying:
        return planning or booking.failure or "It can be planned again."
    statements = "1 changing statement" if sent == 1 else f"{sent} changing statements"
    return f"{applying}\n{f'Its job had sent {statements} by then.' if sent else ''}".strip()


def next_step(booking: Booking, *, is_sent_back: bool, has_plan: bool, is_operator: bool) -> str | None:
    """What happens next, as its reader has to know it; None when nothing does."""
    if is_sent_back:
        return "You change it and send it again, or cancel it"
    if booking.state is BookingState.PENDING and not has_plan:
        return "The platform plans the statements that it needs"
    if booking.state is BookingState.FAILED:
        if is_operator:
            return "You mend the cause, then go on with its job or plan it again; or you close it"
        if booking.job_id is None:
            return "You change it and send it again, or support plans it again or closes it"
        return "Support looks at it and plans it again, or closes it"
    return _NEXT.get(booking.state)


def facts_of(booking: Booking) -> list[Fact]:
    """What is asked for, line by line."""
    return kind_of(booking).facts(booking)
