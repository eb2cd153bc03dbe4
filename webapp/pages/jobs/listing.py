"""The list of jobs as CSV, and the queue."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job, JobState, TargetLock
from webapp.jobs.operations import waiting_for
from webapp.jobs.schedules import due_times
from webapp.jobs.turns import IN_TURN
from webapp.pages.jobs.names import Names, names_for

CSV_ROWS = 10_000
QUEUE_ROWS = 100


def csv_lines(session: Session, query: Select[tuple[Job]]) -> Iterator[str]:
    """The newest :data:`CSV_ROWS` jobs of ``query`` as CSV (RFC 4180), the header first."""
    jobs = list(session.scalars(query.order_by(Job.id.desc()).limit(CSV_ROWS)))
    names = names_for(session, jobs)
    header = "id,state,template,title,check_mode,about,launched_by,created_at,started_at,finished_at,seconds"
    yield header + "\r\n"
    for job in jobs:
        times = [at.isoformat() if at else "" for at in (job.created_at, job.started_at, job.finished_at)]
        about = "; ".join(f"{link.kind} {link.name}" for link in names.about(job))
        seconds = run_seconds(job)
        yield _csv_line(
            job.id, job.state.value, job.template, job.title, "yes" if job.check_mode else "no", about,
            names.user(job.launched_by_id), *times, "" if seconds is None else f"{seconds:.1f}",
        )  # fmt: skip


def _csv_line(*values: str) -> str:
    # Spreadsheets take what begins like this for a formula.
    safe = [f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value for value in values]
    line = io.StringIO()
    csv.writer(line).writerow(safe)
    return line.getvalue()


def run_seconds(job: Job) -> float | None:
    """How long an ended job ran."""
    if job.started_at is None or job.finished_at is None:
        return None
    return (job.finished_at - job.started_at).total_seconds()


@dataclass(frozen=True)
class Queue:
    """What runs and what waits.

    ``held``: the targets that each running job has locked. ``awaited``: for each waiting job the targets that
    it lacks, with the job that goes first.
    """

    running: list[Job]
    waiting: list[Job]
    pending: list[Job]
    held: dict[str, list[str]]
    awaited: dict[str, list[tuple[str, Job]]]
    names: Names
    due_times: dict[str, int]  # for how many due times of its schedule a job stands


def read_queue(session: Session) -> Queue:
    """The queue as it is now: in turn, :data:`QUEUE_ROWS` of each state at most."""

    def in_state(state: JobState) -> list[Job]:
        query = select(Job).where(Job.state == state).order_by(*IN_TURN)
        return list(session.scalars(query.limit(QUEUE_ROWS)))

    running, waiting, pending = (
        in_state(state) for state in (JobState.RUNNING, JobState.WAITING, JobState.PENDING)
    )
    locks = list(session.scalars(select(TargetLock)))
    held: dict[str, list[str]] = {}
    for lock in locks:
        held.setdefault(lock.job_id, []).append(lock.target)
    awaited = {job.id: waiting_for(session, job) for job in waiting}
    names = names_for(session, [*running, *waiting, *pending], [lock.target for lock in locks])
    times = due_times(session, [job.id for job in (*waiting, *pending) if job.schedule_id])
    return Queue(running, waiting, pending, held, awaited, names, times)
