"""Make a plan of what its check-mode job journalled, and say what becomes of the booking then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.applications.models import ApplicationDatabase, ApplicationState
from webapp.approvals.checks import Check, checks_of
from webapp.approvals.failures import NOT_POSSIBLE, STOPPED, for_customer, for_staff
from webapp.approvals.launches import bound_targets, launch_for
from webapp.approvals.operations import approve_by_policy
from webapp.approvals.signature import sign_plan
from webapp.audit.operations import PLATFORM
from webapp.bookings.capacity import largest_seen_mib
from webapp.bookings.history import note
from webapp.bookings.items import items_hash
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import LONGEST_REASON, Booking, BookingState
from webapp.bookings.outcome import booking_failed
from webapp.bookings.parameters import SMALLEST_MIB, floor_gib
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plan_states import lock_booking, move
from webapp.bookings.planning import set_targets
from webapp.bookings.plans import SEAL_VERSION, STATEMENT, Plan, PlanItem, PlanState
from webapp.bookings.standing import standing_problems
from webapp.bookings.variables import password_for
from webapp.database import new_id, now
from webapp.jobs.models import Job, JobState
from webapp.policies.terms import approvers, own_ids, policy_for
from webapp.pools.models import ElevatedAccount, Instance
from webapp.pools.subjects import INSTANCE
from webapp.statements.models import JobStatement, StatementStatus
from webapp.statements.seals import is_sealed


def planning_ended(session: Session, job: Job, plan: Plan) -> None:
    """``job`` has ended: make ``plan`` ready, or let it fail with its booking."""
    booking = lock_booking(session, plan.booking_id)
    session.refresh(plan, ["state"])
    if plan.state is not PlanState.PLANNING:
        return  # a newer one took its place, or the booking ended
    if booking.state is not BookingState.PENDING or booking.plan_id != plan.id:
        move(session, plan, to=PlanState.SUPERSEDED, expected=(PlanState.PLANNING,))
        return
    outcome = plan.outcome or {}
    if job.state is JobState.CANCELED:
        _fail(session, job, plan, booking, "The planning job was canceled.", customer=STOPPED)
    elif job.state is not JobState.SUCCESSFUL:
        _fail(
            session, job, plan, booking, for_staff(outcome.get("failures") or [], job.job_explanation),
            customer=for_customer(
                outcome, otherwise=NOT_POSSIBLE, fits_gib=_fits_gib(session, plan, booking)
            ),
        )  # fmt: skip
    elif problems := planning_problems(session, plan, booking):
        _fail(session, job, plan, booking, not_planned(problems), customer=NOT_POSSIBLE)
    else:
        _make(session, job, plan, booking)


def not_planned(problems: Sequence[str]) -> str:
    """What is said where no plan is made, as something was changed in the platform database."""
    return (
        f"No plan is made: {'; '.join(problems)}. Find out who can write to the platform database, then have "
        "the request planned again, or canceled and asked for again."
    )


def planning_problems(session: Session, plan: Plan, booking: Booking) -> list[str]:
    """What speaks against planning ``booking``, and against making ``plan`` of what the run told."""
    found = standing_problems(session, booking)
    if not plan.is_as_told:
        found.append("the plan's targets, or what its run told, were changed in the platform database")
    return found


def _fail(session: Session, job: Job, plan: Plan, booking: Booking, text: str, *, customer: str) -> None:
    plan.failure = text
    if not move(session, plan, to=PlanState.FAILED, expected=(PlanState.PLANNING,)):
        return
    booking_failed(session, booking, text=customer, job_id=job.id)
    record_plan(
        session,
        PLATFORM,
        "failed",
        plan,
        booking,
        reason=text[:LONGEST_REASON],
    )


def _fits_gib(session: Session, plan: Plan, booking: Booking) -> str | None:
    """How large the database could be on what the run saw; None when nothing would fit, or nobody knows."""
    if not kind_of(booking).asks_for_space:
        return None
    candidates = (plan.placement or {}).get("candidates") or {}
    database = session.get_one(ApplicationDatabase, booking.parameters["database_id"])
    is_there = database.state is ApplicationState.DEPLOYED
    before = (database.data_limit_mib, database.log_limit_mib) if is_there else (0, 0)
    is_placed = bool(plan.target_ids(INSTANCE))
    most = largest_seen_mib(database.application.pool, candidates, before=before if is_placed else None)
    return floor_gib(most) if most is not None and most > max(before[0], SMALLEST_MIB) else None


def _make(session: Session, job: Job, plan: Plan, booking: Booking) -> None:
    instances = _instances_of(session, plan, booking)
    if not instances:
        _fail(
            session,
            job,
            plan,
            booking,
            "The run chose no instance of the pool that the platform knows.",
            customer=NOT_POSSIBLE,
        )
        return
    sources = _planned(session, job)
    if not all(is_sealed(source) for source in sources):
        problem = "what the run would have sent was changed in the platform database"
        _fail(session, job, plan, booking, not_planned([problem]), customer=NOT_POSSIBLE)
        return
    set_targets(plan, instances)
    _note_own_collation(session, plan, booking)
    plan.items = [_statement(plan, position, source) for position, source in enumerate(sources)]
    plan.hash = items_hash(plan.items)
    terms = policy_for(session, booking, pool_ids={one.pool_id for one in instances})
    plan.policy = terms.as_json()
    plan.launch = launch_for(booking, bound_targets(session, plan))
    checks = checks_of(
        plan, booking, instances, sources, secrets=_secrets(session, booking, instances),
        approvers=len(approvers(session, terms, besides=own_ids(booking))),
    )  # fmt: skip
    plan.checks = [check.as_json() for check in checks]
    wrong = [check for check in checks if check.is_blocking and not check.is_passed]
    if wrong:
        _fail(session, job, plan, booking, _sentences(wrong), customer=NOT_POSSIBLE)
        return
    plan.ready_at = now()
    plan.expires_at = plan.ready_at + timedelta(hours=terms.plan_hours)
    plan.seal_version = SEAL_VERSION  # it may have been asked for before an update
    session.flush()
    plan.seal = sign_plan(plan)
    if not move(session, plan, to=PlanState.READY, expected=(PlanState.PLANNING,)):
        return
    note(session, booking, "planned", plan_id=plan.id, job_id=job.id)
    record_plan(
        session,
        PLATFORM,
        "ready",
        plan,
        booking,
        hash=plan.hash,
        statements=len(plan.items),
        instance=", ".join(plan.target_names),
        policy=terms.name,
    )
    if terms.approvals == 0 or not plan.items:
        approve_by_policy(session, plan, booking)


def _note_own_collation(session: Session, plan: Plan, booking: Booking) -> None:
    """Name the collation of a new database that gets its instance's own, for pages; the run is given none."""
    if not kind_of(booking).makes_database or booking.parameters.get("collation"):
        return
    database = session.get_one(ApplicationDatabase, booking.parameters["database_id"])
    if database.state is ApplicationState.RESERVED:
        seen = ((plan.placement or {}).get("candidates") or {}).get(plan.target_names[0]) or {}
        database.collation = seen.get("collation")


