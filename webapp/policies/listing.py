"""Policies as pages and API show them: all in their order, one of them, what is wrong with one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import NotFound
from webapp.policies.models import Policy
from webapp.policies.terms import approvers, terms_of


def all_policies(session: Session) -> list[Policy]:
    """In the order in which they are asked."""
    return list(session.scalars(select(Policy).order_by(Policy.position, Policy.id)))


def get_policy(session: Session, policy_id: str) -> Policy:
    """The policy. Raises NotFound."""
    policy = session.get(Policy, policy_id)
    if policy is None:
        raise NotFound("There is no such policy.")
    return policy


def warning_about(session: Session, policy: Policy) -> str | None:
    """A sentence when too few people could approve under ``policy``, or it cannot be believed; else None."""
    if not policy.is_intact:
        return (
            "It was changed in the platform database, by none of the admins here. Until an admin has looked "
            "at it and saved it, an admin has to approve every request."
        )
    if policy.approvals == 0:
        return None
    there = len(approvers(session, terms_of(policy)))
    if there < policy.approvals:
        people = "person has" if there == 1 else "people have"
        return f"It asks for {policy.approvals} approvals, and {there} {people} one of its roles."
    if policy.four_eyes and there == policy.approvals:
        return "Exactly as many people as it asks for have its roles: their own requests cannot be approved."
    return None
