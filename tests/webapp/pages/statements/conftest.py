"""A job with room for statements."""

from __future__ import annotations

import pytest

from tests.support.jobs import JobWriter, create_job
from tests.support.portal import Portal
from webapp.jobs.models import Job


@pytest.fixture
def job(portal: Portal) -> Job:
    """A job that runs."""
    return create_job(portal.database, title="Book shop")


@pytest.fixture
def writer(portal: Portal, job: Job) -> JobWriter:
    """What stands in for the engine behind ``job``."""
    return JobWriter(portal.database, job.id)
