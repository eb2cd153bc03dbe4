"""Locks on targets: no two jobs work on one instance or application at once; the oldest goes first.

A job takes all its targets or none, so that two jobs that want the same ones never wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobTarget, TargetLock, split


def holders(session: Session, targets: Collection[str], *, besides: str) -> dict[str, str]:
    """Who holds these targets now: target → job id, leaving out the job ``besides``."""
    query = select(TargetLock.target, TargetLock.job_id).where(
        TargetLock.target.in_(sorted(set(targets))), TargetLock.job_id != besides
    )
    return {row.target: row.job_id for row in session.execute(query)}


def queued_before(session: Session, job: Job) -> list[tuple[str, list[str]]]:
    """(id, targets) of the older queued jobs that want one of the targets of ``job``, oldest first.

    Of their targets only those that ``job`` wants as well.
    """
    return _wanted_by(session, job.targets, Job.id < job.id)


def unblocked_jobs(session: Session) -> set[str]:
    """The ids of the queued jobs that nothing holds up but the want of a worker."""
    held = {row.target: row.job_id for row in session.execute(select(TargetLock.target, TargetLock.job_id))}
    taken: set[str] = set()
    found: set[str] = set()
    query = (
        select(Job.id, JobTarget.kind, JobTarget.target_id)
        .outerjoin(JobTarget, JobTarget.job_id == Job.id)
        .where(Job.state.in_(QUEUED_JOB_STATES))
    )
    for id_, targets in _by_job(session.execute(query.order_by(Job.id))):
        if all(target not in taken and held.get(target, id_) == id_ for target in targets):
            found.add(id_)
        taken.update(targets)
    return found


def blockers(session: Session, job: Job) -> list[tuple[str, str]]:
    """(target, job id) of all that ``job`` has to wait for: running holders, then older waiting jobs."""
    found = [
        (target, holder) for target, holder in sorted(holders(session, job.targets, besides=job.id).items())
    ]
    taken = {target for target, _ in found}
    for other_id, targets in queued_before(session, job):
        for target in sorted(set(job.targets).intersection(targets) - taken):
            found.append((target, other_id))
            taken.add(target)
    return found


def take_locks(session: Session, job: Job) -> bool:
    """Take all targets of ``job``, or none; False when another job is to go first.

    A job that is resumed holds its locks already. The savepoint is for PostgreSQL: two claims at the same
    moment both find the target free, and the unique key lets one of them win.
    """
    if blockers(session, job):
        return False
    held = set(session.scalars(select(TargetLock.target).where(TargetLock.job_id == job.id)))
    try:
        with session.begin_nested():
            for target in sorted(
                set(job.targets) - held
            ):  # one order for all, or they would wait for each other
                session.add(TargetLock(target=target, job_id=job.id))
                session.flush()
    except IntegrityError:
        return False
    return True


def free_locks(session: Session, job: Job) -> list[str]:
    """Give up the job's targets; the ids of the queued jobs that may go now, the oldest first.

    Those are the oldest for each of its targets: the younger ones would only find that it is not their turn.
    """
    session.execute(
        delete(TargetLock).where(TargetLock.job_id == job.id).execution_options(synchronize_session=False)
    )
    free = set(job.targets)
    found = []
    for id_, targets in _wanted_by(session, job.targets, Job.id != job.id):
        if free.intersection(targets):
            found.append(id_)
            free.difference_update(targets)
    return found


def _wanted_by(
    session: Session, targets: Collection[str], condition: ColumnElement[bool]
) -> list[tuple[str, list[str]]]:
    """(id, those of ``targets`` that it wants) of the queued jobs that want any of them, the oldest first."""
    if not targets:
        return []
    pairs = [split(target) for target in targets]
    query = (
        select(JobTarget.job_id, JobTarget.kind, JobTarget.target_id)
        .join(Job, Job.id == JobTarget.job_id)
        .where(
            Job.state.in_(QUEUED_JOB_STATES),
            condition,
            or_(*(and_(JobTarget.kind == kind, JobTarget.target_id == key) for kind, key in pairs)),
        )
    )
    return _by_job(session.execute(query.order_by(JobTarget.job_id)))


def _by_job(rows: Iterable[Any]) -> list[tuple[str, list[str]]]:
    """Rows of (job, kind, id), sorted by job, as (job, targets); a job without a target has a row of None."""
    return [
        (job_id, sorted(f"{kind}:{key}" for _, kind, key in group if kind is not None))
        for job_id, group in groupby(rows, key=lambda row: row[0])
    ]
