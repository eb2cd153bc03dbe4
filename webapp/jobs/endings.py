"""How a job ends: once, with its locks freed, its statements closed, its room told and the next jobs rung."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.audit.operations import PLATFORM, Actor, record
from webapp.database import now
from webapp.errors import Conflict
from webapp.jobs.locks import free_locks
from webapp.jobs.models import ENDED_JOB_STATES, Job, JobState
from webapp.jobs.nudges import add_nudge
from webapp.jobs.outbox import add_ring
from webapp.jobs.templates import JobTemplate
from webapp.statements.stored import end_unknown

TEMPLATES = "templates"  # in Session.info: the job templates of all rooms, put there by doorbell.install

_log = logging.getLogger(__name__)


def templates_of(session: Session) -> Mapping[str, JobTemplate]:
    """The job templates that this process knows."""
    return cast(Mapping[str, JobTemplate], session.info.get(TEMPLATES, {}))


def is_changed(session: Session, job_id: str, *conditions: Any, **values: Any) -> bool:
    """Change the job's row if ``conditions`` hold, and have its pages look; whether they did hold."""
    result = session.execute(
        update(Job)
        .where(Job.id == job_id, *conditions)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    is_done = cast("CursorResult[Any]", result).rowcount == 1
    if is_done:
        add_nudge(session, job_id)
    return is_done


def end_job(
    session: Session,
    job: Job,
    *,
    to: JobState,
    expected: Collection[JobState] = (JobState.RUNNING,),
    token: str | None = None,
    actor: Actor = PLATFORM,
    explanation: str | None = None,
    return_code: int | None = None,
) -> None:
    """End ``job`` in this transaction. ``token``: only if the caller still holds the job's lease.

    Raises :class:`webapp.errors.Conflict` when the job is in no ``expected`` state, or the lease is lost.
    """
    assert to in ENDED_JOB_STATES
    session.flush()
    conditions: list[ColumnElement[bool]] = [Job.state.in_(tuple(expected))]
    if token is not None:
        conditions.append(Job.lease_token == token)
    if not is_changed(
        session,
        job.id,
        *conditions,
        state=to,
        finished_at=now(),
        job_explanation=explanation,
        return_code=return_code,
        lease_token=None,
        lease_until=None,
        session_pid=None,
        session_started_at=None,
        private_folder=None,
    ):
        raise Conflict(f"The job {job.title} is {_state_now(session, job)}; somebody else was faster.")
    session.refresh(job)
    end_unknown(session, job)
    _tell_room(session, job)
    for waiting in free_locks(session, job):
        add_ring(session, waiting)
    record(
        session, actor, f"job:{to.value}", object_kind="job", object_id=job.id, object_name=job.title,
        template=job.template, attempt=job.attempt,
    )  # fmt: skip
    session.flush()


def _tell_room(session: Session, job: Job) -> None:
    """Call the template's ``finished``. A mistake there makes the end an error; it keeps no job running."""
    template = templates_of(session).get(job.template)
    if template is None:
        _log.error("job_template_unknown job_id=%s template=%s", job.id, job.template)
        return
    for is_last_try in (False, True):
        try:
            with session.begin_nested():
                template.finished(session, job)
                session.flush()
            return
        except DBAPIError as exc:
            if exc.connection_invalidated:
                raise
            failure: Exception = exc
        except Exception as exc:
            failure = exc
        _log.error("job_end_not_taken job_id=%s error=%s", job.id, type(failure).__name__)
        if not is_last_try:
            why = f"The platform could not take in that it was {job.state.value} ({type(failure).__name__})."
            session.refresh(job)
            job.state = JobState.ERROR
            job.job_explanation = "\n".join(filter(None, (why, job.job_explanation)))
            session.flush()


def _state_now(session: Session, job: Job) -> str:
    session.refresh(job)
    return job.state.value
