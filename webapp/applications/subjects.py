"""Applications as what jobs are about and lock: two requests for one application never run together."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.models import Application
from webapp.jobs.subjects import TargetKind

APPLICATION = "application"


class Applications(TargetKind):
    """Locked, but no plan is for one: its items are carried out on instances."""

    name = APPLICATION
    endpoint = "applications.show"

    def names(self, session: Session, ids: Collection[str]) -> dict[str, str]:
        query = select(Application.id, Application.name).where(Application.id.in_(ids))
        return {row.id: row.name for row in session.execute(query)}
