"""What an approval binds besides the items: playbook, variables, targets, password, requester.

``launch_for`` says it for a booking as it stands; a plan keeps it; the gate compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from webapp.bookings.models import Booking
from webapp.bookings.plans import Plan
from webapp.bookings.variables import password_for, playbook_for, variables_for
from webapp.jobs.models import split
from webapp.jobs.subjects import target_kinds
from webapp.jobs.templates import SecretFile
from webapp.policies.terms import changed_by
from webapp.pools.inventory import run_inventory
from webapp.pools.subjects import INSTANCE
from webapp.sealing import canonical, the_box

PASSWORD = "application_password"
_BOOKING_WORDS = {
    "requester_id": "who asked for it",
    "changed_by": "who changed what is asked for",
    "customer_id": "whom the application belongs to",
    "kind": "what is asked for",
}


def launch_for(booking: Booking, targets: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """All that decides what ``booking`` does on ``targets`` (:func:`bound_targets`), without secrets."""
    return {
        "playbook": playbook_for(booking),
        "variables": {**variables_for(booking), **place_of(targets)},
        "targets": dict(targets),
        "booking": {
            "kind": booking.kind.value,
            "application_id": booking.application_id,
            "customer_id": booking.application.customer_id,
            "requester_id": booking.requester_id,
            "changed_by": sorted(changed_by(booking)),
        },
        "password": {
            "use": "none" if password_for(booking) is None else "set",
            "mark": password_mark(booking),
        },
    }


def bound_targets(session: Session, plan: Plan) -> dict[str, dict[str, Any]]:
    """What an approval binds of each target of ``plan``, by reference; those that are gone are left out."""
    found = {}
    for one in plan.targets:
        kind = target_kinds().get(one.kind)
        bound = kind.bound(session, one.target_id) if kind else None
        if bound is not None:
            found[f"{one.kind}:{one.target_id}"] = bound
    return found


def place_of(targets: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The variables that tell a playbook where the application is: the first instance that is a target."""
    for reference, bound in targets.items():
        if split(reference)[0] == INSTANCE:
            return {"application_pool": bound["pool"], "application_instance": bound["name"]}
    return {}


def password_mark(booking: Booking) -> str | None:
    """A keyed mark of the password that the job sets: tells nothing about it, and changes when it does."""
    password = password_for(booking)
    return None if password is None else the_box().sign(_password_document(booking, password))


def _password_document(booking: Booking, password: str) -> bytes:
    return canonical({"what": "password", "booking": booking.id, "password": password})


def differences(
    approved: dict[str, Any], booking: Booking, targets: Mapping[str, dict[str, Any]]
) -> list[str]:
    """How ``booking`` on ``targets`` differs by now from what was approved; sentences without secrets."""
    today = launch_for(booking, targets)
    password = password_for(booking)
    then = approved.get("password") or {}
    found = []
    if then.get("use") != today["password"]["use"]:
        found.append("the password that would be set is gone or was added")
    elif password is not None and not the_box().is_signed(
        _password_document(booking, password), str(then.get("mark"))
    ):
        found.append("the password that would be set is another one")
    found += _target_differences(_approved_targets(approved), targets)
    for section, words in (("booking", _BOOKING_WORDS), ("variables", {})):
        otherwise = f"the {section.removesuffix('s')}"
        found += _differing(approved.get(section) or {}, today[section], words, otherwise=otherwise)
    if approved.get("playbook") != today["playbook"]:
        found.append(f"the playbook was {approved.get('playbook')} and is {today['playbook']}")
    return found


def _approved_targets(approved: dict[str, Any]) -> dict[str, Any]:
    """Plans of the first version name one instance, and not as a set."""
    targets, instance = approved.get("targets"), approved.get("instance")
    if isinstance(targets, dict):
        return targets
    return {f"{INSTANCE}:{instance.get('id')}": instance} if isinstance(instance, dict) else {}


def _target_differences(before: Mapping[str, Any], after: Mapping[str, dict[str, Any]]) -> list[str]:
    found = []
    for reference in [*before, *(one for one in after if one not in before)]:
        kind = target_kinds().get(split(reference)[0])
        word = kind.name if kind else "target"
        then, now = before.get(reference), after.get(reference)
        if not isinstance(then, dict) or now is None:
            name = (
                (now or {}).get("name") or (then if isinstance(then, dict) else {}).get("name") or reference
            )
            found.append(
                f"the {word} {name} {'was added' if now is not None else 'is not a target any more'}"
            )
            continue
        # Which of several: their names may have changed, so the one that was approved.
        which = f"{then.get('name')}: " if len(before) > 1 else ""
        lines = _differing(then, now, kind.words if kind else {}, otherwise=f"the {word}")
        found += [f"{which}{line}" for line in lines]
    return found


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any], words: Mapping[str, str], *, otherwise: str
) -> list[str]:
    found = []
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            what = words.get(key, f"{otherwise} {key}")
            found.append(f"{what} was {_shown(before.get(key))} and is {_shown(after.get(key))}")
    return found


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)[:120]


def inventory_for(
    session: Session, booking: Booking, *, pool_id: str | None = None, instance_ids: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, str]]:
    """Inventory and secrets of a run: these instances, or the open ones of a pool. Raises NotLaunchable."""
    password = password_for(booking)
    given = {} if password is None else {"all": {PASSWORD: SecretFile(PASSWORD)}}
    inventory, secrets = run_inventory(
        session, pool_id, instance_ids=instance_ids, extra_host_variables=given
    )
    return inventory, secrets if password is None else {**secrets, PASSWORD: password}
