"""Plans that wait hold the instance that they are made for."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.bookings.plans import OPEN_PLANS, Plan, PlanTarget
from webapp.pools.holders import Holder
from webapp.pools.models import Instance
from webapp.pools.subjects import INSTANCE


class PlansHold(Holder):
    """Until they are carried out or withdrawn."""

    room = "bookings"

    def keeps_instance(self, session: Session, instance: Instance) -> str | None:
        plans = (
            select(func.count())
            .select_from(PlanTarget)
            .join(Plan, Plan.id == PlanTarget.plan_id)
            .where(
                PlanTarget.kind == INSTANCE,
                PlanTarget.target_id == instance.id,
                Plan.state.in_(OPEN_PLANS),
            )
        )
        return "a request waits that is planned for it" if session.scalar(plans) else None
