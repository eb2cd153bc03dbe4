"""What a booking's playbook is given: name, extra vars, and the password it sets. Its kind says most of it.

docs/book-an-application.md explains the variables. Where it runs is added by the room approvals.
"""

from __future__ import annotations

from typing import Any

from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking
from webapp.units import MIB_PER_GIB


def playbook_for(booking: Booking) -> str:
    """The playbook that carries out ``booking``, under the project folder."""
    return f"playbooks/{kind_of(booking).name}.yml"


def password_for(booking: Booking) -> str | None:
    """The password that the playbook sets; None where it sets none. Belongs into a secret file."""
    return booking.secret if kind_of(booking).sets_password else None


def variables_for(booking: Booking) -> dict[str, Any]:
    """The extra vars of ``booking``'s playbook, the same at every call; never a secret."""
    return kind_of(booking).variables(booking)


def gib_asked(booking: Booking) -> float:
    """The data limit that is asked for, in GiB; 0 where the booking is not about space."""
    return float(booking.parameters.get("data_limit_mib") or 0) / MIB_PER_GIB


def title_for(booking: Booking) -> str:
    """What the booking does, in a few words."""
    return kind_of(booking).title(booking)
