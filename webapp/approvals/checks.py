"""What is verified about a plan before anybody is asked to approve it. Pure, but for counting approvers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.bookings.items import item_kinds
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking
from webapp.bookings.plans import Plan, PlanItem
from webapp.pools.models import Instance
from webapp.statements.models import JobStatement, StatementKind

SYSTEM_DATABASE = "master"
_SHORTEST_SECRET = 6  # characters; a shorter one would be found in any text


@dataclass(frozen=True)
class Check:
    """One thing that was verified. A blocking one that failed makes the plan fail."""

    name: str
    is_passed: bool
    text: str
    is_blocking: bool = True

    def as_json(self) -> dict[str, Any]:
        """For ``Plan.checks``."""
        return {
            "name": self.name,
            "is_passed": self.is_passed,
            "text": self.text,
            "is_blocking": self.is_blocking,
        }


def checks_of(
    plan: Plan,
    booking: Booking,
    instances: Sequence[Instance],
    sources: Sequence[JobStatement],
    *,
    secrets: Collection[str],
    approvers: int,
) -> list[Check]:
    """All checks. ``sources``: the journal's rows that the plan was made of; ``secrets``: of the run."""
    rows = plan.statements
    names = " and ".join(one.name for one in instances)
    return [
        Check("Instance", True, f"{names} answered, and the playbook ran through in check mode."),
        *_placement_checks(plan, booking, instances[0]),
        _only_these_instances(rows, instances),
        _only_these_databases(rows, booking),
        _only_changes(sources),
        _intact(plan.items),
        _no_secret(rows, secrets),
        *(_account_check(instance) for instance in instances),
        _approver_check(plan, approvers),
    ]


def _placement_checks(plan: Plan, booking: Booking, instance: Instance) -> list[Check]:
    placement = plan.placement or {}
    if not kind_of(booking).makes_database:
        return []
    reasons = [str(reason) for reason in placement.get("reasons") or []]
    own = next((reason for reason in reasons if reason.startswith(f"{instance.name}:")), instance.name)
    checks = [Check("Room", True, f"There is room under every threshold of the pool. {own}.")]
    if kind_of(booking).chooses_place:
        text = (
            f"{instance.name} holds parts of the application already; only what is missing is created."
            if placement.get("exists")
            else f"None of the names that result is in use on {instance.name}."
        )
        checks.append(Check("Names", True, text))
    return checks


def _only_these_instances(rows: Sequence[PlanItem], instances: Sequence[Instance]) -> Check:
    """Each statement is for a target, and all statements for one target go to one address."""
    names = [one.name for one in instances]
    others = sorted({str(one.inventory_host) for one in rows if one.inventory_host not in names})
    addresses = {name: sorted({one.instance for one in rows if one.inventory_host == name}) for name in names}
    torn = [address for found in addresses.values() if len(found) > 1 for address in found]
    shown = [f"{name} ({found[0]})" if found else name for name, found in addresses.items()]
    text = (
        f"Every statement is for {' or '.join(shown)}."
        if not others and not torn
        else f"There are statements for others than {' and '.join(names)}: {', '.join(others or torn)}."
    )
    title = "One instance" if len(names) == 1 else "These instances"
    return Check(title, not others and not torn, text)


def _only_these_databases(rows: Sequence[PlanItem], booking: Booking) -> Check:
    own = kind_of(booking).database_prefix(booking)
    entered = sorted({one.database for one in rows})
    others = [
        name
        for name in entered
        if name != SYSTEM_DATABASE and (own is None or not name.lower().startswith(own.lower()))
    ]
    text = f"Statements run in {' and '.join(entered)} only." if entered else "There is no statement."
    if others:
        text = f"There are statements in databases that are not the application's: {', '.join(others)}."
    return Check("Databases", not others, text)


def _only_changes(sources: Sequence[JobStatement]) -> Check:
    others = [one for one in sources if one.kind is not StatementKind.CHANGE or not one.check_mode]
    text = (
        "The plan holds the changing statements in their order; reads are left out."
        if not others
        else f"{len(others)} statements of the plan are no changes planned in check mode."
    )
    return Check("Changes only", not others, text)


def _intact(rows: Sequence[PlanItem]) -> Check:
    wrong = [one.position + 1 for one in rows if one.kind not in item_kinds() or _problems(one)]
    text = (
        "Each text fits the hash that the module gave it."
        if not wrong
        else f"The texts of statements {', '.join(map(str, wrong))} do not fit their hashes."
    )
    return Check("Intact", not wrong, text)


def _problems(item: PlanItem) -> list[str]:
    return item_kinds()[item.kind].problems(item)


def _no_secret(rows: Sequence[PlanItem], secrets: Collection[str]) -> Check:
    known = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
    forms = {form for secret in known for form in (secret, secret.replace("'", "''"))}
    leaking = [
        one.position + 1
        for one in rows
        if any(form in shown for form in forms for shown in (one.text, one.words or ""))
    ]
    placeholders = sum(len(one.secrets or []) for one in rows)
    shown = f"{placeholders} {'is a placeholder' if placeholders == 1 else 'are placeholders'}"
    text = (
        f"No text holds a password; {shown if placeholders else 'none is needed'}."
        if not leaking
        else f"A password is in the text or the words of statements {', '.join(map(str, leaking))}."
    )
    return Check("No secrets", not leaking, text)


def _account_check(instance: Instance) -> Check:
    seen = instance.account_check
    if not isinstance(seen, dict):
        text = f"The platform's login on {instance.name} was not checked yet (instance page)."
        return Check("Platform's login", False, text, is_blocking=False)
    missing = [str(one.get("right")) for one in seen.get("missing") or [] if isinstance(one, dict)]
    is_passed = bool(seen.get("ok"))
    text = (
        f"The platform's login on {instance.name} has every right that it needs."
        if is_passed
        else f"The last look at the platform's login on {instance.name} found a problem"
        f"{': it lacks ' + ', '.join(missing) if missing else ''}."
    )
    return Check("Platform's login", is_passed, text, is_blocking=False)


def _approver_check(plan: Plan, approvers: int) -> Check:
    needed = 0 if not plan.items else int((plan.policy or {}).get("approvals", 1))
    is_passed = approvers >= needed
    text = (
        "No person has to approve it."
        if needed == 0
        else f"{approvers} {'person' if approvers == 1 else 'people'} may approve it, {needed} must."
    )
    if not is_passed:
        text += " Somebody else needs the role, or the policy has to be changed."
    return Check("Approvers", is_passed, text, is_blocking=False)
