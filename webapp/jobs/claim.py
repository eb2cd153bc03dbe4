"""Claim a job: one worker gets it, with a lease and a fencing token that every later write must show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.orm import Session

from webapp.database import Database, new_id, now
from webapp.jobs.endings import is_changed
from webapp.jobs.locks import take_locks
from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobState
from webapp.settings import Settings


class LeaseLost(Exception):
    """Another process holds the job now: stop, end the own session, change nothing."""


@dataclass(frozen=True)
class Claim:
    """A job that this process holds."""

    job_id: str
    token: str
    attempt: int
    lease_until: datetime


def claim(database: Database, settings: Settings, job_id: str, *, worker: str) -> Claim | None:
    """Claim the job with its locks; None when somebody else has it, or it must wait (``waiting`` then)."""
    token = new_id()
    until = now() + timedelta(seconds=settings.lease_s)
    with database.transaction() as session:
        is_mine = is_changed(
            session,
            job_id,
            Job.state.in_(QUEUED_JOB_STATES),
            state=JobState.RUNNING,
            lease_token=token,
            lease_until=until,
            attempt=Job.attempt + 1,
            worker=worker,
            host_name=settings.host_name,
            started_at=func.coalesce(Job.started_at, now()),
            session_pid=None,
            session_started_at=None,
            private_folder=None,
            tasks_done=0,
        )
        if not is_mine:
            return None
        job = session.get_one(Job, job_id, populate_existing=True)
        if not take_locks(session, job):
            _wait(session, job)
            return None
        return Claim(job_id, token, job.attempt, until)


def held_job(session: Session, claimed: Claim, *, until: datetime | None = None) -> Job:
    """The job's row, locked for this transaction; ``until``: its renewed lease. Raises :class:`LeaseLost`."""
    if not is_changed(
        session,
        claimed.job_id,
        Job.state == JobState.RUNNING,
        Job.lease_token == claimed.token,
        lease_until=until if until is not None else Job.lease_until,
    ):
        raise LeaseLost(claimed.job_id)
    return session.get_one(Job, claimed.job_id, populate_existing=True)


def _wait(session: Session, job: Job) -> None:
    job.state = JobState.WAITING
    job.attempt -= 1
    job.lease_token = job.lease_until = job.worker = job.host_name = None
    if job.attempt == 0:
        job.started_at = None
    session.flush()
