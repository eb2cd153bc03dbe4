"""Plans that wait hold the instance that they are made for."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.bookings.plans import Plan, PlanState
from webapp.pools.holders import Holder
from webapp.pools.models import Instance

OPEN_PLANS = (PlanState.PLANNING, PlanState.READY, PlanState.APPROVED)


class PlansHold(Holder):
    """Until they are carried out or withdrawn."""

    room = "bookings"

    def keeps_instance(self, session: Session, instance: Instance) -> str | None:
        plans = select(func.count()).where(Plan.instance_id == instance.id, Plan.state.in_(OPEN_PLANS))
        return "a request waits that is planned for it" if session.scalar(plans) else None

    def forget_instance(self, session: Session, instance: Instance) -> None:
        session.execute(update(Plan).where(Plan.instance_id == instance.id).values(instance_id=None))
