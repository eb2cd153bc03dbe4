"""A plan's items as rows, and the approved plan that modules are given. Pure."""

from __future__ import annotations

from typing import Any

from webapp.bookings.items import item_kinds, items_hash
from webapp.bookings.plans import Plan, PlanItem
from webapp.statements.plan import FIELDS, VERSION, plan_hash


def wrong_items(plan: Plan) -> list[str]:
    """How the items differ from the plan's hash, themselves or its targets; [] when they fit."""
    found = [problem for one in plan.items for problem in _wrong(plan, one)]
    if [one.position for one in plan.items] != list(range(len(plan.items))):
        found.append("statements were added, removed or put in another order")
    if [one.position for one in plan.targets] != list(range(len(plan.targets))):
        found.append("targets were added, removed or put in another order")
    if items_hash(plan.items) != plan.hash:
        found.append("the statements are not those that the plan's hash was made of")
    return found


def _wrong(plan: Plan, item: PlanItem) -> list[str]:
    kind = item_kinds().get(item.kind)
    if kind is None:
        return [f"item {item.position + 1} is a {item.kind}, of which the platform knows nothing"]
    found = kind.problems(item)
    target = next((one for one in plan.targets if one.position == item.target), None)
    if target is None or item.inventory_host != target.name:
        noun = kind.nouns[0]
        found.append(f"{noun} {item.position + 1} is for {item.inventory_host}, which is not its target")
    return found


def approved_plan(plan: Plan) -> dict[str, Any]:
    """The file that the modules verify each statement against (docs/journal.md)."""
    statements = [{name: getattr(one, name) for name in FIELDS} for one in plan.statements]
    return {"version": VERSION, "hash": plan_hash(statements), "statements": statements}
