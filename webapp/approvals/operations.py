"""Approve, reject, send back. Two people may decide at the same moment: one wins, the other is told so."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.accounts.models import User, UserState
from webapp.approvals.item_rows import wrong_items
from webapp.approvals.signature import is_sealed, sign_decision
from webapp.audit.operations import PLATFORM, Actor
from webapp.bookings.history import change_state, note
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import LONGEST_REASON, Booking, BookingState
from webapp.bookings.outcome import booking_ended_unbuilt
from webapp.bookings.plan_audit import record_plan
from webapp.bookings.plan_states import lock_booking, move
from webapp.bookings.planning import APPLY_BOOKING, subject_of, subjects_of, target_references
from webapp.bookings.plans import Decision, DecisionKind, Plan, PlanState
from webapp.bookings.standing import standing_problems
from webapp.bookings.variables import title_for
from webapp.database import new_id, now
from webapp.errors import Conflict, InvalidInput, NotAllowed, NotFound
from webapp.jobs.models import Job
from webapp.jobs.operations import launch
from webapp.policies.terms import PolicyTerms, own_ids, terms_from

_IN_WORDS = {
    PlanState.PLANNING: "is still being made",
    PlanState.APPROVED: "was approved by somebody else a moment ago",
    PlanState.REJECTED: "was rejected by somebody else a moment ago",
    PlanState.SENT_BACK: "was sent back by somebody else a moment ago",
    PlanState.FAILED: "could not be made",
    PlanState.EXPIRED: "has expired",
    PlanState.DRIFTED: "does not fit its target any more",
    PlanState.SUPERSEDED: "was replaced",
    PlanState.APPLIED: "was carried out already",
}


class PlanChanged(Conflict):
    """What the approver saw is not what counts; ``plan_id`` is what counts now."""

    def __init__(self, text: str, plan_id: str) -> None:
        self.plan_id = plan_id
        super().__init__(text)


def decide(
    session: Session, actor: Actor, plan_id: str, *, kind: DecisionKind, seen_hash: str, reason: str = ""
) -> Plan:
    """``actor`` decides about the plan whose hash they saw.

    Raises InvalidInput for a missing reason, NotAllowed for who may not decide, :class:`PlanChanged` when
    another plan counts by now, and Conflict when somebody was faster or the plan does not hold.
    """
    plan = session.get(Plan, plan_id)
    user = session.get(User, actor.id) if actor.id else None
    if plan is None:
        raise NotFound("There is no such plan.")
    if user is None or user.state is not UserState.ACTIVE:
        raise NotAllowed("Only an active user of the portal can decide.")
    words = _checked_reason(kind, reason)
    booking = lock_booking(session, plan.booking_id)
    is_ready = move(session, plan, to=PlanState.READY, expected=(PlanState.READY,))  # the row's lock
    _require_current(plan, booking, is_ready=is_ready, seen_hash=seen_hash)
    session.refresh(plan, ["decisions", "targets", "items"])
    terms = terms_from(plan.policy or {})
    _require_entitled(session, user, booking, plan, terms)
    decision = _sign(plan, kind=kind, reason=words, user=user)
    session.add(decision)
    session.flush()
    record_plan(
        session,
        actor,
        _verb(kind),
        plan,
        booking,
        hash=plan.hash,
        reason=words,
        policy=terms.name,
    )
    match kind:
        case DecisionKind.APPROVE:
            _approve(session, actor, plan, booking, terms, user=user, words=words)
        case DecisionKind.REJECT:
            _reject(session, plan, booking, user=user, words=words)
        case DecisionKind.SEND_BACK:
            _send_back(session, plan, booking, user=user, words=words)
    session.flush()
    return plan


def approve_by_policy(session: Session, plan: Plan, booking: Booking) -> None:
    """Nobody has to be asked: the policy wants no approval, or there is nothing to change."""
    decision = _sign(plan, kind=DecisionKind.APPROVE, reason=None, user=None)
    session.add(decision)
    session.flush()
    text = (
        f"by the policy “{(plan.policy or {}).get('name')}”" if plan.items else "there is nothing to change"
    )
    record_plan(
        session,
        PLATFORM,
        "approved",
        plan,
        booking,
        hash=plan.hash,
        reason=text,
    )
    _carry_out(session, PLATFORM, plan, booking, event="auto_approved", text=text)


def approvals_needed(plan: Plan) -> int:
    """How many people must approve ``plan``: what its policy says, or none where it changes nothing."""
    return int((plan.policy or {}).get("approvals", 1)) if plan.items else 0


def given_approvals(plan: Plan) -> list[Decision]:
    """The approvals of people so far."""
    return [one for one in plan.decisions if one.kind is DecisionKind.APPROVE and one.user_id is not None]


def why_not(user: User, plan: Plan, booking: Booking) -> str | None:
    """Why ``user`` cannot decide about this ready ``plan``; None when they can."""
    terms = terms_from(plan.policy) if plan.policy else None
    if terms is None:
        return "The plan is not ready."
    if user.role.value not in terms.approver_roles:
        roles = " or ".join(terms.approver_roles)
        return f"The policy “{terms.name}” lets only the role {roles} decide about this request."
    if terms.four_eyes and user.id in own_ids(booking):
        return "Four-eyes principle: nobody decides about their own request. Somebody else has to."
    if any(one.user_id == user.id for one in plan.decisions):
        return "You have decided about this plan already; somebody else has to as well."
    return None


def _checked_reason(kind: DecisionKind, reason: str) -> str | None:
    words = reason.replace("\x00", "").strip()
    if len(words) > LONGEST_REASON:
        raise InvalidInput(
            "reason", f"The reason has {len(words)} characters", f"Shorten it to {LONGEST_REASON} or fewer."
        )
    if not words and kind is not DecisionKind.APPROVE:
        verb = "rejected" if kind is DecisionKind.REJECT else "sent back"
        raise InvalidInput(
            "reason", f"A request is not {verb} without a reason", "Write what the customer should know."
        )
    return words or None


def _require_current(plan: Plan, booking: Booking, *, is_ready: bool, seen_hash: str) -> None:
    if booking.plan_id and booking.plan_id != plan.id:
        raise PlanChanged("A newer plan took this one's place. Look at what is different.", booking.plan_id)
    if booking.state is not BookingState.PENDING:
        raise Conflict(f"The request is {booking.state.value} by now: nothing is left to decide.")
    if not is_ready:
        raise Conflict(f"The plan {_IN_WORDS.get(plan.state, plan.state.value)}. Load the page again.")
    if seen_hash != plan.hash:
        raise PlanChanged(
            "The plan is not the one that you saw. Look at it again before you decide.", plan.id
        )
    if plan.has_expired:
        raise Conflict("The plan has expired: it may not fit its target any more. Have it planned again.")


def _require_entitled(session: Session, user: User, booking: Booking, plan: Plan, terms: PolicyTerms) -> None:
    if problem := why_not(user, plan, booking):
        if any(one.user_id == user.id for one in plan.decisions):
            raise Conflict(problem)
        raise NotAllowed(problem)
    if problems := standing_problems(session, booking):
        raise Conflict(
            f"It cannot be decided about: {'; '.join(problems)}. Find out who can write to the platform "
            "database, and have the request planned again, or canceled and asked for again."
        )
    if not is_sealed(plan) or wrong_items(plan):
        raise Conflict(
            "The plan is not as the platform made it: somebody changed it in the platform database. "
            "It cannot be approved. Have it planned again, and look at who can write to the database."
        )


def _sign(plan: Plan, *, kind: DecisionKind, reason: str | None, user: User | None) -> Decision:
    decision = Decision(
        id=new_id(), plan_id=plan.id, user_id=user.id if user else None,
        role=user.role.value if user else None, kind=kind, reason=reason, at=now(), plan_hash=plan.hash,
    )  # fmt: skip
    decision.signature = sign_decision(plan, decision)
    return decision


def _approve(
    session: Session,
    actor: Actor,
    plan: Plan,
    booking: Booking,
    terms: PolicyTerms,
    *,
    user: User,
    words: str | None,
) -> None:
    session.refresh(plan, ["decisions"])
    given = len({one.user_id for one in given_approvals(plan)})
    if given < terms.approvals:
        text = f"{given} of {terms.approvals} approvals" + (f": {words}" if words else "")
        note(session, booking, "approval_given", user_id=user.id, text=text, plan_id=plan.id)
        return
    _carry_out(session, actor, plan, booking, event="approved", text=words, user_id=user.id)


def _carry_out(
    session: Session,
    actor: Actor,
    plan: Plan,
    booking: Booking,
    *,
    event: str,
    text: str | None,
    user_id: str | None = None,
) -> Job:
    """The plan has all it needs: its job is launched in this transaction."""
    if not move(session, plan, to=PlanState.APPROVED, expected=(PlanState.READY,)):
        raise Conflict(f"The plan {_IN_WORDS.get(plan.state, plan.state.value)}. Load the page again.")
    change_state(
        session, booking, to=BookingState.APPROVED, expected=(BookingState.PENDING,), event=event,
        user_id=user_id, text=text, plan_id=plan.id,
    )  # fmt: skip
    customer = kind_of(booking).customer(booking)
    job = launch(
        session, template=APPLY_BOOKING, title=title_for(booking), parameters={"plan_id": plan.id},
        targets=list(dict.fromkeys([subject_of(booking), *target_references(plan)])),
        subjects=subjects_of(booking, plan), customer_id=customer.id if customer else None, launched_by=actor,
    )  # fmt: skip
    booking.job_id = job.id
    return job


def _reject(session: Session, plan: Plan, booking: Booking, *, user: User, words: str | None) -> None:
    _require_moved(session, plan, PlanState.REJECTED)
    change_state(
        session, booking, to=BookingState.REJECTED, expected=(BookingState.PENDING,), event="rejected",
        user_id=user.id, text=words, plan_id=plan.id,
    )  # fmt: skip
    booking_ended_unbuilt(session, booking)


def _send_back(session: Session, plan: Plan, booking: Booking, *, user: User, words: str | None) -> None:
    _require_moved(session, plan, PlanState.SENT_BACK)
    # The state stays: the customer changes the booking, or takes it back.
    change_state(
        session, booking, to=BookingState.PENDING, expected=(BookingState.PENDING,), event="sent_back",
        user_id=user.id, text=words, plan_id=plan.id,
    )  # fmt: skip


def _require_moved(session: Session, plan: Plan, to: PlanState) -> None:
    if not move(session, plan, to=to, expected=(PlanState.READY,)):
        raise Conflict(f"The plan {_IN_WORDS.get(plan.state, plan.state.value)}. Load the page again.")


def _verb(kind: DecisionKind) -> str:
    return {"approve": "approved", "reject": "rejected", "send_back": "sent_back"}[kind.value]
