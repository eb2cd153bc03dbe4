"""A plan's statements as rows, and the approved plan that modules are given. Pure."""

from __future__ import annotations

import hashlib
from typing import Any

from webapp.bookings.plans import Plan
from webapp.statements.plan import FIELDS, VERSION, plan_hash


def rows_of(plan: Plan) -> list[dict[str, Any]]:
    """The statements as the hash is made over them."""
    return [{name: getattr(one, name) for name in FIELDS} for one in plan.statements]


def wrong_statements(plan: Plan) -> list[str]:
    """How the statements differ from the plan's hash; [] when they fit."""
    found = [
        f"the text of statement {one.position + 1} was changed (it does not fit its own hash)"
        for one in plan.statements
        if hashlib.sha256(one.text.encode("utf-8")).hexdigest() != one.sha256
    ]
    if [one.position for one in plan.statements] != list(range(len(plan.statements))):
        found.append("statements were added, removed or put in another order")
    if plan_hash(rows_of(plan)) != plan.hash:
        found.append("the statements are not those that the plan's hash was made of")
    return found


def approved_plan(plan: Plan) -> dict[str, Any]:
    """The file that the modules verify each statement against (docs/journal.md)."""
    statements = rows_of(plan)
    return {"version": VERSION, "hash": plan_hash(statements), "statements": statements}
