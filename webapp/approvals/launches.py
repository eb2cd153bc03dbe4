"""What an approval binds besides the statements: playbook, variables, instance, password, requester.

``launch_for`` says it for a booking as it stands; a plan keeps it; the gate compares the two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.bookings.models import Booking
from webapp.bookings.variables import password_for, playbook_for, variables_for
from webapp.jobs.templates import SecretFile
from webapp.policies.terms import changed_by
from webapp.pools.inventory import run_inventory
from webapp.pools.models import Instance
from webapp.sealing import canonical, the_box

PASSWORD = "application_password"
_WORDS = {
    ("instance", "id"): "the instance",
    ("instance", "host"): "the instance's address",
    ("instance", "port"): "the instance's port",
    ("instance", "name"): "the instance's name",
    ("instance", "instance_name"): "the instance's own name behind its address",
    ("instance", "pool"): "the pool of the instance",
    ("instance", "login_user"): "the platform's login on the instance",
    ("instance", "trust_server_certificate"): "whether the instance's certificate is trusted unseen",
    ("booking", "requester_id"): "who asked for it",
    ("booking", "changed_by"): "who changed what is asked for",
    ("booking", "customer_id"): "whom the application belongs to",
    ("booking", "kind"): "what is asked for",
}


def launch_for(booking: Booking, instance: Instance) -> dict[str, Any]:
    """All that decides what ``booking`` does on ``instance``, without secrets."""
    return {
        "playbook": playbook_for(booking),
        "variables": {
            **variables_for(booking),
            "application_pool": instance.pool.name,
            "application_instance": instance.name,
        },
        "instance": {
            "id": instance.id,
            "name": instance.name,
            "pool": instance.pool.name,
            "host": instance.host,
            "port": instance.port,
            "instance_name": instance.instance_name,
            "trust_server_certificate": instance.trust_server_certificate,
            "login_user": instance.elevated_account.login_user,
        },
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


def password_mark(booking: Booking) -> str | None:
    """A keyed mark of the password that the job sets: tells nothing about it, and changes when it does."""
    password = password_for(booking)
    return None if password is None else the_box().sign(_password_document(booking, password))


def _password_document(booking: Booking, password: str) -> bytes:
    return canonical({"what": "password", "booking": booking.id, "password": password})


def differences(approved: dict[str, Any], booking: Booking, instance: Instance) -> list[str]:
    """How ``booking`` on ``instance`` differs by now from what was approved; sentences without secrets."""
    today = launch_for(booking, instance)
    password = password_for(booking)
    then = approved.get("password") or {}
    found = []
    if then.get("use") != today["password"]["use"]:
        found.append("the password that would be set is gone or was added")
    elif password is not None and not the_box().is_signed(
        _password_document(booking, password), str(then.get("mark"))
    ):
        found.append("the password that would be set is another one")
    for section in ("instance", "booking", "variables"):
        before, after = approved.get(section) or {}, today[section]
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                what = _WORDS.get((section, key), f"the {section.removesuffix('s')} {key}")
                found.append(f"{what} was {_shown(before.get(key))} and is {_shown(after.get(key))}")
    if approved.get("playbook") != today["playbook"]:
        found.append(f"the playbook was {approved.get('playbook')} and is {today['playbook']}")
    return found


def _shown(value: Any) -> str:
    return "not given" if value is None else str(value)[:120]


def inventory_for(
    session: Session, booking: Booking, *, pool_id: str | None = None, instance_id: str | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Inventory and secrets of a run: one instance, or the open ones of a pool. Raises NotLaunchable."""
    password = password_for(booking)
    given = {} if password is None else {"all": {PASSWORD: SecretFile(PASSWORD)}}
    inventory, secrets = run_inventory(session, pool_id, instance_id, extra_host_variables=given)
    return inventory, secrets if password is None else {**secrets, PASSWORD: password}
