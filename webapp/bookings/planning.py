"""Have a booking planned: its playbook in check mode, in a job of its own."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plans import OPEN_PLANS, Plan, PlanState, PlanTarget
from webapp.bookings.subjects import BOOKING
from webapp.bookings.variables import title_for
from webapp.database import new_id
from webapp.jobs.models import Job, JobSubject
from webapp.jobs.operations import launch
from webapp.jobs.subjects import is_about, references
from webapp.pools.models import Instance
from webapp.pools.subjects import INSTANCE
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

PLAN_BOOKING, APPLY_BOOKING = "plan_booking", "apply_booking"  # the names of the job templates


def plan_booking(session: Session, booking: Booking, *, actor: Actor) -> Plan:
    """A new plan for a pending ``booking``, made by a job; older ones that are open are superseded."""
    withdraw_plans(session, booking)
    newest = session.scalar(select(func.max(Plan.number)).where(Plan.booking_id == booking.id))
    kind = kind_of(booking)
    instances = _existing(session, kind.instance_id(session, booking))
    plan = Plan(id=new_id(), booking_id=booking.id, number=(newest or 0) + 1, state=PlanState.PLANNING)
    set_targets(plan, instances)
    session.add(plan)
    session.flush()
    customer = kind.customer(booking)
    job = launch(
        session, template=PLAN_BOOKING, title=f"Plan: {title_for(booking)}", parameters={"plan_id": plan.id},
        targets=[subject_of(booking)], subjects=subjects_of(booking, plan), check_mode=True,
        customer_id=customer.id if customer else None, launched_by=actor,
    )  # fmt: skip
    plan.job_id = job.id
    booking.plan_id = plan.id
    record_plan(
        session,
        actor,
        "requested",
        plan,
        booking,
        number=plan.number,
        job_id=job.id,
    )
    session.flush()
    return plan


def withdraw_plans(session: Session, booking: Booking) -> None:
    """No open plan of ``booking`` counts any more: a new one takes its place, or the booking has ended."""
    session.execute(
        update(Plan)
        .where(Plan.booking_id == booking.id, Plan.state.in_(OPEN_PLANS))
        .values(state=PlanState.SUPERSEDED)
        .execution_options(synchronize_session="fetch")
    )


def set_targets(plan: Plan, instances: Sequence[Instance]) -> None:
    """``plan`` is for these instances, in this order; sealed so."""
    if plan.target_ids(INSTANCE) != [one.id for one in instances]:
        plan.targets = [
            PlanTarget(id=new_id(), position=position, kind=INSTANCE, target_id=one.id, name=one.name)
            for position, one in enumerate(instances)
        ]
    plan.seal_told()


def subjects_of(booking: Booking, plan: Plan) -> list[str]:
    """What a job that plans ``booking`` or carries ``plan`` out is about."""
    pool = kind_of(booking).pool(booking)
    found = [
        *references(booking=booking.id, plan=plan.id),
        subject_of(booking),
        *target_references(plan),
        *references(pool=pool.id if pool else None),
    ]
    return list(dict.fromkeys(found))  # what it is about may be a target of its plan


def subject_of(booking: Booking) -> str:
    """What the request is about, as a job locks it: two requests about one thing never run together."""
    return f"{booking.subject_kind}:{booking.subject_id}"


def subject_id_of(booking: Booking) -> dict[str, str]:
    """The same for documents: ``{"application_id": …}``."""
    return {f"{booking.subject_kind}_id": booking.subject_id}


def target_references(plan: Plan) -> list[str]:
    """The plan's targets, as a job locks them."""
    return [f"{one.kind}:{one.target_id}" for one in plan.targets]


def _existing(session: Session, instance_id: str | None) -> list[Instance]:
    instance = session.get(Instance, instance_id) if instance_id else None
    return [] if instance is None else [instance]


def instance_begun_on(session: Session, booking: Booking) -> str | None:
    """The instance on which a run of ``booking`` changed something, the newest; None when none did."""
    return session.scalar(
        select(JobSubject.subject_id)
        .join(Job, Job.id == JobSubject.job_id)
        .join(JobStatement, JobStatement.job_id == Job.id)
        .where(
            JobSubject.kind == INSTANCE,
            is_about(BOOKING, booking.id),
            Job.template == APPLY_BOOKING,
            JobStatement.kind == StatementKind.CHANGE,
            JobStatement.status != StatementStatus.PLANNED,
        )
        .order_by(Job.id.desc(), JobSubject.position)
        .limit(1)
    )
