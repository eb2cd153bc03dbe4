"""What the pages of approvals show, gathered from the rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.accounts.models import User
from webapp.applications.models import Application
from webapp.approvals.expiry import may_plan_again
from webapp.approvals.item_rows import wrong_items
from webapp.approvals.operations import approvals_needed, given_approvals, why_not
from webapp.approvals.signature import is_sealed, is_signed
from webapp.bookings.items import in_words
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.listing import PlanFilter
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Decision, Plan, PlanState
from webapp.bookings.variables import title_for
from webapp.bookings.wording import Fact, facts_of
from webapp.database import now
from webapp.errors import NotFound
from webapp.jobs.models import Job
from webapp.pages.approvals.difference import Line, difference
from webapp.policies.terms import approvers, own_ids, terms_from
from webapp.policies.words import what_happens
from webapp.statements.words import Group, groups, left_behind, summary

MOST_WAITING = 200  # plans; who has more than that waiting works from the oldest on
MOST_NAMED = 6  # people who may still approve


@dataclass(frozen=True)
class Waiting:
    """A plan that waits for somebody."""

    plan: Plan
    title: str
    summary: str
    given: int
    needed: int
    why_not: str | None  # why the reader cannot decide


@dataclass(frozen=True)
class Candidate:
    """An instance that was looked at when the place was chosen."""

    name: str
    is_chosen: bool
    is_reachable: bool
    error: str | None
    cpu_percent: float | None
    memory_percent: float | None
    disk_used_percent: float | None
    disk_free_mib: float | None
    databases: int | None
    reason: str | None


@dataclass(frozen=True)
class PlanPage:
    """Everything on the page of a plan."""

    plan: Plan
    booking: Booking
    title: str
    facts: list[Fact]
    customer: User | None  # whose it is
    summary: str
    groups: list[Group]
    count: str  # of the items, in words
    left_behind: list[str]
    candidates: list[Candidate]
    reasons: list[str]
    checks: list[dict[str, Any]]
    policy: str | None
    given: list[Decision]
    others: list[Decision]  # by the platform, rejections
    needed: int
    still: list[User]  # who may approve and has not
    still_more: int
    why_not: str | None
    may_decide: bool
    may_plan_again: bool
    may_plan_failed: bool  # what counts is this plan, and its booking failed
    problems: list[str]  # how the rows differ from what was made
    before: Plan | None
    lines: list[Line]
    newest: Plan | None
    plans: list[Plan]
    job: Job | None
    at: datetime

    @property
    def is_canceled(self) -> bool:
        """Whether the booking ended while the plan waited."""
        if self.plan.state is PlanState.SUPERSEDED:
            return self.newest is None and self.booking.state is BookingState.CANCELED
        return self.plan.state is PlanState.READY and self.booking.state is not BookingState.PENDING

    @property
    def version(self) -> str:
        """Changes when the page would show something else."""
        return " ".join(
            (
                self.plan.state.value,
                str(len(self.plan.decisions)),
                self.booking.state.value,
                self.job.state.value if self.job else "-",
                self.newest.id if self.newest else "-",
            )
        )


def waiting_plans(session: Session, user: User) -> tuple[list[Waiting], list[Waiting]]:
    """Plans that wait: those that ``user`` can decide about, and those for others; the oldest first."""
    query = (
        select(Plan)
        .join(Booking, Booking.id == Plan.booking_id)
        .where(Plan.state == PlanState.READY, Booking.state == BookingState.PENDING, Plan.expires_at > now())
        .options(
            *_with_booking(),
            selectinload(Plan.items),
            selectinload(Plan.decisions),
        )
        .order_by(Plan.id)
        .limit(MOST_WAITING)
    )
    mine: list[Waiting] = []
    others: list[Waiting] = []
    for plan in session.scalars(query):
        problem = why_not(user, plan, plan.booking)
        one = Waiting(
            plan, title_for(plan.booking), summary(plan.items), len(given_approvals(plan)),
            approvals_needed(plan), problem,
        )  # fmt: skip
        (others if problem else mine).append(one)
    return mine, others


def listed_plans(wanted: PlanFilter) -> Select[tuple[Plan]]:
    """A query over the plans that ``wanted`` fits, with what a list shows of them."""
    return wanted.applied(select(Plan).options(*_with_booking()))


def plan_page(session: Session, user: User, plan_id: str) -> PlanPage:
    """The page of a plan for staff. Raises NotFound."""
    query = (
        select(Plan)
        .where(Plan.id == plan_id)
        .options(
            *_with_booking(), selectinload(Plan.items),
            selectinload(Plan.decisions).joinedload(Decision.user),
        )
    )  # fmt: skip
    plan = session.scalars(query).one_or_none()
    if plan is None:
        raise NotFound("There is no such plan.")
    booking = plan.booking
    plans = list(session.scalars(select(Plan).where(Plan.booking_id == booking.id).order_by(Plan.number)))
    before = _before(plans, plan)
    newest = next((one for one in plans if one.id == booking.plan_id and one.id != plan.id), None)
    problems = _problems(plan)
    is_open = (
        plan.state is PlanState.READY
        and booking.state is BookingState.PENDING
        and booking.plan_id == plan.id
        and plan.expires_at is not None
        and plan.expires_at > now()
    )
    refusal = why_not(user, plan, booking) if plan.policy else None
    still = _still(session, plan, booking) if is_open else []
    return PlanPage(
        plan=plan,
        booking=booking,
        title=title_for(booking),
        facts=facts_of(booking),
        customer=kind_of(booking).customer(booking),
        summary=summary(plan.items),
        groups=groups(plan.items),
        count=in_words(plan.items),
        left_behind=left_behind(plan.items),
        candidates=_candidates(plan),
        reasons=[str(reason) for reason in (plan.placement or {}).get("reasons") or []],
        checks=sorted(plan.checks or [], key=lambda check: bool(check["is_passed"])),
        policy=what_happens(terms_from(plan.policy)) if plan.policy else None,
        given=given_approvals(plan),
        others=[one for one in plan.decisions if one not in given_approvals(plan)],
        needed=approvals_needed(plan),
        still=still[:MOST_NAMED],
        still_more=max(0, len(still) - MOST_NAMED),
        why_not=refusal,
        may_decide=is_open and refusal is None and not problems and user.is_operator,
        may_plan_again=user.is_operator and may_plan_again(plan, booking),
        may_plan_failed=user.is_operator
        and booking.state is BookingState.FAILED
        and booking.plan_id == plan.id,
        problems=problems,
        before=before,
        lines=difference(before.items, plan.items) if before and plan.hash else [],
        newest=newest,
        plans=plans,
        job=session.get(Job, booking.job_id) if booking.job_id else None,
        at=now(),
    )


def _with_booking() -> tuple[Any, ...]:
    booking = joinedload(Plan.booking)
    return (
        booking.joinedload(Booking.requester),
        booking.joinedload(Booking.application).joinedload(Application.pool),
        booking.joinedload(Booking.application).joinedload(Application.customer),
    )


def _before(plans: list[Plan], plan: Plan) -> Plan | None:
    """The newest plan before ``plan`` that somebody could look at."""
    older = [one for one in plans if one.number < plan.number and one.ready_at is not None]
    return older[-1] if older else None


def _problems(plan: Plan) -> list[str]:
    """How what the database holds differs from what was made and signed."""
    if plan.ready_at is None:
        return []
    found = wrong_items(plan)
    if not is_sealed(plan):
        found.append("the platform's seal does not fit what is shown here")
    found += [
        f"the signature of the decision by {one.user.name if one.user else 'the platform'} does not fit"
        for one in plan.decisions
        if not is_signed(plan, one)
    ]
    return found


def _still(session: Session, plan: Plan, booking: Booking) -> list[User]:
    decided = {one.user_id for one in plan.decisions}
    terms = terms_from(plan.policy or {})
    return [user for user in approvers(session, terms, besides=own_ids(booking)) if user.id not in decided]


def _candidates(plan: Plan) -> list[Candidate]:
    placement = plan.placement or {}
    reasons = {
        str(one).partition(":")[0]: str(one).partition(":")[2].strip()
        for one in placement.get("reasons") or []
    }
    chosen = placement.get("instance")
    return [
        Candidate(
            name=name,
            is_chosen=name == chosen,
            is_reachable=bool(seen.get("is_reachable")),
            error=seen.get("error"),
            cpu_percent=seen.get("cpu_percent"),
            memory_percent=seen.get("memory_percent"),
            disk_used_percent=seen.get("disk_used_percent"),
            disk_free_mib=seen.get("disk_free_mib"),
            databases=seen.get("databases"),
            reason=reasons.get(name),
        )
        for name, seen in sorted(
            (placement.get("candidates") or {}).items(), key=lambda item: (item[0] != chosen, item[0])
        )
    ]
