"""Who approves what: the first enabled policy that fits a booking, else the built-in one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.accounts.models import PortalRole, User, UserState
from webapp.bookings.kinds.registry import kind_named, kind_of
from webapp.bookings.models import Booking
from webapp.bookings.variables import gib_asked
from webapp.database import default_of
from webapp.platform.row_seals import set_problems
from webapp.policies.models import Policy

APPROVER_ROLES = (PortalRole.ADMIN, PortalRole.OPERATOR)  # the roles that can be asked to approve


@dataclass(frozen=True)
class PolicyTerms:
    """What a policy asks for; a plan keeps them as they were when it was made."""

    name: str
    approvals: int  # 0: approved by the platform at once
    approver_roles: tuple[str, ...]  # values of PortalRole
    four_eyes: bool  # nobody approves what they asked for
    plan_hours: int  # after which an unapproved plan expires
    policy_id: str | None = None  # None: the built-in one

    def as_json(self) -> dict[str, Any]:
        """For ``Plan.policy``."""
        return {**asdict(self), "approver_roles": list(self.approver_roles)}


BUILT_IN = PolicyTerms(
    name="Built in",
    approvals=default_of(Policy.approvals),
    approver_roles=tuple(role.value for role in APPROVER_ROLES),
    four_eyes=default_of(Policy.four_eyes),
    plan_hours=default_of(Policy.plan_hours),
)


# A policy that somebody changed in the database says nothing that can be believed: an admin has to look.
# Strict whatever the platform's own policy says.
UNSEALED = PolicyTerms(
    name="Built in, as a policy was changed in the platform database",
    approvals=1,
    approver_roles=(PortalRole.ADMIN.value,),
    four_eyes=True,
    plan_hours=72,
)


def terms_from(stored: dict[str, Any]) -> PolicyTerms:
    """The terms that a plan keeps. Raises TypeError or KeyError for what are none."""
    return PolicyTerms(**{**stored, "approver_roles": tuple(stored["approver_roles"])})


def terms_of(policy: Policy) -> PolicyTerms:
    """What ``policy`` asks for."""
    return PolicyTerms(
        name=policy.name,
        approvals=policy.approvals,
        approver_roles=tuple(policy.approver_roles),
        four_eyes=policy.four_eyes,
        plan_hours=policy.plan_hours,
        policy_id=policy.id,
    )


def policy_for(session: Session, booking: Booking, *, pool_ids: Collection[str] = ()) -> PolicyTerms:
    """The terms that ``booking`` is approved under: those of the first enabled policy that fits.

    ``pool_ids``: the pools of its plan's targets, where they are known. With several of them the policy is
    sought for each, and all that those ask for has to be given: neither pool is changed under the other's.
    No policy counts while one of them, switched off or on, is not as an admin made it, or was removed by
    somebody else: it may be the one that would have asked for more.
    """
    policies = list(session.scalars(select(Policy).order_by(Policy.position, Policy.id)))
    if set_problems(session, Policy) or not all(policy.is_intact for policy in policies):
        return UNSEALED
    pool = kind_of(booking).pool(booking)
    sought = sorted(pool_ids) or [pool.id if pool else ""]
    return strictest([_first_that_fits(policies, booking, pool_id) for pool_id in sought])


def _first_that_fits(policies: Sequence[Policy], booking: Booking, pool_id: str) -> PolicyTerms:
    for policy in policies:
        if policy.is_enabled and fits(
            policy,
            kind=booking.kind,
            pool_id=pool_id,
            is_trusted=booking.requester.is_trusted and booking.requester.is_intact,
            gib=gib_asked(booking),
        ):
            return terms_of(policy)
    return BUILT_IN


def strictest(terms: Sequence[PolicyTerms]) -> PolicyTerms:
    """Terms that ask for all that each of ``terms`` asks for. Pure.

    Only roles that all of them name may approve; where there is none, admins.
    """
    different = list(dict.fromkeys(terms))
    if len(different) == 1:
        return different[0]
    roles = tuple(
        role for role in different[0].approver_roles if all(role in one.approver_roles for one in different)
    )
    return PolicyTerms(
        name=" and ".join(dict.fromkeys(one.name for one in different)),
        approvals=max(one.approvals for one in different),
        approver_roles=roles or (PortalRole.ADMIN.value,),
        four_eyes=any(one.four_eyes for one in different),
        plan_hours=min(one.plan_hours for one in different),
    )


def fits(policy: Policy, *, kind: str, pool_id: str, is_trusted: bool, gib: float) -> bool:
    """Whether ``policy`` is about such a booking. Pure.

    ``pool_id``: "" where there is none; ``gib``: the data limit that is asked for.
    """
    if policy.kinds and kind not in policy.kinds:
        return False
    if policy.pool_id is not None and policy.pool_id != pool_id:
        return False
    if policy.only_trusted and not is_trusted:
        return False
    # A limit in GiB says nothing about requests that ask for no space, least of all about deletions.
    return policy.below_gib is None or (kind_named(kind).asks_for_space and gib < policy.below_gib)


def approvers(session: Session, terms: PolicyTerms, *, besides: frozenset[str] = frozenset()) -> list[User]:
    """The active users who may approve under ``terms``. ``besides``: ids that four-eyes leaves out."""
    query = select(User).where(
        User.state == UserState.ACTIVE, User.role.in_([PortalRole(role) for role in terms.approver_roles])
    )
    found = session.scalars(query.options(undefer(User.password_hash)).order_by(User.name, User.id))
    return [user for user in found if user.is_intact and not (terms.four_eyes and user.id in besides)]


def changed_by(booking: Booking) -> frozenset[str]:
    """Who changed what ``booking`` asks for after it was sent back: an operator may, for the customer."""
    return frozenset(booking.changed_by or ())


def own_ids(booking: Booking) -> frozenset[str]:
    """Whose request ``booking`` is: who asked, who changed it, and whom what it is about belongs to."""
    customer = kind_of(booking).customer(booking)
    return changed_by(booking) | {booking.requester_id} | ({customer.id} if customer else set())