def _instances_of(session: Session, plan: Plan, booking: Booking) -> list[Instance]:
    """Those that the booking was bound to before, else the one of its pool that was chosen; [] when gone."""
    if bound := plan.target_ids(INSTANCE):
        found = [session.get(Instance, one) for one in bound]
        return [one for one in found if one is not None] if None not in found else []
    name, pool = (plan.placement or {}).get("instance"), kind_of(booking).pool(booking)
    if not name or pool is None:
        return []
    return list(session.scalars(select(Instance).where(Instance.name == name, Instance.pool_id == pool.id)))


def _planned(session: Session, job: Job) -> list[JobStatement]:
    """What the attempt that went through would have sent, in order."""
    query = select(JobStatement).where(
        JobStatement.job_id == job.id,
        JobStatement.attempt == job.attempt,
        JobStatement.status == StatementStatus.PLANNED,
    )
    return list(session.scalars(query.order_by(JobStatement.seq, JobStatement.id)))


def _statement(plan: Plan, position: int, source: JobStatement) -> PlanItem:
    # One for a host that is no target counts as the first target's: the checks refuse the plan then.
    names = plan.target_names
    target = names.index(source.inventory_host) if source.inventory_host in names else 0
    return PlanItem(
        id=new_id(), position=position, kind=STATEMENT, target=target, instance=source.instance,
        inventory_host=source.inventory_host, database=source.database, template=source.template,
        template_revision=source.template_revision, sha256=source.sha256, text=source.text,
        secrets=source.secrets, task=source.task, words=source.words,
        object=source.object, creates=source.creates,
    )  # fmt: skip


def _secrets(session: Session, booking: Booking, instances: Sequence[Instance]) -> list[str]:
    ids = {one.elevated_account.id for one in instances}
    query = select(ElevatedAccount).options(undefer(ElevatedAccount.login_password_sealed))
    accounts = session.scalars(query.where(ElevatedAccount.id.in_(ids)))
    known = (*(account.login_password for account in accounts), password_for(booking))
    return [secret for secret in known if secret]


def _sentences(checks: list[Check]) -> str:
    return "\n".join(f"{check.name}: {check.text}" for check in checks)
