"""What all rooms bring: job templates, chores, holders of instances, kinds of requests, subjects, plan items.

Listed here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from webapp.applications.holding import ApplicationsHold
from webapp.applications.job_templates import CheckQuota
from webapp.applications.subjects import Applications
from webapp.approvals.expiry import expire_plans
from webapp.approvals.job_templates import ApplyBooking, PlanBooking
from webapp.bookings.holding import PlansHold
from webapp.bookings.items import ItemKind
from webapp.bookings.kinds.application import BookApplication, DeleteApplication
from webapp.bookings.kinds.base import RequestKind
from webapp.bookings.kinds.database import AddDatabase, ResizeDatabase
from webapp.bookings.kinds.login import AddLogin, RemoveLogin, ResetLogin
from webapp.bookings.statement_items import StatementItems
from webapp.bookings.subjects import Bookings, Plans
from webapp.jobs.subjects import SubjectKind
from webapp.jobs.templates import JobTemplate
from webapp.policies.holding import PoliciesHold
from webapp.pools.holders import Holder
from webapp.pools.job_templates import CheckAccount, Discover
from webapp.pools.subjects import Instances, Pools


def job_templates() -> list[JobTemplate]:
    """One of each."""
    return [Discover(), CheckAccount(), PlanBooking(), ApplyBooking(), CheckQuota()]


def chores() -> list[Callable[[Session], object]]:
    """What the dispatcher does every few seconds, each in a transaction of its own."""
    return [expire_plans]


def holders() -> list[Holder]:
    """Who is asked before a pool or an instance goes or is renamed."""
    return [ApplicationsHold(), PlansHold(), PoliciesHold()]


def request_kinds() -> list[RequestKind[Any]]:
    """What can be asked for, in the order in which lists show it. Each playbook is called like its kind."""
    return [
        BookApplication(), AddDatabase(), ResizeDatabase(), AddLogin(), ResetLogin(), RemoveLogin(),
        DeleteApplication(),
    ]  # fmt: skip


def subject_kinds() -> list[SubjectKind]:
    """What jobs may be about; those that are target kinds also what they lock."""
    return [Applications(), Instances(), Pools(), Bookings(), Plans()]


def item_kinds() -> list[ItemKind]:
    """What plans may hold."""
    return [StatementItems()]
