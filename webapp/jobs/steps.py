"""A job as its customer sees it: steps by name, and changes in words."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job, JobEvent
from webapp.jobs.task_results import TaskResult, task_result
from webapp.statements.models import JobStatement, StatementKind

STEPS = 300
CHANGES = 500
_STARTS = ("playbook_on_task_start", "playbook_on_handler_task_start")


@dataclass(frozen=True)
class Steps:
    """The newest steps, oldest first."""

    results: list[TaskResult]
    has_older: bool


def steps_of(session: Session, job: Job) -> Steps:
    """The tasks that were begun, by name."""
    query = (
        select(JobEvent)
        .where(JobEvent.job_id == job.id, JobEvent.event.in_(_STARTS), JobEvent.stream <= job.stream)
        .order_by(JobEvent.stream.desc())
        .limit(STEPS + 1)
    )
    results = [result for event in session.scalars(query) if (result := task_result(event))]
    return Steps(results[:STEPS][::-1], len(results) > STEPS)


def changes_of(session: Session, job: Job) -> list[JobStatement]:
    """The statements that change something, in their order."""
    query = (
        select(JobStatement)
        .where(JobStatement.job_id == job.id, JobStatement.kind == StatementKind.CHANGE)
        .order_by(JobStatement.attempt, JobStatement.seq)
        .limit(CHANGES)
    )
    return list(session.scalars(query))


def change_in_words(template: str, creates: str | None) -> str:
    """``Create database shop_orders`` for ``database/create``: what a customer reads instead of T-SQL."""
    kind, _, verb = template.partition("/")
    made = creates.partition(":")[2].rpartition("/")[2] if creates else ""
    words = verb.replace("_", " ")
    if words.startswith("set "):
        sentence = f"Set {words[4:]} of the {kind}"
    elif verb in ("create", "drop", "rename", "enable", "disable", "repair"):
        sentence = f"{verb.capitalize()} {kind}"
    else:
        sentence = f"{words.capitalize()}: {kind}"
    return f"{sentence} {made}" if made else sentence
