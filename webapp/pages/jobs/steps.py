"""A job as its customer sees it: steps by name, and changes in words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.event_rows import TASK_STARTS
from webapp.jobs.models import Job, JobEvent
from webapp.pages.jobs.task_results import TaskResult, task_result
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

STEPS = 300
CHANGES = 500


@dataclass(frozen=True)
class Steps:
    """The newest steps, oldest first."""

    results: list[TaskResult]
    has_older: bool


def steps_of(session: Session, job: Job) -> Steps:
    """The tasks that were begun, by name."""
    query = (
        select(JobEvent)
        .where(JobEvent.job_id == job.id, JobEvent.event.in_(TASK_STARTS), JobEvent.stream <= job.stream)
        .order_by(JobEvent.stream.desc())
        .limit(STEPS + 1)
    )
    results = [result for event in session.scalars(query) if (result := task_result(event))]
    shown = results[:STEPS][::-1]
    # A task that is begun for one instance after the other is one step.
    once = [one for at, one in enumerate(shown) if not at or one.task != shown[at - 1].task]
    return Steps(once, len(results) > STEPS)


def changes_of(session: Session, job: Job) -> list[JobStatement]:
    """The statements that :func:`is_change` keeps, in their order."""
    query = (
        select(JobStatement)
        .where(JobStatement.job_id == job.id, JobStatement.kind == StatementKind.CHANGE)
        .order_by(JobStatement.attempt, JobStatement.seq)
        .limit(CHANGES)
    )
    if not job.check_mode:
        query = query.where(JobStatement.status != StatementStatus.PLANNED)
    return list(session.scalars(query))


def is_change(statement: JobStatement, *, is_plan: bool) -> bool:
    """Whether a customer sees ``statement`` as a change. ``is_plan``: the job runs in check mode.

    Any other job rehearses the approved plan first; what it only rehearses is no change.
    """
    is_rehearsed = statement.status is StatementStatus.PLANNED and not is_plan
    return statement.kind is StatementKind.CHANGE and not is_rehearsed
