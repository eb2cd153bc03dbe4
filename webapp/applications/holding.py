"""Applications hold the pool and the instance that they are on."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.applications.models import Application
from webapp.applications.on_instance import applications_on
from webapp.pools.holders import SHOWN_NAMES, Holder
from webapp.pools.models import Instance, Pool


class ApplicationsHold(Holder):
    """By what they have on an instance, and by their history on a pool."""

    room = "applications"

    def keeps_instance(self, session: Session, instance: Instance) -> str | None:
        taken = applications_on(session, instance.id)
        return f"{_named(taken)} on it. Delete and purge them first" if taken else None

    def keeps_instance_name(self, session: Session, instance: Instance) -> str | None:
        taken = applications_on(session, instance.id)
        return f"{_named(taken)} on this instance" if taken else None

    def keeps_pool(self, session: Session, pool: Pool) -> str | None:
        if not _booked_on(session, pool):
            return None
        return f"Applications were booked on the pool {pool.name}; its history is kept. Close it instead."

    def keeps_pool_name(self, session: Session, pool: Pool) -> str | None:
        return "applications were booked on this pool" if _booked_on(session, pool) else None

    def forget_instance(self, session: Session, instance: Instance) -> None:
        for application in session.scalars(select(Application).where(Application.instance_id == instance.id)):
            application.instance_id = None
        session.flush()


def _booked_on(session: Session, pool: Pool) -> bool:
    return bool(session.scalar(select(func.count()).where(Application.pool_id == pool.id)))


def _named(applications: list[Application]) -> str:
    names = ", ".join(application.name for application in applications[:SHOWN_NAMES])
    more = len(applications) - SHOWN_NAMES
    whole = f"{names} and {more} more" if more > 0 else names
    return f"the application {whole} is" if len(applications) == 1 else f"the applications {whole} are"
