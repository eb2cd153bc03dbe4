"""Signatures over plans and decisions, by a key that the platform database does not hold.

Whoever can write to the database can change a row, and cannot make a signature that fits it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from webapp.bookings.plans import Decision, Plan
from webapp.sealing import canonical, the_box

VERSION = 1
# Of a statement: what an approver sees and the plan's hash leaves out.
_SHOWN = ("position", "inventory_host", "template_revision", "secrets", "task", "creates")
_TOLD = ("words", "object")  # a plan from before there were words is sealed without them


def digest(document: Any) -> str:
    """sha256 over the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(document)).hexdigest()


def plan_document(plan: Plan) -> dict[str, Any]:
    """All of ``plan`` that must not change once it is ready."""
    has_words = any(one.words or one.object for one in plan.statements)
    names = (*_SHOWN, *_TOLD) if has_words else _SHOWN
    return {
        "version": VERSION,
        "what": "plan",
        "booking": plan.booking_id,
        "plan": plan.id,
        "number": plan.number,
        "job": plan.job_id,
        "instance": plan.instance_id,
        "plan_hash": plan.hash,
        "shown": digest([[getattr(one, name) for name in names] for one in plan.statements]),
        "launch": digest(plan.launch),
        "placement": digest(plan.placement),
        "checks": digest(plan.checks),
        "policy": digest(plan.policy),
        "created_at": _moment(plan.created_at),
        "ready_at": _moment(plan.ready_at),
        "expires_at": _moment(plan.expires_at),
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
