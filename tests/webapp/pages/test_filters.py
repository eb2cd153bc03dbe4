"""What stands in a list's address, as the filter that the list takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webapp.accounts.listing import UserFilter
from webapp.accounts.models import PortalRole, UserState
from webapp.applications.listing import ANY, ApplicationFilter
from webapp.applications.models import ApplicationState
from webapp.bookings.listing import OPEN, BookingFilter, PlanFilter
from webapp.bookings.models import BookingState
from webapp.bookings.plans import PlanState
from webapp.errors import InvalidInput
from webapp.jobs.listing import ACTIVE, JobFilter
from webapp.jobs.models import JobState
from webapp.pages.accounts.filters import user_filter
from webapp.pages.applications.filters import application_filter
from webapp.pages.approvals.filters import plan_filter
from webapp.pages.bookings.filters import booking_filter
from webapp.pages.jobs.filters import job_filter
from webapp.pages.pools.filters import instance_filter
from webapp.pages.statements.filters import statement_filter, typed_filter
from webapp.pools.listing import InstanceFilter
from webapp.pools.models import Reachability
from webapp.statements.listing import StatementFilter
from webapp.statements.models import StatementKind, StatementStatus

POOL = "01HZX3V5Q8J2K4M6N7P9R0S1T2"

READ = [
    (user_filter, {"q": " ann ", "state": "active", "role": "admin"},
     UserFilter("ann", UserState.ACTIVE, PortalRole.ADMIN)),
    (application_filter, {"state": "any", "q": "shop"}, ApplicationFilter(ANY, "shop")),
    (application_filter, {"state": "deployed"}, ApplicationFilter(ApplicationState.DEPLOYED)),
    (plan_filter, {"state": "ready"}, PlanFilter(PlanState.READY)),
    (booking_filter, {"state": "open", "kind": "add_login"}, BookingFilter(OPEN, "add_login")),
    (booking_filter, {"state": "failed", "q": "x" * 300}, BookingFilter(BookingState.FAILED, q="x" * 200)),
    (job_filter, {"state": "active", "pool": POOL}, JobFilter(ACTIVE, pool=POOL)),
    (job_filter, {"state": "failed", "q": "a\0b"}, JobFilter(JobState.FAILED, q="ab")),
    (instance_filter, {"pool": POOL, "state": "unreachable", "q": "sql\u200b01"},
     InstanceFilter("sql01", POOL, Reachability.UNREACHABLE)),
]  # fmt: skip


@pytest.mark.parametrize(("read", "arguments", "wanted"), READ)
def test_what_can_be_is_asked_for(read, arguments, wanted) -> None:
    assert read(arguments) == wanted


@pytest.mark.parametrize(
    ("read", "nothing"),
    [
        (user_filter, UserFilter()),
        (application_filter, ApplicationFilter()),
        (plan_filter, PlanFilter()),
        (booking_filter, BookingFilter()),
        (instance_filter, InstanceFilter()),
    ],
)
def test_what_cannot_be_asks_for_nothing(read, nothing) -> None:
    assert read({}) == nothing
    assert read(dict.fromkeys(("state", "kind", "role", "pool"), "nonsense'")) == nothing


def test_a_state_that_no_job_has_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nonsense is no state of a job") as refused:
        job_filter({"state": "nonsense"})
    assert refused.value.field == "state"


def test_moments_of_statements_are_utc() -> None:
    typed = typed_filter(
        {"kind": "change", "status": "error", "since": "2026-11-21", "until": "2026-11-21T14:30"}
    )
    assert typed["since"] == "2026-11-21"
    assert statement_filter(typed) == StatementFilter(
        kind=StatementKind.CHANGE, status=StatementStatus.ERROR,
        since=datetime(2026, 11, 21, tzinfo=UTC), until=datetime(2026, 11, 21, 14, 30, tzinfo=UTC),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text"),
    [("kind", "write"), ("status", "fine"), ("sha256", "xyz1"), ("since", "yesterday"), ("until", "25:00")],
)
def test_what_no_statement_can_have_is_refused(field: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        statement_filter(typed_filter({field: text}))
    assert refused.value.field == field
