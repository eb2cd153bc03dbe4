"""Fixtures of the pools room."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.portal import Portal
from webapp.database import new_id
from webapp.jobs.models import Job, JobState
from webapp.pools.job_templates import Discover
from webapp.pools.models import Instance


class Looks:
    """Jobs that look at instances, fed with events."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def create_job(self, template: str, **parameters: Any) -> Job:
        """A running job."""
        job = Job(
            id=new_id(), template=template, title=template, state=JobState.RUNNING, parameters=parameters,
            targets=[],
        )  # fmt: skip
        with self.portal.database.transaction() as session:
            session.add(job)
        return job

    def observe(self, job: Job, *events: dict[str, Any]) -> None:
        """Let the job's template see the events, each in a transaction of its own."""
        template = self.portal.runtime.templates[job.template]
        for one in events:
            with self.portal.database.transaction() as session:
                template.observe(session, session.get_one(Job, job.id), one)

    def discover(self, instance: Instance, event: dict[str, Any]) -> Job:
        """A discovery of one instance with its event."""
        job = self.create_job(Discover.name, instance_id=instance.id)
        self.observe(job, event)
        return job


@pytest.fixture
def looks(portal: Portal) -> Looks:
    """Jobs that look at instances."""
    return Looks(portal)
