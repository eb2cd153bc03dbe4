"""What stands above a job's tabs: state, progress, times, what it waits for. The part that ticks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from webapp.jobs.models import ENDED_JOB_STATES, QUEUED_JOB_STATES, Job, JobState, Kept
from webapp.jobs.operations import RESUMABLE, can_relaunch, queue_position, waiting_for
from webapp.pages.jobs.names import Link, names_for


@dataclass(frozen=True)
class Awaited:
    """A lock that a job waits for, and who has it."""

    target: Link
    holder_id: str
    holder_title: str


@dataclass(frozen=True)
class Heading:
    """Compared as a whole to see whether something changed."""

    state: JobState
    attempt: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    tasks_done: int
    tasks_total: int | None
    is_cancel_requested: bool
    explanation: str | None
    worker: str | None
    awaited: tuple[Awaited, ...] = ()
    position: int | None = None  # in the queue, from 1
    unstored: tuple[Kept, ...] = ()
    can_go_on: bool = False  # whether its room would have it run again

    @property
    def is_ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in ENDED_JOB_STATES

    @property
    def seconds(self) -> float | None:
        """How long it ran, when it has ended."""
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def percent(self) -> int | None:
        """Of its tasks; None when nobody knows how many there are."""
        if self.is_ended and self.state is JobState.SUCCESSFUL:
            return 100
        if not self.tasks_total:
            return None
        return min(99, round(100 * self.tasks_done / self.tasks_total))

    @property
    def actions(self) -> tuple[str, ...]:
        """What may be asked of it now."""
        if self.state in (JobState.NEW, JobState.RUNNING, *QUEUED_JOB_STATES):
            return () if self.is_cancel_requested else ("cancel",)
        if not self.can_go_on:
            return ()
        return ("relaunch", "resume") if self.state in RESUMABLE else ("relaunch",)


def heading_of(session: Session, job: Job) -> Heading:
    """The heading of ``job`` as it is now."""
    is_queued = job.state in QUEUED_JOB_STATES
    return Heading(
        state=job.state,
        attempt=job.attempt,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        tasks_done=job.tasks_done,
        tasks_total=job.tasks_total,
        is_cancel_requested=job.cancel_requested_at is not None,
        explanation=job.job_explanation,
        worker=job.worker,
        awaited=tuple(_awaited(session, job)) if is_queued else (),
        position=queue_position(session, job),
        unstored=job.kept,
        can_go_on=can_relaunch(session, job),
    )


def _awaited(session: Session, job: Job) -> list[Awaited]:
    found = waiting_for(session, job)
    names = names_for(session, [], [target for target, _holder in found])
    return [Awaited(names.target(target), holder.id, holder.title) for target, holder in found]
