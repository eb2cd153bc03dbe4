"""Policies hold the pool that they are about."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.policies.models import Policy
from webapp.pools.holders import Holder
from webapp.pools.models import Pool


class PoliciesHold(Holder):
    """As long as they are there."""

    room = "policies"

    def keeps_pool(self, session: Session, pool: Pool) -> str | None:
        if not session.scalar(select(func.count()).where(Policy.pool_id == pool.id)):
            return None
        return f"A policy is about the pool {pool.name}. Change the policy first."
