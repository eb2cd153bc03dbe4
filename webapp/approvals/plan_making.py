"""Make a plan of what its check-mode job journalled, and say what becomes of the booking then."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.approvals.checks import Check, checks_of
from webapp.approvals.decisions import approve_by_policy
from webapp.approvals.failures import NOT_POSSIBLE, STOPPED, for_customer, for_staff
from webapp.approvals.launches import launch_for
from webapp.approvals.signature import sign_plan
from webapp.audit.operations import PLATFORM
from webapp.bookings.history import note
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.outcome import booking_failed
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plan_states import lock_booking, move
from webapp.bookings.plans import Plan, PlanState, PlanStatement
from webapp.bookings.variables import password_for
from webapp.database import new_id, now
from webapp.jobs.models import Job, JobState
from webapp.policies.terms import approvers, own_ids, policy_for
from webapp.pools.models import ElevatedAccount, Instance
from webapp.statements.models import JobStatement, StatementStatus
from webapp.statements.plan import FIELDS, plan_hash


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
            customer=for_customer(outcome, otherwise=NOT_POSSIBLE),
        )  # fmt: skip
    else:
        _make(session, job, plan, booking)


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
        reason=text[:2000],
    )


def _make(session: Session, job: Job, plan: Plan, booking: Booking) -> None:
    instance = _instance_of(session, plan)
    if instance is None:
        _fail(
            session,
            job,
            plan,
            booking,
            "The run chose no instance that the platform knows.",
            customer=NOT_POSSIBLE,
        )
        return
    sources = _planned(session, job)
    plan.instance_id, plan.instance = instance.id, instance
    plan.statements = [_statement(position, source) for position, source in enumerate(sources)]
    plan.hash = plan_hash([{name: getattr(one, name) for name in FIELDS} for one in plan.statements])
    terms = policy_for(session, booking)
    plan.policy = terms.as_json()
    plan.launch = launch_for(booking, instance)
    checks = checks_of(
        plan, booking, instance, sources, secrets=_secrets(session, booking, instance),
        approvers=len(approvers(session, terms, besides=own_ids(booking))),
    )  # fmt: skip
    plan.checks = [check.as_json() for check in checks]
    wrong = [check for check in checks if check.is_blocking and not check.is_passed]
    if wrong:
        _fail(session, job, plan, booking, _sentences(wrong), customer=NOT_POSSIBLE)
        return
    plan.ready_at = now()
    plan.expires_at = plan.ready_at + timedelta(hours=terms.plan_hours)
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
        statements=len(plan.statements),
        instance=instance.name,
        policy=terms.name,
    )
    if terms.approvals == 0 or not plan.statements:
        approve_by_policy(session, plan, booking)


def _instance_of(session: Session, plan: Plan) -> Instance | None:
    """The one the booking was bound to before, else the one that was chosen."""
    if plan.instance_id is not None:
        return session.get(Instance, plan.instance_id)
    name = (plan.placement or {}).get("instance")
    return session.scalars(select(Instance).where(Instance.name == name)).one_or_none() if name else None


def _planned(session: Session, job: Job) -> list[JobStatement]:
    """What the attempt that went through would have sent, in order."""
    query = select(JobStatement).where(
        JobStatement.job_id == job.id,
        JobStatement.attempt == job.attempt,
        JobStatement.status == StatementStatus.PLANNED,
    )
    return list(session.scalars(query.order_by(JobStatement.seq, JobStatement.id)))


def _statement(position: int, source: JobStatement) -> PlanStatement:
    return PlanStatement(
        id=new_id(), position=position, instance=source.instance, inventory_host=source.inventory_host,
        database=source.database, template=source.template, template_revision=source.template_revision,
        sha256=source.sha256, text=source.text, secrets=source.secrets, task=source.task,
        words=source.words, object=source.object, creates=source.creates,
    )  # fmt: skip


def _secrets(session: Session, booking: Booking, instance: Instance) -> list[str]:
    account_id = instance.elevated_account.id
    query = select(ElevatedAccount).options(undefer(ElevatedAccount.login_password))
    account = session.scalars(query.where(ElevatedAccount.id == account_id)).one()
    return [secret for secret in (account.login_password, password_for(booking)) if secret]


def _sentences(checks: list[Check]) -> str:
    return "\n".join(f"{check.name}: {check.text}" for check in checks)
