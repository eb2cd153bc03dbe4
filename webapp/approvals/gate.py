"""The gate: in the worker, before anything starts, is this job what was approved, by whom it must be?

Nothing that a page decided is believed: items are hashed again, signatures verified, people counted.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.accounts.models import User, UserState
from webapp.approvals.item_rows import wrong_items
from webapp.approvals.launches import bound_targets, differences
from webapp.approvals.signature import is_sealed, is_signed
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.planning import subject_of
from webapp.bookings.plans import Decision, DecisionKind, Plan, PlanState
from webapp.bookings.standing import standing_problems
from webapp.bookings.subjects import BOOKING, PLAN
from webapp.jobs.models import Job
from webapp.jobs.subjects import target_kinds
from webapp.jobs.templates import NotLaunchable
from webapp.policies.terms import PolicyTerms, own_ids, terms_from

# FAILED: a job that failed is gone on with, under the same approval.
_MAY_RUN = (BookingState.APPROVED, BookingState.RUNNING, BookingState.FAILED)


def pass_gate(session: Session, job: Job) -> tuple[Plan, Booking]:
    """The plan and booking of ``job``. Raises :class:`NotLaunchable` that says what differs."""
    plan_id = job.subject(PLAN)
    plan = session.get(Plan, plan_id, populate_existing=True) if plan_id else None
    if plan is None:
        raise _refused(["the job has no plan"])
    session.refresh(plan, ["targets", "items", "decisions"])
    booking = session.get(Booking, plan.booking_id, populate_existing=True)
    if booking is None:
        raise _refused(["its request is not there any more"])
    targets = bound_targets(session, plan)
    if gone := [one for one in plan.targets if f"{one.kind}:{one.target_id}" not in targets]:
        raise _refused([f"its {one.kind} {one.name} is not there any more" for one in gone])
    problems = [*_job_problems(session, job, plan, booking), *_plan_problems(plan)]
    problems += _decision_problems(session, plan, booking) if not problems else []
    problems += standing_problems(session, booking)
    problems += [] if plan.launch is None else differences(plan.launch, booking, targets)
    for one in plan.targets:
        problems += target_kinds()[one.kind].changed(session, one.target_id)
    if problems:
        raise _refused(list(dict.fromkeys(problems)))
    return plan, booking


def _refused(problems: list[str]) -> NotLaunchable:
    listed = "; ".join(problems)
    return NotLaunchable(
        f"The approval does not cover this run: {listed}. Have the request planned and approved again; if "
        "nobody can say why it changed, look at the audit and at who can write to the platform database."
    )


def _job_problems(session: Session, job: Job, plan: Plan, booking: Booking) -> list[str]:
    found = []
    if job.check_mode or job.subject(BOOKING) != booking.id or job.parameters.get("plan_id") != plan.id:
        found.append("the job's row was changed: it names another plan or request than it was launched for")
    if not plan.targets:
        found.append("the plan names nothing that it is for")
    found += _unlocked(job, plan, booking)
    if booking.plan_id != plan.id:
        found.append("another plan of the request counts by now")
    if plan.state is not PlanState.APPROVED:
        found.append(f"the plan is {plan.state.value.replace('_', ' ')}, not approved")
    if booking.state not in _MAY_RUN:
        found.append(f"the request is {booking.state.value}")
    if plan.has_expired:
        found.append("the plan has expired")
    return found


def _unlocked(job: Job, plan: Plan, booking: Booking) -> list[str]:
    """That another job might work on one of its targets, or on what it is about, at the same time."""
    wanted = {f"{one.kind}:{one.target_id}": f"its {one.kind} {one.name}" for one in plan.targets}
    wanted.setdefault(subject_of(booking), f"its {booking.subject_kind}")
    missing = [name for reference, name in wanted.items() if reference not in job.targets]
    return [f"the job does not lock {' and '.join(missing)}"] if missing else []


def _plan_problems(plan: Plan) -> list[str]:
    found = wrong_items(plan)
    if not is_sealed(plan):
        found.append(
            "what was planned is not as the platform made it: statements, targets, variables, policy, "
            "checks or dates were changed in the platform database, or the key that signed it is gone"
        )
    return found


def _decision_problems(session: Session, plan: Plan, booking: Booking) -> list[str]:
    terms = terms_from(plan.policy or {})
    found = []
    counted: set[str] = set()
    by_platform = False
    for decision in plan.decisions:
        problem = _wrong(session, decision, plan, booking, terms)
        if problem:
            found.append(problem)
        elif decision.user_id is None:
            by_platform = True
        else:
            counted.add(decision.user_id)
    needed = terms.approvals if plan.items else 0
    if needed == 0 and not by_platform:
        found.append("the platform's own approval is missing")
    if len(counted) < needed:
        found.append(f"{len(counted)} of {needed} approvals that the policy “{terms.name}” wants are there")
    return found


def _wrong(
    session: Session, decision: Decision, plan: Plan, booking: Booking, terms: PolicyTerms
) -> str | None:
    """What speaks against counting ``decision``; None when it is a valid approval."""
    user = session.get(User, decision.user_id, populate_existing=True) if decision.user_id else None
    who = user.name if user else "the platform"
    if decision.plan_hash != plan.hash:
        return f"the decision by {who} is about another plan"
    if not is_signed(plan, decision):
        return f"the signature of the decision by {who} does not fit: it was forged, copied or changed"
    if decision.kind is not DecisionKind.APPROVE:
        return f"{who} did not approve it"
    if (
        plan.ready_at is None
        or plan.expires_at is None
        or not plan.ready_at <= decision.at <= plan.expires_at
    ):
        return f"{who} approved it outside the time that the plan was valid"
    if decision.user_id is not None:
        return _not_entitled(user, decision, booking, terms)
    return None if terms.approvals == 0 or not plan.items else "the policy wants people to approve it"


def _not_entitled(user: User | None, decision: Decision, booking: Booking, terms: PolicyTerms) -> str | None:
    """Why the person behind ``decision`` does not count; None when they do."""
    if user is not None and not user.is_intact:
        return f"{user.name}, who approved it, was changed in the platform database"
    if user is None or user.state is not UserState.ACTIVE:
        return f"{user.name if user else 'somebody'}, who approved it, is no active user any more"
    if decision.role not in terms.approver_roles or user.role.value not in terms.approver_roles:
        return f"{user.name}, who approved it, does not have a role that the policy “{terms.name}” asks for"
    if terms.four_eyes and user.id in own_ids(booking):
        return f"{user.name} approved their own request"
    return None
