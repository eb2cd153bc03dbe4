"""The hosting team's first page: what waits, what runs, what needs attention, how full the pools are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, undefer

from webapp.accounts.models import User, UserState
from webapp.applications.fullness import CRITICAL, is_full, size_text
from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.bookings.capacity import pool_capacity
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.bookings.wording import staff_failure
from webapp.database import now
from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobState, WorkerHeartbeat
from webapp.pools.facts import Summary, summary_from
from webapp.pools.listing import newest_discoveries
from webapp.pools.models import ElevatedAccount, Instance, Pool, Reachability
from webapp.signed_rows import name_of
from webapp.statements.stored import changes_sent
from webapp.web.places import Place, place

LISTED = 8  # rows of a list on the first page; its own page has all
EXPIRES_SOON = timedelta(hours=12)
NEARLY_FULL = 0.85  # of what a pool may promise
WORKER_SILENT = timedelta(minutes=2)


@dataclass(frozen=True)
class WaitingApproval:
    """A plan that waits for a decision."""

    plan: Plan
    title: str
    requester: User


@dataclass(frozen=True)
class Attention:
    """Something that somebody should look at. ``place``: where."""

    level: str  # danger or warning
    what: str
    text: str
    place: Place
    at: datetime | None = None


@dataclass(frozen=True)
class PoolFill:
    """How much of what a pool may promise to databases is promised; MiB. None: nobody has looked yet."""

    pool: Pool
    instances: int  # open ones
    promised_mib: float | None
    capacity_mib: float | None

    @property
    def share(self) -> float:
        """1 is full."""
        return (self.promised_mib or 0) / self.capacity_mib if self.capacity_mib else 0.0


def approvals_waiting(session: Session) -> list[WaitingApproval]:
    """Plans that wait for a decision, the oldest first."""
    query = (
        select(Plan)
        .where(Plan.state == PlanState.READY)
        .options(
            joinedload(Plan.booking).joinedload(Booking.requester),
            joinedload(Plan.booking).joinedload(Booking.application).joinedload(Application.pool),
        )
        .order_by(Plan.id)
        .limit(LISTED)
    )
    return [
        WaitingApproval(plan, title_for(plan.booking), plan.booking.requester)
        for plan in session.scalars(query)
    ]


def count_of(session: Session, *conditions: object) -> int:
    """How many rows fulfil all ``conditions``."""
    return session.scalar(select(func.count()).where(*conditions)) or 0  # type: ignore[arg-type]


def job_counts(session: Session) -> dict[JobState, int]:
    """How many jobs run, wait for a worker, or wait for a lock."""
    states = (JobState.RUNNING, *QUEUED_JOB_STATES)
    query = select(Job.state, func.count()).where(Job.state.in_(states)).group_by(Job.state)
    return dict.fromkeys(states, 0) | {row[0]: row[1] for row in session.execute(query)}


def jobs_under_way(session: Session) -> list[Job]:
    """Jobs that run or queue, the newest first; when there are none, the newest that ended."""
    newest = select(Job).order_by(Job.id.desc()).limit(LISTED)
    under_way = newest.where(Job.state.in_((JobState.RUNNING, *QUEUED_JOB_STATES)))
    return list(session.scalars(under_way)) or list(session.scalars(newest))


def pool_fills(session: Session) -> list[PoolFill]:
    """Each pool and how much of it is promised, by name."""
    return [_fill(session, pool) for pool in session.scalars(select(Pool).order_by(Pool.name))]


def _fill(session: Session, pool: Pool) -> PoolFill:
    open_ids = list(session.scalars(select(Instance.id).where(Instance.pool_id == pool.id, Instance.is_open)))
    free = {one.instance_id: one.free_mib for one in pool_capacity(session, pool).instances}
    found = newest_discoveries(session, [key for key, mib in free.items() if mib is not None])
    usable = sum(_usable_mib(summary_from(row.summary), pool.disk_free_percent) for row in found.values())
    left = sum(free[key] or 0 for key in found)
    if not found or not usable:
        return PoolFill(pool, len(open_ids), None, None)
    return PoolFill(pool, len(open_ids), max(0.0, usable - left), usable)


def _usable_mib(summary: Summary, disk_free_percent: float) -> float:
    return (summary.disk_total_mib or 0) * (1 - disk_free_percent / 100)


def attention(session: Session, fills: list[PoolFill], *, is_admin: bool) -> list[Attention]:
    """What needs somebody, the worst first. ``fills``: of :func:`pool_fills`."""
    found = [
        *_workers(session),
        *_changed_rows(session),
        *_unstored(session),
        *_instances(session),
        *_failed_bookings(session),
        *_full_databases(session),
        *_full_pools(fills),
        *_expiring_plans(session),
        *_expired_plans(session),
    ]
    if is_admin:
        found += _pending_users(session)
    return sorted(found, key=lambda one: one.level != "danger")


def _workers(session: Session) -> list[Attention]:
    queued = count_of(session, Job.state.in_(QUEUED_JOB_STATES))
    alive = count_of(
        session,
        WorkerHeartbeat.kind == "worker",
        WorkerHeartbeat.stopped_at.is_(None),
        WorkerHeartbeat.last_seen_at > now() - WORKER_SILENT,
    )
    if not queued or alive:
        return []
    jobs = "1 job waits" if queued == 1 else f"{queued} jobs wait"
    return [
        Attention(
            "danger", "No worker is alive", f"{jobs} and nobody takes them: start one.", place("jobs.index")
        )
    ]


def _unstored(session: Session) -> list[Attention]:
    """Jobs whose journals hold lines that no row says."""
    jobs = session.scalars(select(Job).where(Job.unstored.is_not(None)).order_by(Job.id.desc()).limit(LISTED))
    return [
        Attention(
            "danger",
            f"Statements of “{job.title}” are not stored",
            "Lines of its journal stand nowhere else. Its page says where that is kept and what to do.",
            place("jobs.job_page", job_id=job.id),
        )
        for job in jobs
        if job.kept
    ]


def _changed_rows(session: Session) -> list[Attention]:
    """What decides where passwords are sent, and does not count since somebody changed it."""
    rows: list[tuple[ElevatedAccount | Pool | Instance, Place]] = [
        *(
            (row, place("elevated_accounts.edit", account_id=row.id))
            for row in session.scalars(_by_name(ElevatedAccount))
        ),
        *((row, place("pools.show", pool_id=row.id)) for row in session.scalars(_by_name(Pool))),
        *((row, place("instances.show", instance_id=row.id)) for row in session.scalars(_by_name(Instance))),
    ]
    return [
        Attention("danger", f"{name_of(row)} was changed behind the platform's back", row.REMEDY, where)
        for row, where in rows
        if not row.is_intact
    ]


def _by_name(kind: type[Any]) -> Select[tuple[Any]]:
    return select(kind).options(undefer("*")).order_by(kind.name)


def _instances(session: Session) -> list[Attention]:
    query = select(Instance).where(Instance.is_open).order_by(Instance.name)
    found = []
    for instance in session.scalars(query):
        where = place("instances.show", instance_id=instance.id)
        if instance.reachability is Reachability.UNREACHABLE:
            text = instance.last_error or "It does not answer."
            found.append(
                Attention("danger", f"{instance.name} is unreachable", text, where, instance.last_seen_at)
            )
        elif instance.account_check and not instance.account_check.get("ok"):
            text = _account_problem(instance.account_check)
            found.append(
                Attention(
                    "danger",
                    f"The account on {instance.name} fails",
                    text,
                    where,
                    instance.account_checked_at,
                )
            )
    return found


def _account_problem(check: dict[str, Any]) -> str:
    missing = [str(one.get("right")) for one in check.get("missing") or []]
    if missing:
        return f"Missing: {', '.join(missing)}."
    return str(check.get("error") or " ".join(check.get("obstacles") or []) or "The check failed.")


def _failed_bookings(session: Session) -> list[Attention]:
    # What its jobs said; the booking has only the words for its customer.
    query = (
        select(Booking, Plan.failure, Job.job_explanation)
        .outerjoin(Plan, Plan.id == Booking.plan_id)
        .outerjoin(Job, Job.id == Booking.job_id)
        .where(Booking.state == BookingState.FAILED)
        .options(joinedload(Booking.application).joinedload(Application.pool))
        .order_by(Booking.id.desc())
        .limit(LISTED)
    )
    return [
        Attention(
            "danger", f"{title_for(one)}: failed",
            staff_failure(
                one, planning=planning, applying=applying,
                sent=changes_sent(session, one.job_id) if one.job_id else 0,
            ),
            place("bookings.show", booking_id=one.id), one.ended_at,
        )
        for one, planning, applying in session.execute(query)
    ]  # fmt: skip


def _full_databases(session: Session) -> list[Attention]:
    query = (
        select(ApplicationDatabase)
        .join(ApplicationDatabase.application)
        .where(
            ApplicationDatabase.state == ApplicationState.DEPLOYED,
            or_(
                ApplicationDatabase.data_used_mib >= ApplicationDatabase.data_limit_mib * CRITICAL,
                ApplicationDatabase.log_used_mib >= ApplicationDatabase.log_limit_mib * CRITICAL,
            ),
        )
        .options(joinedload(ApplicationDatabase.application))
        .limit(LISTED)
    )
    return [_full_database(one) for one in session.scalars(query)]


def _full_database(one: ApplicationDatabase) -> Attention:
    data = ("", one.data_used_mib or 0, one.data_limit_mib)
    log = ("The log of ", one.log_used_mib or 0, one.log_limit_mib)
    what, used_mib, limit_mib = max(data, log, key=lambda size: size[1] / size[2] if size[2] else 0)
    fullness = "full" if is_full(used_mib, limit_mib) else "nearly full"
    return Attention(
        "danger", f"{what}{one.full_name} is {fullness}",
        f"{size_text(used_mib)} of {size_text(limit_mib)} are used.",
        place("applications.show_tab", application_id=one.application_id, tab="databases"), one.measured_at,
    )  # fmt: skip


def _full_pools(fills: list[PoolFill]) -> list[Attention]:
    return [
        Attention(
            "warning", f"Pool {fill.pool.name} is nearly full",
            f"{fill.share * 100:.0f} % of what it may promise is promised.",
            place("pools.show", pool_id=fill.pool.id),
        )
        for fill in fills
        if fill.share >= NEARLY_FULL
    ]  # fmt: skip


def _expiring_plans(session: Session) -> list[Attention]:
    query = (
        select(Plan)
        .where(Plan.state == PlanState.READY, Plan.expires_at < now() + EXPIRES_SOON)
        .options(joinedload(Plan.booking).joinedload(Booking.application).joinedload(Application.pool))
        .order_by(Plan.expires_at)
        .limit(LISTED)
    )
    return [
        Attention(
            "warning", f"{title_for(plan.booking)}: its plan expires",
            "Afterwards it has to be planned again.",
            place("approvals.show", plan_id=plan.id), plan.expires_at,
        )
        for plan in session.scalars(query)
    ]  # fmt: skip


def _expired_plans(session: Session) -> list[Attention]:
    """Requests that nobody approved in time: they wait until somebody has them planned again."""
    query = (
        select(Plan)
        .join(Booking, Booking.plan_id == Plan.id)
        .where(Plan.state == PlanState.EXPIRED, Booking.state == BookingState.PENDING)
        .options(joinedload(Plan.booking).joinedload(Booking.application).joinedload(Application.pool))
        .order_by(Plan.expires_at)
        .limit(LISTED)
    )
    return [
        Attention(
            "warning", f"{title_for(plan.booking)}: its plan expired",
            "Nobody approved it in time. Have it planned again.",
            place("approvals.show", plan_id=plan.id), plan.expires_at,
        )
        for plan in session.scalars(query)
    ]  # fmt: skip


def _pending_users(session: Session) -> list[Attention]:
    query = select(User).where(User.state == UserState.PENDING).order_by(User.id).limit(LISTED)
    return [
        Attention(
            "warning",
            f"{user.email} registered",
            user.message or "Waits for a decision.",
            place("users.index"),
            user.created_at,
        )
        for user in session.scalars(query)
    ]
