"""A plan's state. Nothing else changes ``Plan.state``, but planning.withdraw_plans."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, update
from sqlalchemy.orm import Session

from webapp.approvals.models import Plan, PlanState


def move(session: Session, plan: Plan, *, to: PlanState, expected: tuple[PlanState, ...]) -> bool:
    """Bring ``plan`` from one of the ``expected`` states to another; whether it was in one of them.

    The row is locked until the transaction ends also when ``to`` is its state already: of two people who
    decide, the second waits here and then sees what the first did.
    """
    session.flush()
    changed = session.execute(
        update(Plan)
        .where(Plan.id == plan.id, Plan.state.in_(expected))
        .values(state=to)
        .execution_options(synchronize_session=False)
    )
    session.refresh(plan, ["state"])
    return cast("CursorResult[Any]", changed).rowcount == 1
