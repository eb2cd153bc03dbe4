"""Whether a request stands: somebody asked for just this, and it has not ended.

Rows tell it by their seals. That they are not those of an older version, of before a request was changed,
rejected or carried out, is told by the audit.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.audit.models import AuditEntry
from webapp.audit.proof import AuditBroken, proved
from webapp.bookings.kinds.registry import kind_of
from webapp.bookings.models import Booking

_ASKED = ("booking:requested", "booking:changed")
# What a request ends with, for good.
ENDS = {
    "plan:applied": "was carried out already",
    "plan:rejected": "was rejected",
    "booking:canceled": "was canceled",
}


def standing_problems(session: Session, booking: Booking) -> list[str]:
    """Why nothing may be done for ``booking``; empty when it stands. Sentences without a full stop."""
    rows = [booking, *kind_of(booking).built_on(session, booking)]
    found = [row.changed_shortly for row in rows if not row.is_intact]
    try:
        entries = proved(session, booking.id, after=max(booking.asked_after, 0))
    except AuditBroken as broken:
        return [*found, str(broken)]
    return found + problems_in(booking, entries)


def problems_in(booking: Booking, entries: list[AuditEntry]) -> list[str]:
    """What the audit's entries about ``booking`` say against it. Pure."""
    asked = [entry for entry in entries if entry.action in _ASKED and entry.object_id == booking.id]
    found = []
    if asked:
        found += _differences(booking, asked[0], asked[-1])
    elif booking.asked_after >= 0:
        found.append("the audit does not know that anybody asked for it")
    return found + [
        f"by the audit it {words}"
        for action, words in ENDS.items()
        if any(entry.action == action for entry in entries)
    ]


def _differences(booking: Booking, first: AuditEntry, newest: AuditEntry) -> list[str]:
    found = []
    if first.action != "booking:requested" or first.actor_id != booking.requester_id:
        found.append("by the audit somebody else asked for it")
    if (
        newest.details.get("booking_kind") != booking.kind
        or newest.details.get("parameters") != booking.parameters
    ):
        found.append("by the audit something else was asked for")
    return found
