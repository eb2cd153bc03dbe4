"""Who sees which jobs, and how much of them.

Staff sees everything. A customer sees the jobs of their own bookings: state, progress, the steps by name,
and what was changed in words. Not the output, hosts, addresses, T-SQL, parameters and workers: they tell
about the pool, its load and other customers.
"""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from webapp.errors import NotFound
from webapp.jobs.models import Job


class Visitor(Protocol):
    """What has to be known of a user."""

    @property
    def id(self) -> Any:
        """The user's key."""

    @property
    def is_staff(self) -> bool:
        """Whether it is somebody of the hosting team."""


def visible_jobs(user: Visitor) -> Select[tuple[Job]]:
    """A query for the jobs that ``user`` may see."""
    query = select(Job)
    return query if user.is_staff else query.where(Job.customer_id == user.id)


def find_job(session: Session, user: Visitor, job_id: str) -> Job:
    """The job; raises :class:`NotFound` also for somebody else's."""
    job = session.scalars(visible_jobs(user).where(Job.id == job_id)).one_or_none()
    if job is None:
        raise NotFound("There is no such job.")
    return job
