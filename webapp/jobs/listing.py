"""The filter of jobs, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from sqlalchemy import Select, or_

from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobState
from webapp.jobs.subjects import is_about

ACTIVE: Literal["active"] = "active"  # a word for all states that have not ended
SUBJECTS = ("application", "instance", "pool", "booking")  # the fields that name what a job is about
PLATFORM = "platform"  # launched by no user


@dataclass(frozen=True)
class JobFilter:
    """Which jobs a list shows; None and empty texts ask for nothing."""

    state: JobState | Literal["active"] | None = None
    template: str = ""
    application: str = ""
    instance: str = ""
    pool: str = ""
    booking: str = ""
    launched_by: str = ""  # a user's id, or "platform"
    q: str = ""  # in the title; or the id

    @property
    def chosen(self) -> dict[str, str]:
        """The fields that ask for something."""
        return {one.name: str(value) for one in fields(self) if (value := getattr(self, one.name))}

    def applied(self, query: Select[tuple[Job]]) -> Select[tuple[Job]]:
        """``query`` narrowed."""
        if self.state == ACTIVE:
            query = query.where(Job.state.in_((JobState.NEW, JobState.RUNNING, *QUEUED_JOB_STATES)))
        elif self.state:
            query = query.where(Job.state == self.state)
        if self.template:
            query = query.where(Job.template == self.template)
        for kind in SUBJECTS:
            if value := getattr(self, kind):
                query = query.where(is_about(kind, value))
        if self.launched_by == PLATFORM:
            query = query.where(Job.launched_by_id.is_(None))
        elif self.launched_by:
            query = query.where(Job.launched_by_id == self.launched_by)
        if self.q:
            query = query.where(or_(Job.title.icontains(self.q, autoescape=True), Job.id == self.q.upper()))
        return query
