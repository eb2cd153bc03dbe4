"""What people and rooms do with jobs: launch, cancel, run again, see what they wait for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.database import new_id, now
from webapp.errors import Conflict, InvalidInput, NotFound
from webapp.jobs.endings import end_job, is_changed, templates_of
from webapp.jobs.locks import blockers
from webapp.jobs.models import ENDED_JOB_STATES, QUEUED_JOB_STATES, Job, JobState
from webapp.jobs.outbox import add_ring
from webapp.jobs.queue import is_redis_reachable
from webapp.jobs.templates import JobTemplate

__all__ = [
    "is_redis_reachable",
    "launch",
    "queue_position",
    "relaunch",
    "request_cancel",
    "resume",
    "waiting_for",
]

RESUMABLE = (JobState.ERROR, JobState.FAILED)
_TARGET_KINDS = ("instance", "application")
_COPIED = (
    "template", "title", "parameters", "targets", "check_mode", "booking_id", "plan_id", "application_id",
    "instance_id", "pool_id", "customer_id",
)  # fmt: skip


def launch(
    session: Session,
    *,
    template: str,
    title: str,
    parameters: dict[str, Any],
    targets: Sequence[str] = (),
    check_mode: bool = False,
    booking_id: str | None = None,
    plan_id: str | None = None,
    application_id: str | None = None,
    instance_id: str | None = None,
    pool_id: str | None = None,
    customer_id: str | None = None,
    schedule_id: str | None = None,
    launched_by: Actor,
    relaunch_of_id: str | None = None,
) -> Job:
    """A new pending job, and the ring that tells a worker of it: both with this transaction, or neither.

    ``targets``: ``instance:<id>`` and ``application:<id>``, which the job has to itself while it runs.
    Raises :class:`webapp.errors.InvalidInput` for a template that does not exist or a malformed target.
    """
    known = templates_of(session)
    if known and template not in known:
        raise InvalidInput(
            "template", f"{template} is no job template", f"Use one of {', '.join(sorted(known))}"
        )
    for target in targets:
        kind, _, key = target.partition(":")
        if kind not in _TARGET_KINDS or not key:
            raise InvalidInput("targets", f"{target} is no target", "Write instance:<id> or application:<id>")
    job = Job(
        id=new_id(), template=template, title=title[:200], state=JobState.PENDING, check_mode=check_mode,
        parameters=parameters, targets=sorted(set(targets)), booking_id=booking_id, plan_id=plan_id,
        application_id=application_id, instance_id=instance_id, pool_id=pool_id, customer_id=customer_id,
        schedule_id=schedule_id, launched_by_id=launched_by.id, relaunch_of_id=relaunch_of_id,
    )  # fmt: skip
    session.add(job)
    session.flush()
    add_ring(session, job.id)
    record(
        session, launched_by, "job:launched", object_kind="job", object_id=job.id, object_name=job.title,
        template=template, **({"relaunch_of_id": relaunch_of_id} if relaunch_of_id else {}),
    )  # fmt: skip
    return job


def request_cancel(session: Session, actor: Actor, job_id: str) -> Job:
    """Cancel a job: at once while it is queued; while it runs, its worker stops it and says when it is dead.

    Raises :class:`webapp.errors.Conflict` when it has ended, :class:`webapp.errors.NotFound`.
    """
    job = _job(session, job_id)
    if job.state in QUEUED_JOB_STATES:
        end_job(
            session, job, to=JobState.CANCELED, expected=QUEUED_JOB_STATES, actor=actor,
            explanation=f"Canceled {'between two attempts' if job.attempt else 'before it was started'}.",
        )  # fmt: skip
        return job
    if job.state in ENDED_JOB_STATES or not is_changed(
        session,
        job.id,
        Job.state == JobState.RUNNING,
        cancel_requested_at=func.coalesce(Job.cancel_requested_at, now()),
        cancel_requested_by_id=func.coalesce(Job.cancel_requested_by_id, actor.id),
    ):
        session.refresh(job)
        raise Conflict(f"The job {job.title} has ended: it is {job.state.value}.")
    session.refresh(job)
    record(
        session,
        actor,
        "job:cancel_requested",
        object_kind="job",
        object_id=job.id,
        object_name=job.title,
    )
    return job


def relaunch(
    session: Session, actor: Actor, runtime_templates: Mapping[str, JobTemplate], job_id: str
) -> Job:
    """Run an ended job again, as a new job.

    Raises :class:`webapp.errors.Conflict` when it has not ended or its room says that it makes no sense.
    """
    job = _job(session, job_id)
    if job.state not in ENDED_JOB_STATES:
        raise Conflict(f"The job {job.title} has not ended: it is {job.state.value}.")
    template = runtime_templates.get(job.template)
    if template is None:
        raise Conflict(f"The job template {job.template} does not exist any more.")
    template.relaunch(session, job)
    copied = {name: getattr(job, name) for name in _COPIED}
    return launch(session, **copied, launched_by=actor, relaunch_of_id=job.id)


def resume(session: Session, actor: Actor, job_id: str) -> Job:
    """Go on with a job that failed or that the platform could not finish: modules skip what holds already.

    The new job passes the same gate: an approval that is no longer valid refuses it.
    Raises :class:`webapp.errors.Conflict`.
    """
    job = _job(session, job_id)
    if job.state not in RESUMABLE:
        raise Conflict(f"The job {job.title} is {job.state.value}: there is nothing to go on with.")
    return relaunch(session, actor, templates_of(session), job_id)


def waiting_for(session: Session, job: Job) -> list[tuple[str, Job]]:
    """(target, job that goes first) for a queued job; empty when it waits for a worker only."""
    if job.state not in QUEUED_JOB_STATES:
        return []
    found = blockers(session, job)
    jobs = {
        other.id: other
        for other in session.scalars(select(Job).where(Job.id.in_({job_id for _, job_id in found})))
    }
    return [(target, jobs[job_id]) for target, job_id in found if job_id in jobs]


def queue_position(session: Session, job: Job) -> int | None:
    """How many queued jobs are older, plus one; None for a job that is not queued."""
    if job.state not in QUEUED_JOB_STATES:
        return None
    older = select(func.count()).select_from(Job).where(Job.state.in_(QUEUED_JOB_STATES), Job.id < job.id)
    return int(session.scalar(older) or 0) + 1


def _job(session: Session, job_id: str) -> Job:
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound("There is no such job.")
    return job
