"""Bookings and plans as what jobs are about. A job's page links them on their own; lists name neither."""

from __future__ import annotations

from webapp.jobs.subjects import SubjectKind

BOOKING, PLAN = "booking", "plan"


class Bookings(SubjectKind):
    """The request that a job plans or carries out."""

    name = BOOKING
    endpoint = "bookings.show"
    is_listed = False


class Plans(SubjectKind):
    """The plan that a job makes or carries out."""

    name = PLAN
    endpoint = "approvals.show"
    is_listed = False
