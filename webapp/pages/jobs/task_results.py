"""A job's tasks with what came of them on each host, read from its events."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.models import JobEvent

WINDOW_RESULTS = 500

# Events that say something of a task, and the word for it. The order matters: a later event wins.
_STATES = {
    "playbook_on_task_start": "started",
    "playbook_on_handler_task_start": "started",
    "runner_on_start": "running",
    "runner_on_ok": "ok",
    "runner_on_skipped": "skipped",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
}
_FAILURES = ("runner_on_failed", "runner_on_unreachable")
FILTERS = ("", "changed", "failed")


@dataclass(frozen=True)
class TaskResult:
    """A task's start (no host), or its result on one host."""

    key: str  # the same for start and end of a task on a host
    task_key: str  # the key of the task's start
    stream: int
    attempt: int
    task: str
    host: str | None
    state: str  # started, running, ok, changed, skipped, failed, unreachable
    duration_s: float | None
    message: str | None


def task_result(event: JobEvent) -> TaskResult | None:
    """What ``event`` says of a task; None when it is about something else."""
    state = _STATES.get(event.event)
    if state is None or event.task is None:
        return None
    if state == "ok" and event.is_changed:
        state = "changed"
    elif state == "failed" and not event.is_failed:
        state = "ignored"
    task_key = f"{event.attempt}-{event.task_uuid or event.uuid}"
    key = f"{task_key}-{event.host}" if event.host else task_key
    return TaskResult(
        key,
        task_key,
        event.stream,
        event.attempt,
        event.task,
        event.host,
        state,
        event.duration_s,
        event.message,
    )


@dataclass(frozen=True)
class ResultWindow:
    """Some results, oldest first."""

    results: list[TaskResult]
    first_stream: int
    has_older: bool


def results_until(
    session: Session, job_id: str, *, until: int, before: int | None = None, show: str = ""
) -> ResultWindow:
    """The newest results up to the stream position ``until`` (or right before ``before``).

    One for each task and host. ``show``: one of :data:`FILTERS`.
    """
    query = select(JobEvent).where(
        JobEvent.job_id == job_id, JobEvent.event.in_(_STATES), JobEvent.stream <= until
    )
    if before is not None:
        query = query.where(JobEvent.stream < before)
    if show == "changed":
        query = query.where(JobEvent.is_changed, JobEvent.event == "runner_on_ok")
    elif show == "failed":
        query = query.where(JobEvent.event.in_(_FAILURES), JobEvent.is_failed)
    events = list(session.scalars(query.order_by(JobEvent.stream.desc()).limit(WINDOW_RESULTS + 1)))
    has_older = len(events) > WINDOW_RESULTS
    events = events[:WINDOW_RESULTS][::-1]
    results: dict[str, TaskResult] = {}
    for event in events:
        if result := task_result(event):
            results[result.key] = result  # keeps the place of the start
    return ResultWindow(list(results.values()), events[0].stream if events else 0, has_older)
