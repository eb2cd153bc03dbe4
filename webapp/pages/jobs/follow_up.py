"""What a job's own stream does not tell: whether anybody takes it up, and which job goes on after it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_
from sqlalchemy.orm import Session

from webapp.jobs.heartbeats import living
from webapp.jobs.models import ENDED_JOB_STATES, QUEUED_JOB_STATES, Job, JobState
from webapp.jobs.subjects import is_about
from webapp.jobs.visibility import visible_jobs
from webapp.settings import Settings
from webapp.visitor import Visitor

LOOK_AGAIN_S = 5  # while something may come that the stream does not tell


@dataclass(frozen=True)
class Outlook:
    """What comes for a job. ``look_again_s``: when whoever watches asks again; 0 for never."""

    is_stalled: bool  # it is queued, and no worker is alive
    later: Job | None  # the newest job that runs it again or goes on with its request
    look_again_s: int


def outlook_of(session: Session, settings: Settings, user: Visitor, job: Job) -> Outlook:
    """The outlook of ``job`` as ``user`` may see it."""
    is_queued, is_ended = job.state in QUEUED_JOB_STATES, job.state in ENDED_JOB_STATES
    return Outlook(
        is_stalled=is_queued and user.is_staff and not living(session, settings, "worker"),
        later=_later(session, user, job) if is_ended else None,
        look_again_s=LOOK_AGAIN_S if is_queued or (is_ended and job.state is not JobState.SUCCESSFUL) else 0,
    )


def _later(session: Session, user: Visitor, job: Job) -> Job | None:
    goes_on = [Job.relaunch_of_id == job.id]
    if booking_id := job.subject("booking"):
        goes_on.append(is_about("booking", booking_id))
    query = visible_jobs(user).where(Job.id > job.id, or_(*goes_on))
    return session.scalars(query.order_by(Job.id.desc()).limit(1)).one_or_none()
