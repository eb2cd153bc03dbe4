"""What a run that failed is taken for: a target that changed is planned again, all else is a failure."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webapp.approvals.conftest import failed
from webapp.approvals.failures import is_refusal
from webapp.approvals.observing import begin_outcome, take_event
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.event_rows import message_of


def loop(*kinds: str | None, action: str = "sqlhosting.mssql.mssql_database") -> dict[str, Any]:
    """A looped task of which these items failed, after one that went well."""
    items = [
        {
            "failed": True,
            "msg": f"item {number}",
            **({"error": {"kind": kind, "number": 5149}} if kind else {}),
        }
        for number, kind in enumerate(kinds, start=1)
    ]
    result = {"msg": "One or more items failed", "results": [{"failed": False}, *items]}
    data = {"task": "A task", "task_action": action, "host": "sql01", "res": result}
    return {"event": "runner_on_failed", "event_data": data}


def told(result: dict[str, Any]) -> dict[str, Any]:
    return {"event": "runner_on_failed", "event_data": {"res": result}}


def taken(*events: dict[str, Any]) -> dict[str, Any]:
    plan = Plan(state=PlanState.APPROVED)
    begin_outcome(plan)
    for event in events:
        take_event(plan, event)
    return plan.outcome or {}


@pytest.mark.parametrize(
    ("event", "is_drift"),
    [
        (failed("not the next statement", "PlanRefused"), True),
        (failed("the role's own decision"), True),
        (failed("an option that does not fit what is there", "InvalidInput"), True),
        (loop("PlanRefused"), True),
        (failed("something else was read back", "NotAsAsked"), False),
        (failed("5149", "OutOfSpace"), False),
        (failed("nothing listens", "ConnectionFailed"), False),
        (loop("OutOfSpace"), False),
        (loop("PlanRefused", "NotAsAsked"), False),
        (loop(None), False),
        (loop(None, action="ansible.builtin.file"), False),
    ],
)
def test_only_a_refusal_is_drift(event: dict[str, Any], is_drift: bool) -> None:
    assert is_refusal(taken(event)) is is_drift


def test_each_item_of_a_loop_that_failed_has_its_own_cause() -> None:
    found = taken(loop("OutOfSpace", "Rejected"))["failures"]
    assert [(one["text"], one["kind"], one["number"]) for one in found] == [
        ("item 1", "OutOfSpace", 5149), ("item 2", "Rejected", 5149),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (loop("OutOfSpace"), "item 1"),
        (loop("OutOfSpace", "Rejected"), "item 1\nitem 2"),
        (failed(["two", "lines"]), "two\nlines"),
        ({"event": "runner_on_failed", "event_data": {"res": {"msg": "m", "results": ["odd", {}]}}}, "m"),
        (
            {"event": "runner_on_failed", "event_data": {"res": {"msg": "m", "results": [{"failed": True}]}}},
            "m",
        ),
        ({"event": "runner_on_failed"}, None),
    ],
)
def test_a_loops_message_is_what_its_items_said(event: dict[str, Any], message: str | None) -> None:
    assert message_of(event) == message
