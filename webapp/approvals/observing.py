"""What the events of planning and applying tell: where the booking goes and why, failures, how to connect.

What playbooks return is told by its keys, which ``_RESULTS`` lists, not by its position.
"""

from __future__ import annotations

from typing import Any

from webapp.approvals.failures import DECISION
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.event_rows import failed_items, module_of
from webapp.pools.facts import summary_of

LONGEST_FAILURE = 4000  # characters of one failure
MOST_FAILURES = 20
_DECISIONS = ("assert", "fail")  # the modules by which a role refuses
_RESULTS = {"application_connection": "connection", "application_resized": "resized"}


def begin_outcome(plan: Plan) -> None:
    """A run begins: what an earlier one told is not about it."""
    is_planning = plan.state is PlanState.PLANNING
    if is_planning and not plan.is_as_told:
        return  # no plan is made of it; the gate has just looked at one that is carried out
    plan.outcome = {"failures": []}
    if is_planning:
        plan.placement = None
    plan.seal_told()


def take_event(plan: Plan, event: dict[str, Any]) -> None:
    """Note what ``event`` tells in ``plan.outcome`` and, while the plan is made, ``plan.placement``."""
    data = event.get("event_data") or {}
    result = data.get("res")
    if not isinstance(result, dict) or not plan.is_as_told:
        return
    match event.get("event"):
        case "runner_on_failed" | "runner_on_unreachable" if not data.get("ignore_errors"):
            _take_failure(plan, data, result)
        case "runner_on_ok":
            _take_results(plan, data, result)
    plan.seal_told()


def _take_results(plan: Plan, data: dict[str, Any], result: dict[str, Any]) -> None:
    for key, name in _RESULTS.items():
        if isinstance(result.get(key), dict):
            plan.outcome = {**(plan.outcome or {}), name: result[key]}
    facts = result.get("ansible_facts") or {}
    placement = facts.get("application_placement")
    cause = placement.get("cause") if isinstance(placement, dict) else facts.get("application_cause")
    if isinstance(cause, str):
        plan.outcome = {**(plan.outcome or {}), "cause": cause}
    if plan.state is not PlanState.PLANNING:
        return  # what an approver saw stays as it was
    if isinstance(placement, dict):
        plan.placement = {**(plan.placement or {}), **placement}
    elif module_of(data) == "mssql_discover":
        _take_candidate(plan, str(data.get("host", "")), result)


def _take_candidate(plan: Plan, name: str, result: dict[str, Any]) -> None:
    facts = result.get("instance")
    if isinstance(facts, dict):
        summary = summary_of(facts)
        seen: dict[str, Any] = {
            **summary.as_json(), "disk_used_percent": summary.disk_used_percent, "is_reachable": True,
        }  # fmt: skip
    else:
        seen = {"is_reachable": False, "error": _text(result)}
    candidates = {**((plan.placement or {}).get("candidates") or {}), name: seen}
    plan.placement = {**(plan.placement or {}), "candidates": candidates}


def _take_failure(plan: Plan, data: dict[str, Any], result: dict[str, Any]) -> None:
    outcome = plan.outcome or {}
    failures = [*(outcome.get("failures") or []), *_failures_in(data, result)]
    plan.outcome = {**outcome, "failures": failures[:MOST_FAILURES]}


def _failures_in(data: dict[str, Any], result: dict[str, Any]) -> list[dict[str, Any]]:
    """One for the task, or one for each item of its loop that failed."""
    found = []
    for one in failed_items(result) or [result]:
        told = one.get("error")
        error = told if isinstance(told, dict) else {}
        found.append(
            {
                "host": str(data.get("host", "")),
                "task": str(data.get("task", "")),
                "text": _text(one),
                "kind": error.get("kind") or (DECISION if module_of(data) in _DECISIONS else None),
                "number": error.get("number"),
            }
        )
    return found


def _text(result: dict[str, Any]) -> str:
    message = result.get("msg")
    if isinstance(message, list):
        message = " ".join(str(part) for part in message)
    return str(message or "It failed without a message.")[:LONGEST_FAILURE]
