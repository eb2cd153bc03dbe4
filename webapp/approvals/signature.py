"""Signatures over plans and decisions, by a key that the platform database does not hold.

Whoever can write to the database can change a row, and cannot make a signature that fits it. ``seal_version``
says which document a plan was signed by: those made before an update hold as they were made.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from webapp.bookings.items import shown_of
from webapp.bookings.plans import STATEMENT, Decision, Plan
from webapp.pools.subjects import INSTANCE
from webapp.sealing import canonical, the_box

# Of a statement, in version 1: what an approver sees and the plan's hash leaves out.
_SHOWN = ("position", "inventory_host", "template_revision", "secrets", "task", "creates")
_TOLD = ("words", "object")  # of every item, since version 3


def digest(document: Any) -> str:
    """sha256 over the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


def plan_document(plan: Plan) -> dict[str, Any]:
    """All of ``plan`` that must not change once it is ready."""
    return {
        "version": plan.seal_version,
        "what": "plan",
        "booking": plan.booking_id,
        "plan": plan.id,
        "number": plan.number,
        "job": plan.job_id,
        **(_one_instance(plan) if plan.seal_version == 1 else _targets_and_items(plan)),
        "plan_hash": plan.hash,
        "launch": digest(plan.launch),
        "placement": digest(plan.placement),
        "checks": digest(plan.checks),
        "policy": digest(plan.policy),
        "created_at": _moment(plan.created_at),
        "ready_at": _moment(plan.ready_at),
        "expires_at": _moment(plan.expires_at),
    }


def _targets_and_items(plan: Plan) -> dict[str, Any]:
    """The set of targets, and of every item its place, its target and what is shown of it.

    Version 2 is from before items had words: there none fits, so that nobody can put some into the row.
    """
    names = () if plan.seal_version == 2 else _TOLD
    if not names and _has_words(plan):
        return {"more": "than version 2 can hold"}
    shown = [[*shown_of(one), *(getattr(one, name) for name in names)] for one in plan.items]
    return {
        "targets": [[one.position, one.kind, one.target_id, one.name] for one in plan.targets],
        "shown": digest(shown),
    }


def _has_words(plan: Plan) -> bool:
    return any(getattr(one, name) is not None for one in plan.items for name in _TOLD)


def _one_instance(plan: Plan) -> dict[str, Any]:
    """Version 1: plans of before there were several targets, made for one instance and of statements only.

    What version 1 leaves out has one value that fits, so that a plan cannot be made into more than it was.
    The target's name is compared with its items (item_rows.py) and its row (the gate).
    """
    is_one = len(plan.targets) == 1 and plan.targets[0].kind == INSTANCE and plan.targets[0].position == 0
    is_more = any(one.kind != STATEMENT or one.target != 0 for one in plan.items)
    if not is_one or is_more or _has_words(plan):
        return {"more": "than version 1 can hold"}
    return {
        "instance": plan.targets[0].target_id,
        "shown": digest([[getattr(one, name) for name in _SHOWN] for one in plan.items]),
    }


def decision_document(plan: Plan, decision: Decision) -> dict[str, Any]:
    """What an approver signs: the decision, and the plan as it is."""
    return {
        **plan_document(plan),
        "what": "decision",
        "decision": decision.id,
        "requester": ((plan.launch or {}).get("booking") or {}).get("requester_id"),
        "decision_hash": decision.plan_hash,
        "user": decision.user_id,
        "role": decision.role,
        "kind": decision.kind.value,
        "reason": decision.reason,
        "at": _moment(decision.at),
    }


def sign_plan(plan: Plan) -> str:
    """The platform's seal of a ready plan."""
    return the_box().sign(canonical(plan_document(plan)))


def is_sealed(plan: Plan) -> bool:
    """Whether ``plan`` is as the platform made it."""
    return plan.seal is not None and the_box().is_signed(canonical(plan_document(plan)), plan.seal)


def sign_decision(plan: Plan, decision: Decision) -> str:
    """The signature of ``decision`` about ``plan``."""
    return the_box().sign(canonical(decision_document(plan, decision)))


def is_signed(plan: Plan, decision: Decision) -> bool:
    """Whether ``decision`` was made by the platform, about this very plan, and is as it was."""
    return the_box().is_signed(canonical(decision_document(plan, decision)), decision.signature)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")
