"""The job templates of all rooms. Here and nowhere else the engine learns of them."""

from __future__ import annotations

from webapp.jobs.templates import JobTemplate
from webapp.pools.job_templates import CheckAccount, Discover


def job_templates() -> list[JobTemplate]:
    """One of each."""
    return [Discover(), CheckAccount()]
