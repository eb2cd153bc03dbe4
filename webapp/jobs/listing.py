"""The filter of jobs, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from sqlalchemy import Select, or_

from webapp.errors import InvalidInput
from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobState
from webapp.jobs.subjects import is_about
from webapp.search_text import search_text

ACTIVE = "active"  # a word for all states that have not ended
SUBJECTS = ("application", "instance", "pool", "booking")  # the fields that name what a job is about
PLATFORM = "platform"  # launched by no user


@dataclass(frozen=True)
class JobFilter:
    """What the list shows; empty fields ask for nothing."""

    state: str = ""
    template: str = ""
    application: str = ""
    instance: str = ""
    pool: str = ""
    booking: str = ""
    launched_by: str = ""  # a user's id, or "platform"
    q: str = ""  # in the title; or the id

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> JobFilter:
        """From a query string. Raises :class:`InvalidInput`."""
        given = cls(**{one.name: search_text(arguments.get(one.name)) for one in fields(cls)})
        if given.state and given.state != ACTIVE and given.state not in set(JobState):
            words = ", ".join([ACTIVE, *JobState])
            raise InvalidInput("state", f"{given.state} is no state of a job", f"Choose one of {words}.")
        return given

    @property
    def chosen(self) -> dict[str, str]:
        """The fields that ask for something."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name))}

    def applied(self, query: Select[tuple[Job]]) -> Select[tuple[Job]]:
        """``query`` narrowed."""
        if self.state == ACTIVE:
            query = query.where(Job.state.in_((JobState.NEW, JobState.RUNNING, *QUEUED_JOB_STATES)))
        elif self.state:
            query = query.where(Job.state == JobState(self.state))
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
