"""What pools and instances still hold: seen by discovery, less what is asked for and not there yet."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, selectinload

from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.pools.facts import Summary, summary_from
from webapp.pools.listing import newest_discoveries
from webapp.pools.models import Instance, Pool, Reachability


@dataclass(frozen=True)
class InstanceCapacity:
    """What one open instance may still promise, in MiB. None: nobody could see it yet."""

    instance_id: str
    name: str
    free_mib: float | None


@dataclass(frozen=True)
class PoolCapacity:
    """What a pool may still promise to new databases (data and log limits together)."""

    instances: tuple[InstanceCapacity, ...]

    @property
    def largest_mib(self) -> float | None:
        """The most that one booking can get: it goes to one instance. None: nothing is known."""
        known = [instance.free_mib for instance in self.instances if instance.free_mib is not None]
        return max(known, default=None)

    @property
    def total_mib(self) -> float | None:
        """What all instances together may promise. None: nothing is known."""
        known = [instance.free_mib for instance in self.instances if instance.free_mib is not None]
        return sum(known) if known else None


def capacity_of(session: Session, pool: Pool) -> PoolCapacity:
    """What the pool's open, reachable instances may still promise, from the newest discoveries.

    Databases that are asked for and not there yet are taken off: from their instance, or, as long as none is
    chosen, from the one with most room, which is where they would go.
    """
    query = select(Instance).where(
        Instance.pool_id == pool.id, Instance.is_open, Instance.reachability != Reachability.UNREACHABLE
    )
    instances = list(session.scalars(query.order_by(Instance.name)))
    found = newest_discoveries(session, [instance.id for instance in instances])
    free: dict[str, float | None] = {}
    for instance in instances:
        summary = summary_from(found[instance.id].summary) if instance.id in found else Summary()
        free[instance.id] = summary.unpromised_mib(pool.disk_free_percent)
    left = free_after(free, _reserved(session, pool))
    return PoolCapacity(
        tuple(InstanceCapacity(instance.id, instance.name, left[instance.id]) for instance in instances)
    )


def free_after(
    free: dict[str, float | None], reserved: list[tuple[str | None, float]]
) -> dict[str, float | None]:
    """``free`` MiB by instance after ``reserved`` (instance or None, MiB). Pure."""
    left = dict(free)
    for instance_id, mib in sorted(reserved, key=lambda one: (one[0] is None, -one[1])):
        place = instance_id
        if place is None:
            known = {key: value for key, value in left.items() if value is not None}
            place = max(known, key=lambda key: known[key], default=None)
        if place is not None and (now_free := left.get(place)) is not None:
            left[place] = max(0.0, now_free - mib)
    return left


def _reserved(session: Session, pool: Pool) -> list[tuple[str | None, float]]:
    """What was booked on the pool and is not there yet: (instance, MiB) of each application."""
    query = (
        select(
            Application.instance_id,
            func.sum(ApplicationDatabase.data_limit_mib + ApplicationDatabase.log_limit_mib),
        )
        .join(Application, Application.id == ApplicationDatabase.application_id)
        .where(Application.pool_id == pool.id, ApplicationDatabase.state == ApplicationState.RESERVED)
        .group_by(Application.id, Application.instance_id)
    )
    return [(instance_id, float(mib)) for instance_id, mib in session.execute(query)]


def applications_on(session: Session, instance_id: str) -> list[Application]:
    """The applications that are or shall come on the instance, or whose data is kept there; by name."""
    holds_its_name = Application.name_key == func.lower(Application.name)  # until it is purged
    query = select(Application).where(
        Application.instance_id == instance_id,
        or_(
            Application.state.in_((ApplicationState.RESERVED, ApplicationState.DEPLOYED)),
            and_(Application.state == ApplicationState.DELETED, holds_its_name),
        ),
    )
    return list(
        session.scalars(query.options(selectinload(Application.databases)).order_by(Application.name))
    )
