"""What there still is for what customers ask for: seen by discovery, less what is asked for already.

The arithmetic is that of the placement in the collection, which the playbooks decide by (a test compares): a
new application needs an instance under every threshold of its pool; what is there already stays where it is,
so only the disk of its own instance counts, and only what comes on top.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.planning import APPLY_BOOKING
from webapp.bookings.subjects import BOOKING
from webapp.jobs.models import Job
from webapp.jobs.subjects import is_about
from webapp.pools.facts import Summary, summary_from
from webapp.pools.listing import newest_discoveries, newest_discovery
from webapp.pools.models import Instance, Pool, Reachability
from webapp.statements.stored import changes_sent
from webapp.units import MIB_PER_GIB

SMALLEST_LOG_MIB = 512
LOG_SHARE = 4  # a log may grow to a quarter of its data file, and to no less than SMALLEST_LOG_MIB


@dataclass(frozen=True)
class InstanceCapacity:
    """What one open instance may still promise to new databases, in MiB. None: nobody could see it yet."""

    instance_id: str
    name: str
    free_mib: float | None
    against: tuple[str, ...] = ()  # the thresholds that it has reached: nothing new goes there


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


def log_limit_mib(data_mib: int, pool: Pool) -> int:
    """How far the log of a database of that size may grow, in MiB."""
    return min(max(SMALLEST_LOG_MIB, data_mib // LOG_SHARE), pool.largest_log_gib * MIB_PER_GIB)


def pool_capacity(session: Session, pool: Pool, *, besides: Collection[str] = ()) -> PoolCapacity:
    """What the pool's open, reachable instances may still promise, from the newest discoveries.

    Databases that are asked for and not there yet are taken off: from their instance, or, as long as none is
    chosen, from the one with most room, which is where they would go. ``besides``: ids of databases that are
    asked for and shall not count, because they are asked for anew.
    """
    query = select(Instance).where(
        Instance.pool_id == pool.id, Instance.is_open, Instance.reachability != Reachability.UNREACHABLE
    )
    instances = list(session.scalars(query.order_by(Instance.name)))
    found = newest_discoveries(session, [instance.id for instance in instances])
    seen = {key: summary_from(row.summary) for key, row in found.items()}
    free = {one.id: new_capacity_mib(seen[one.id], pool) if one.id in seen else None for one in instances}
    left = free_after(free, _reserved(session, pool, besides))
    return PoolCapacity(
        tuple(
            InstanceCapacity(
                one.id, one.name, left[one.id],
                tuple(seen[one.id].reached(pool.thresholds)) if one.id in seen else (),
            )
            for one in instances
        )
    )  # fmt: skip


def own_capacity_mib(
    session: Session, application: Application, *, besides: Collection[str] = ()
) -> float | None:
    """What the instance of a deployed application may still promise to it. None: nobody could see it."""
    pool, instance_id = application.pool, application.instance_id
    found = newest_discovery(session, instance_id) if instance_id else None
    if instance_id is None or found is None:
        return None
    free: dict[str, float | None] = {instance_id: disk_capacity_mib(summary_from(found.summary), pool)}
    reserved = [one for one in _reserved(session, pool, besides) if one[0] == instance_id]
    return free_after(free, reserved)[instance_id]


def new_capacity_mib(seen: Summary, pool: Pool) -> float:
    """What an instance that looks like this may promise to a new application. Pure."""
    return 0.0 if seen.reached(pool.thresholds) else disk_capacity_mib(seen, pool)


def disk_capacity_mib(seen: Summary, pool: Pool) -> float:
    """What its disk may promise; nothing where the platform's login cannot see it. Pure."""
    return seen.unpromised_mib(pool.disk_free_percent) or 0.0


def largest_data_mib(pool: Pool, capacity_mib: float | None, *, before: tuple[int, int] = (0, 0)) -> int:
    """The largest data limit that can be asked for. Pure.

    ``capacity_mib``: what limits of data and log may come to on top of ``before`` (data and log limit of a
    database that is there); None where nobody knows: then only the pool's own limit counts. 0: nothing fits.
    """
    data_before, log_before = before
    low, high = 0, pool.largest_data_gib * MIB_PER_GIB
    if capacity_mib is None:
        return high
    most = capacity_mib + data_before + log_before
    while low < high:
        middle = (low + high + 1) // 2
        if middle + max(log_before, log_limit_mib(middle, pool)) <= most:
            low = middle
        else:
            high = middle - 1
    return low


def largest_seen_mib(
    pool: Pool, candidates: Mapping[str, Mapping[str, object]], *, before: tuple[int, int] | None = None
) -> int | None:
    """The largest data limit, by what a planning run saw of the instances that it looked at. Pure.

    ``candidates``: of ``Plan.placement``. ``before``: the limits of the database on the instance that it is
    on, (0, 0) for a new one there; None for an application that is still to be placed. None: no answer.
    """
    seen = [summary_from(dict(one)) for one in candidates.values() if one.get("is_reachable")]
    if not seen:
        return None
    capacity = disk_capacity_mib if before is not None else new_capacity_mib
    return largest_data_mib(pool, max(capacity(one, pool) for one in seen), before=before or (0, 0))


def free_after(
    free: dict[str, float | None], reserved: Iterable[tuple[str | None, float]]
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


def _reserved(session: Session, pool: Pool, besides: Collection[str]) -> list[tuple[str | None, float]]:
    """What was booked on the pool and is not there yet: (instance, MiB) of each application."""
    query = (
        select(
            Application.instance_id,
            func.sum(ApplicationDatabase.data_limit_mib + ApplicationDatabase.log_limit_mib),
        )
        .join(Application, Application.id == ApplicationDatabase.application_id)
        .where(
            Application.pool_id == pool.id,
            ApplicationDatabase.state == ApplicationState.RESERVED,
            ApplicationDatabase.id.not_in({*besides, *_nowhere(session)}),
        )
        .group_by(Application.id, Application.instance_id)
    )
    return [(instance_id, float(mib)) for instance_id, mib in session.execute(query)]


def _nowhere(session: Session) -> set[str]:
    """The databases of requests that failed before they changed anything: they take no room from others."""
    failed = session.scalars(select(Booking).where(Booking.state == BookingState.FAILED))
    return {
        str(one.parameters["database_id"])
        for one in failed
        if one.parameters.get("database_id") and not has_changed(session, one)
    }


def has_changed(session: Session, booking: Booking) -> bool:
    """Whether a job of ``booking`` sent a statement that changes something."""
    if booking.job_id is None:
        return False
    query = select(Job.id).where(Job.template == APPLY_BOOKING, is_about(BOOKING, booking.id))
    return any(changes_sent(session, job_id) for job_id in session.scalars(query))
