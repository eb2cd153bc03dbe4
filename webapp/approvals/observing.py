"""What the events of planning and applying tell: where the booking goes and why, failures, how to connect.

/docs/engine.md says which results playbooks return; they are told by their keys, not by their position.
"""

from __future__ import annotations

from typing import Any

from webapp.bookings.plans import Plan, PlanState
from webapp.pools.facts import summary_of

LONGEST_FAILURE = 4000  # characters of one failure
MOST_FAILURES = 20
_RESULTS = {"application_connection": "connection", "application_resized": "resized"}


def begin_outcome(plan: Plan) -> None:
    """A run begins: what an earlier one told is not about it."""
    plan.outcome = {"failures": []}


def take_event(plan: Plan, event: dict[str, Any]) -> None:
    """Note what ``event`` tells in ``plan.outcome`` and, while the plan is made, ``plan.placement``."""
    data = event.get("event_data") or {}
    result = data.get("res")
    if not isinstance(result, dict):
        return
    match event.get("event"):
        case "runner_on_failed" | "runner_on_unreachable" if not data.get("ignore_errors"):
            _take_failure(plan, data, result)
        case "runner_on_ok":
            _take_results(plan, data, result)


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
    elif str(data.get("task_action", "")).endswith("mssql_discover"):
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
    error = result.get("error") if isinstance(result.get("error"), dict) else {}
    outcome = plan.outcome or {}
    failures = list(outcome.get("failures") or [])
    if len(failures) < MOST_FAILURES:
        failures.append(
            {
                "host": str(data.get("host", "")),
                "task": str(data.get("task", "")),
                "text": _text(result),
                "kind": (error or {}).get("kind"),
                "number": (error or {}).get("number"),
            }
        )
    plan.outcome = {**outcome, "failures": failures}


def _text(result: dict[str, Any]) -> str:
    message = result.get("msg")
    if isinstance(message, list):
        message = " ".join(str(part) for part in message)
    return str(message or "It failed without a message.")[:LONGEST_FAILURE]
