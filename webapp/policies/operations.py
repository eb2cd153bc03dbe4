"""Admins write policies: create, change, order, remove. What is decided already keeps its policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.accounts.models import PortalRole
from webapp.audit.operations import Actor, record
from webapp.bookings.kinds.registry import request_kinds
from webapp.database import now
from webapp.errors import Conflict, InvalidInput
from webapp.policies.listing import all_policies, get_policy
from webapp.policies.models import Policy
from webapp.policies.terms import APPROVER_ROLES, approvers, terms_of
from webapp.pools.models import Pool
from webapp.signed_rows import require_intact, sign

LONGEST_NAME = 100  # characters; the column's length
MOST_APPROVALS = 5
MOST_HOURS = 24 * 90
MOST_GIB = 1_000_000


@dataclass(frozen=True)
class PolicyValues:
    """A policy as somebody wants it; checked when it is stored."""

    name: str
    kinds: tuple[str, ...]  # names of kinds of request; none: every kind
    pool_id: str | None  # None: every pool
    only_trusted: bool
    below_gib: int | None
    approvals: int
    approver_roles: tuple[PortalRole, ...]
    four_eyes: bool
    plan_hours: int
    is_enabled: bool


def create_policy(session: Session, actor: Actor, values: PolicyValues) -> Policy:
    """A new policy, asked after all others. Raises InvalidInput."""
    checked = _checked(session, values)
    last = session.scalar(select(func.max(Policy.position)))
    policy = Policy(position=(last or 0) + 1, **checked)
    _save(session, policy, values.name)
    _record(session, actor, "created", policy, **checked)
    return policy


def change_policy(session: Session, actor: Actor, policy_id: str, values: PolicyValues) -> Policy:
    """Change a policy for plans that are made from now on. Raises InvalidInput."""
    policy = get_policy(session, policy_id)
    checked = _checked(session, values)
    before = {key: getattr(policy, key) for key in checked}
    for key, value in checked.items():
        setattr(policy, key, value)
    policy.changed_at = now()
    _save(session, policy, values.name)
    changed = {key: [before[key], value] for key, value in checked.items() if before[key] != value}
    _record(session, actor, "changed", policy, changed=changed)
    return policy


def switch_policy(session: Session, actor: Actor, policy_id: str, *, is_enabled: bool) -> Policy:
    """Let a policy count, or not."""
    policy = get_policy(session, policy_id)
    if is_enabled:
        _require_approver(session, policy)
    was_intact = policy.is_intact
    if is_enabled:
        require_intact(policy)
    policy.is_enabled, policy.changed_at = is_enabled, now()
    if was_intact:  # else what somebody changed would count from now on
        sign(session, policy)
    _record(session, actor, "enabled" if is_enabled else "disabled", policy)
    return policy


def move_policy(session: Session, actor: Actor, policy_id: str, *, steps: int) -> None:
    """Ask a policy earlier (-1) or later (1). Raises Conflict at the ends of the list."""
    policy = get_policy(session, policy_id)
    ordered = all_policies(session)
    at = ordered.index(policy)
    if not 0 <= at + steps < len(ordered):
        raise Conflict(f"{policy.name} is at the end of the list already.")
    ordered.insert(at + steps, ordered.pop(at))
    intact = [one for one in ordered if one.is_intact]
    for position, one in enumerate(ordered, start=1):
        one.position = position
    for one in intact:
        sign(session, one)
    _record(session, actor, "moved", policy, position=at + steps + 1)


def delete_policy(session: Session, actor: Actor, policy_id: str) -> None:
    """Remove a policy. Plans that were made under it keep their terms."""
    policy = get_policy(session, policy_id)
    _record(session, actor, "deleted", policy)
    session.delete(policy)


def _require_approver(session: Session, policy: Policy) -> None:
    if policy.approvals and not approvers(session, terms_of(policy)):
        raise Conflict(f"No active user has a role of {policy.name}: nobody could approve anything.")


def _checked(session: Session, values: PolicyValues) -> dict[str, Any]:
    """The columns. Raises InvalidInput that names the field."""
    name = values.name.replace("\x00", "").strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(
            "name",
            f"The name has {len(name)} characters",
            f"Write 1 to {LONGEST_NAME}, for instance Small ones.",
        )
    _require_between("approvals", values.approvals, 0, MOST_APPROVALS, "approvals")
    _require_between("plan_hours", values.plan_hours, 1, MOST_HOURS, "hours")
    if values.below_gib is not None:
        _require_between("below_gib", values.below_gib, 1, MOST_GIB, "GiB")
    if any(kind not in request_kinds() for kind in values.kinds):
        raise InvalidInput("kinds", "There is no such kind of request", "Choose from the list.")
    sized = {kind.name for kind in request_kinds().values() if kind.asks_for_space}
    if values.below_gib is not None and values.kinds and not sized.intersection(values.kinds):
        raise InvalidInput(
            "below_gib",
            "None of the chosen kinds asks for space, so nothing would fit",
            "Leave the size empty.",
        )
    if values.pool_id is not None and session.get(Pool, values.pool_id) is None:
        raise InvalidInput("pool_id", "There is no such pool", "Choose from the list.")
    roles = [role.value for role in APPROVER_ROLES if role in values.approver_roles]
    if set(values.approver_roles) - set(APPROVER_ROLES) or (values.approvals and not roles):
        raise InvalidInput("approver_roles", "Nobody could approve", "Choose admins, operators, or both.")
    columns = {**asdict(values), "name": name, "kinds": list(values.kinds) or None, "approver_roles": roles}
    policy = Policy(**columns)
    if values.is_enabled and values.approvals and not approvers(session, terms_of(policy)):
        raise InvalidInput(
            "approver_roles",
            "No active user has one of these roles: nobody could approve",
            "Choose another role.",
        )
    return columns


def _require_between(field: str, value: int, low: int, high: int, unit: str) -> None:
    if not low <= value <= high:
        raise InvalidInput(field, f"{value} {unit} are not possible", f"Write {low} to {high}.")


def _save(session: Session, policy: Policy, name: str) -> None:
    try:
        with session.begin_nested():
            session.add(policy)
            sign(session, policy)
    except IntegrityError:
        raise InvalidInput(
            "name", f"There is a policy {name.strip()} already", "Choose another name."
        ) from None


def _record(session: Session, actor: Actor, verb: str, policy: Policy, **details: Any) -> None:
    session.flush()
    record(
        session, actor, f"policy:{verb}", object_kind="policy", object_id=policy.id, object_name=policy.name,
        **{("policy_name" if key == "name" else key): value for key, value in details.items()},
    )  # fmt: skip
