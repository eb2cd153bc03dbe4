"""What people and rooms do with jobs: launch, cancel, run again, see what they wait for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.database import new_id, now
from webapp.errors import Conflict, InvalidInput, NotFound
from webapp.jobs.endings import end_job, is_changed, templates_of
from webapp.jobs.locks import blockers
from webapp.jobs.models import ENDED_JOB_STATES, QUEUED_JOB_STATES, Job, JobState, split
from webapp.jobs.outbox import add_ring
from webapp.jobs.queue import is_redis_reachable
from webapp.jobs.subjects import subject_kinds, target_kinds
from webapp.jobs.templates import JobTemplate, NotLaunchable
from webapp.jobs.turns import goes_before

__all__ = [
    "is_redis_reachable",
    "launch",
    "queue_position",
    "relaunch",
    "request_cancel",
    "resume",
    "waiting_for",
]

LONGEST_ID = 26  # characters; a ULID has as many
RESUMABLE = (JobState.ERROR, JobState.FAILED)
_COPIED = (
    "template", "title", "parameters", "targets", "subjects", "check_mode", "customer_id",
)  # fmt: skip


def launch(
    session: Session,
    *,
    template: str,
    title: str,
    parameters: dict[str, Any],
    targets: Sequence[str] = (),
    subjects: Sequence[str] = (),
    check_mode: bool = False,
    customer_id: str | None = None,
    schedule_id: str | None = None,
    launched_by: Actor,
    relaunch_of_id: str | None = None,
) -> Job:
    """A new pending job, and the ring that tells a worker of it: both with this transaction, or neither.

    ``targets``: what the job has to itself while it runs; ``subjects``: what it is about. Both are references
    (``instance:<id>``) to what the rooms have registered; :func:`webapp.jobs.subjects.references` makes them.
    Raises :class:`webapp.errors.InvalidInput` for a template that does not exist or a malformed reference.
    """
    known = templates_of(session)
    if known and template not in known:
        raise InvalidInput(
            "template", f"{template} is no job template", f"Use one of {', '.join(sorted(known))}"
        )
    _require_known("targets", targets, target_kinds())
    _require_known("subjects", subjects, subject_kinds())
    job = Job(
        id=new_id(), template=template, title=title[:200], state=JobState.PENDING, check_mode=check_mode,
        parameters=parameters, targets=targets, subjects=subjects, customer_id=customer_id,
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


def can_relaunch(session: Session, job: Job) -> bool:
    """Whether :func:`relaunch` would do it now."""
    template = templates_of(session).get(job.template)
    if template is None or job.state not in ENDED_JOB_STATES:
        return False
    try:
        template.relaunch(session, job)
    except (Conflict, NotLaunchable):
        return False
    return True


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
    """How many queued jobs go before it, plus one; None for a job that is not queued."""
    if job.state not in QUEUED_JOB_STATES:
        return None
    before = select(func.count()).select_from(Job).where(Job.state.in_(QUEUED_JOB_STATES), goes_before(job))
    return int(session.scalar(before) or 0) + 1


def _require_known(field: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise InvalidInput for a reference to a kind that no room has registered, or without an id."""
    for one in given:
        kind, key = split(one)
        if not 0 < len(key) <= LONGEST_ID or (known and kind not in known):
            what = "target" if field == "targets" else "subject"
            raise InvalidInput(
                field, f"{one} is no {what}", f"Write the id of one of {', '.join(sorted(known))}"
            )


def _job(session: Session, job_id: str) -> Job:
    job = session.get(Job, job_id, populate_existing=True)
    if job is None:
        raise NotFound("There is no such job.")
    return job
