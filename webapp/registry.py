"""The job templates and chores of all rooms. Here and nowhere else the engine learns of them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from webapp.applications.job_templates import CheckQuota
from webapp.approvals.expiry import expire_plans
from webapp.approvals.job_templates import ApplyBooking, PlanBooking
from webapp.jobs.templates import JobTemplate
from webapp.pools.job_templates import CheckAccount, Discover


def job_templates() -> list[JobTemplate]:
    """One of each."""
    return [Discover(), CheckAccount(), PlanBooking(), ApplyBooking(), CheckQuota()]


def chores() -> list[Callable[[Session], object]]:
    """What the dispatcher does every few seconds, each in a transaction of its own."""
    return [expire_plans]
