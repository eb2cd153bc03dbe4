"""The jobs of a booking: plan it, and carry out what was approved."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.approvals.carrying_out import applying_ended
from webapp.approvals.gate import pass_gate
from webapp.approvals.item_rows import approved_plan
from webapp.approvals.launches import bound_targets, inventory_for, place_of
from webapp.approvals.observing import begin_outcome, take_event
from webapp.approvals.plan_making import not_planned, planning_ended, planning_problems
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.outcome import booking_running
from webapp.bookings.planning import APPLY_BOOKING, PLAN_BOOKING
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.subjects import PLAN
from webapp.bookings.variables import playbook_for, variables_for
from webapp.errors import Conflict
from webapp.jobs.models import Job
from webapp.jobs.templates import Launch, NotLaunchable, RunPath
from webapp.pools.contact import OnInstances
from webapp.pools.subjects import INSTANCE

# A password that a role draws would otherwise stay beside the playbooks, on whichever worker had the job.
_DRAWN_PASSWORDS = {"application_credentials_folder": RunPath("credentials")}


class PlanBooking(OnInstances):
    """Runs a booking's playbook in check mode, and makes a plan of what it would send."""

    name = PLAN_BOOKING
    description = "Finds out, without changing anything, which statements a request needs."

    def prepare(self, session: Session, job: Job) -> Launch:
        """The playbook against the pool, or the instances that the booking is bound to."""
        plan, booking = _plan_of(session, job)
        if booking.state is not BookingState.PENDING:
            raise NotLaunchable(f"The request is {booking.state.value}: there is nothing to plan.")
        if plan.state is not PlanState.PLANNING or booking.plan_id != plan.id:
            raise NotLaunchable("A newer plan took this one's place.")
        if problems := planning_problems(session, plan, booking):
            raise NotLaunchable(not_planned(problems))
        pool = kind_of(booking).pool(booking)
        variables = variables_for(booking) | ({"application_pool": pool.name} if pool else {})
        variables |= place_of(bound_targets(session, plan))
        if instance_ids := plan.target_ids(INSTANCE):
            inventory, secrets = inventory_for(session, booking, instance_ids=instance_ids)
        elif pool:
            inventory, secrets = inventory_for(session, booking, pool_id=pool.id)
        else:
            raise NotLaunchable("The request is bound to no instance and to no pool.")
        return Launch(
            playbook=playbook_for(booking),
            inventory=inventory,
            variables=variables | _DRAWN_PASSWORDS,
            secrets=secrets,
            check_mode=True,
        )

    def started(self, session: Session, job: Job) -> None:
        """Forget what an attempt before told."""
        plan, _ = _plan_of(session, job)
        begin_outcome(plan)

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Take the placement with its candidates, and failures."""
        _observe(session, job, event)

    def finished(self, session: Session, job: Job) -> None:
        """Make the plan ready, or let it fail."""
        plan, _ = _plan_of(session, job)
        planning_ended(session, job, plan)

    def relaunch(self, session: Session, job: Job) -> None:
        """A plan is made once. Raises Conflict."""
        raise Conflict("Have the request planned again from its own page: that makes a new plan.")


class ApplyBooking(OnInstances):
    """Runs a booking's playbook with its approved plan: the modules send nothing else."""

    name = APPLY_BOOKING
    description = "Carries out what was approved for a request, and nothing else."

    def prepare(self, session: Session, job: Job) -> Launch:
        """The gate: raises :class:`NotLaunchable` unless this very run was approved."""
        plan, booking = pass_gate(session, job)
        inventory, secrets = inventory_for(session, booking, instance_ids=plan.target_ids(INSTANCE))
        launch: dict[str, Any] = plan.launch or {}
        return Launch(
            playbook=launch["playbook"],
            inventory=inventory,
            variables=launch["variables"] | _DRAWN_PASSWORDS,
            secrets=secrets,
            approved_plan=approved_plan(plan),
        )

    def started(self, session: Session, job: Job) -> None:
        """The booking runs."""
        plan, booking = _plan_of(session, job)
        begin_outcome(plan)
        booking_running(session, booking, job)

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Take how to connect, and failures."""
        _observe(session, job, event)

    def finished(self, session: Session, job: Job) -> None:
        """The booking is deployed, failed, or planned again."""
        plan, _ = _plan_of(session, job)
        applying_ended(session, job, plan)

    def relaunch(self, session: Session, job: Job) -> None:
        """Only a booking that failed is gone on with, while its approval holds. Raises Conflict."""
        plan, booking = _plan_of(session, job)
        if booking.state is not BookingState.FAILED:
            raise Conflict(f"The request is {booking.state.value}: there is nothing to go on with.")
        if plan.state is not PlanState.APPROVED or booking.plan_id != plan.id:
            raise Conflict("Its approval does not hold any more. Have the request planned again.")
        if plan.has_expired:
            raise Conflict("Its plan has expired. Have the request planned again.")


def _observe(session: Session, job: Job, event: dict[str, Any]) -> None:
    if event.get("event") in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable"):
        plan, _ = _plan_of(session, job)
        take_event(plan, event)


def _plan_of(session: Session, job: Job) -> tuple[Plan, Booking]:
    """Raises :class:`NotLaunchable` when the job's row does not lead to a plan."""
    plan_id = job.subject(PLAN)
    plan = session.get(Plan, plan_id) if plan_id else None
    if plan is None:
        raise NotLaunchable("The job has no plan.")
    booking = session.get(Booking, plan.booking_id)
    if booking is None:
        raise NotLaunchable("The plan's request is not there: its row was changed in the platform database.")
    return plan, booking
