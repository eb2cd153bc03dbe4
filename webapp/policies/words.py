"""Policies as sentences. Pure."""

from __future__ import annotations

from webapp.accounts.models import PortalRole
from webapp.bookings.kinds.registry import request_kinds
from webapp.policies.terms import PolicyTerms

_ROLES = {
    PortalRole.ADMIN.value: ("an admin", "admins"),
    PortalRole.OPERATOR.value: ("an operator", "operators"),
}
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}


def what_fits(*, kinds: list[str] | None, pool: str | None, only_trusted: bool, below_gib: int | None) -> str:
    """``Bookings of applications below 10 GiB by trusted customers on the pool standalone``."""
    text = _listed([_several_of(kind) for kind in kinds or []])
    if below_gib is not None:
        text = f"{text} below {below_gib} GiB" if text else f"requests for less than {below_gib} GiB"
    text = text or "requests of every kind"
    if only_trusted:
        text += " by trusted customers"
    if pool is not None:
        text += f" on the pool {pool}"
    return text[0].upper() + text[1:]


def what_happens(terms: PolicyTerms) -> str:
    """``are approved by an admin or an operator, never by who asked; a plan waits 3 days for that``."""
    if terms.approvals == 0:
        return "are approved at once, without a person"
    singular = " or ".join(_ROLES.get(role, (role, role))[0] for role in terms.approver_roles)
    plural = " or ".join(_ROLES.get(role, (role, role))[1] for role in terms.approver_roles)
    who = (
        f"by {singular}"
        if terms.approvals == 1
        else f"by {_NUMBERS.get(terms.approvals, str(terms.approvals))} different {plural}"
    )
    eyes = ", never by who asked" if terms.four_eyes else ", also by who asked"
    return f"are approved {who}{eyes}; a plan waits {hours_in_words(terms.plan_hours)} for that"


def hours_in_words(hours: int) -> str:
    """``3 days``, ``36 hours``."""
    if hours % 24 == 0:
        return f"{hours // 24} {'day' if hours == 24 else 'days'}"
    return f"{hours} {'hour' if hours == 1 else 'hours'}"


def _several_of(name: str) -> str:
    kind = request_kinds().get(name)
    return kind.policy_words if kind else name


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
