"""Whose turn it is among queued jobs: what people asked for goes before what a schedule launched, then the
oldest first. Locks, workers, and the pages that show the queue all ask here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, or_, select
from sqlalchemy.orm import Session

from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobTarget, TargetLock, split

IN_TURN = (case((Job.schedule_id.is_(None), 0), else_=1), Job.id)  # to order by


def goes_before(job: Job) -> ColumnElement[bool]:
    """A condition on jobs: that they go before ``job``. It compares with no state."""
    if job.schedule_id is None:
        return and_(Job.schedule_id.is_(None), Job.id < job.id)
    return or_(Job.schedule_id.is_(None), Job.id < job.id)


def queued_in_turn() -> Select[tuple[Job]]:
    """A query for the queued jobs, whose turn is first first."""
    return select(Job).where(Job.state.in_(QUEUED_JOB_STATES)).order_by(*IN_TURN)


def queued_for(
    session: Session, targets: Collection[str], condition: ColumnElement[bool]
) -> list[tuple[str, list[str]]]:
    """(id, those of ``targets`` that it wants) of the queued jobs that want any of them, in turn."""
    if not targets:
        return []
    pairs = [split(target) for target in targets]
    query = (
        queued_in_turn()
        .join(JobTarget, JobTarget.job_id == Job.id)
        .where(
            condition,
            or_(*(and_(JobTarget.kind == kind, JobTarget.target_id == key) for kind, key in pairs)),
        )
        .with_only_columns(Job.id, JobTarget.kind, JobTarget.target_id)
    )
    return _by_job(session.execute(query))


def unblocked_jobs(session: Session) -> list[str]:
    """The ids of the queued jobs that nothing holds up but the want of a worker, in turn."""
    held = {row.target: row.job_id for row in session.execute(select(TargetLock.target, TargetLock.job_id))}
    taken: set[str] = set()
    found = []
    query = (
        queued_in_turn()
        .outerjoin(JobTarget, JobTarget.job_id == Job.id)
        .with_only_columns(Job.id, JobTarget.kind, JobTarget.target_id)
    )
    for id_, targets in _by_job(session.execute(query)):
        if all(target not in taken and held.get(target, id_) == id_ for target in targets):
            found.append(id_)
        taken.update(targets)
    return found


def whose_turn(session: Session, rung_id: str) -> str:
    """The id of the job that a worker takes when the doorbell rings for ``rung_id``.

    A scheduled job lets a person's go first; the ring of that one, which finds it taken, is then for what was
    overtaken. So each ring still starts one job, whatever their order in Redis.
    """
    rung = session.get(Job, rung_id)
    is_queued = rung is not None and rung.state in QUEUED_JOB_STATES
    if rung is not None and is_queued and rung.schedule_id is None:
        return rung_id
    free = unblocked_jobs(session)
    of_schedules = select(Job.id).where(Job.state.in_(QUEUED_JOB_STATES), Job.schedule_id.is_not(None))
    scheduled = set(session.scalars(of_schedules))
    wanted = [id_ for id_ in free if (id_ in scheduled) != is_queued]
    return wanted[0] if wanted else rung_id


def _by_job(rows: Iterable[Any]) -> list[tuple[str, list[str]]]:
    """Rows of (job, kind, id), those of a job side by side, as (job, targets).

    A job without a target has a row of None.
    """
    return [
        (job_id, sorted(f"{kind}:{key}" for _, kind, key in group if kind is not None))
        for job_id, group in groupby(rows, key=lambda row: row[0])
    ]
