"""Locks on targets: no two jobs work on one instance or application at once. Who goes first: ``turns.py``.

A job takes all its targets or none, so that two jobs that want the same ones never wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.jobs.models import Job, TargetLock
from webapp.jobs.turns import goes_before, queued_for


def holders(session: Session, targets: Collection[str], *, besides: str) -> dict[str, str]:
    """Who holds these targets now: target → job id, leaving out the job ``besides``."""
    query = select(TargetLock.target, TargetLock.job_id).where(
        TargetLock.target.in_(sorted(set(targets))), TargetLock.job_id != besides
    )
    return {row.target: row.job_id for row in session.execute(query)}


def queued_before(session: Session, job: Job) -> list[tuple[str, list[str]]]:
    """(id, targets) of the queued jobs that go before ``job`` and want one of its targets, in turn.

    Of their targets only those that ``job`` wants as well.
    """
    return queued_for(session, job.targets, goes_before(job))


def blockers(session: Session, job: Job) -> list[tuple[str, str]]:
    """(target, job id) of all that ``job`` has to wait for: running holders, then who goes first."""
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
    """Give up the job's targets; the ids of the queued jobs that may go now, in turn.

    Those are the first for each of its targets: the others would only find that it is not their turn.
    """
    session.execute(
        delete(TargetLock).where(TargetLock.job_id == job.id).execution_options(synchronize_session=False)
    )
    free = set(job.targets)
    found = []
    for id_, targets in queued_for(session, job.targets, Job.id != job.id):
        if free.intersection(targets):
            found.append(id_)
            free.difference_update(targets)
    return found
