"""Who sees which jobs, and how much of them.

Staff sees everything. A customer sees the jobs of their own bookings: state, progress, the steps by name,
and what was changed in words. Not the output, hosts, addresses, T-SQL, parameters and workers: they tell
about the pool, its load and other customers.
"""

from __future__ import annotations

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.database import is_id
from webapp.errors import NotFound
from webapp.jobs.models import Job
from webapp.visitor import Visitor


def visible_jobs(user: Visitor) -> Select[tuple[Job]]:
    """A query for the jobs that ``user`` may see."""
    query = select(Job)
    return query if user.is_staff else query.where(Job.customer_id == user.id)


def find_job(session: Session, user: Visitor, job_id: str) -> Job:
    """The job; raises :class:`NotFound` also for somebody else's."""
    query = visible_jobs(user).where(Job.id == job_id)
    job = session.scalars(query).one_or_none() if is_id(job_id) else None
    if job is None:
        raise NotFound("There is no such job.")
    return job
