"""Bookings in words that a customer understands. Pure."""

from __future__ import annotations

from webapp.applications.models import LoginRights
from webapp.bookings.kinds.base import Fact
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.models import Job, JobState

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


def progress_of(booking: Booking, plan: Plan | None, job: Job | None) -> str:
    """How far it is, in one line of a list; on its own page :func:`next_step` says what its reader does."""
    match booking.state:
        case BookingState.PENDING:
            return _progress_of_plan(plan)
        case BookingState.APPROVED | BookingState.RUNNING:
            return _progress_of_job(booking, job)
        case BookingState.FAILED:
            return booking.failure or "It could not be carried out; the hosting team looks at it."
        case BookingState.REJECTED:
            return "Rejected; the request says why."
        case _:
            return ""


def _progress_of_job(booking: Booking, job: Job | None) -> str:
    if booking.state is BookingState.RUNNING:
        if job is not None and job.tasks_total:
            return f"Being carried out: step {min(job.tasks_done, job.tasks_total)} of {job.tasks_total}."
        return "Being carried out."
    if job is not None and job.state is JobState.WAITING:
        return "Approved; another change of the same application or instance is finished first."
    return "Approved; a worker takes it next."


def _progress_of_plan(plan: Plan | None) -> str:
    match plan and plan.state:
        case PlanState.READY:
            return "An approver looks at it."
        case PlanState.SENT_BACK:
            return "Sent back to you: change it, or cancel it."
        case PlanState.EXPIRED:
            return "Nobody approved the plan in time: have it made again, or cancel the request."
        case PlanState.FAILED | PlanState.DRIFTED:
            return "The hosting team plans it again."
        case _:
            return "What has to be done is being worked out; that takes some seconds."


def facts_of(booking: Booking) -> list[Fact]:
    """What is asked for, line by line."""
    return kind_of(booking).facts(booking)
