"""What the audit proves about one thing: the entries about it since a number, of a chain that is whole.

An older version of a row has an old seal that fits. The audit cannot be put back for it alone: an entry that
is missing leaves a gap, and each machine remembers the newest.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEntry, AuditHead
from webapp.audit.operations import MEMORY
from webapp.audit.seals import entries, is_sealed
from webapp.audit.verification import entry_problem


class AuditBroken(Exception):
    """The audit proves nothing. The text says why, without a full stop."""


def newest_number(session: Session) -> int:
    """The number of the newest entry: what is noted in this transaction gets a higher one."""
    return session.scalar(select(AuditHead.number).where(AuditHead.id == 1)) or 0


def proved(session: Session, *ids: str, after: int) -> list[AuditEntry]:
    """The entries about the things with these ids that came after a number, in order, not of the session.

    About one: as their object, or under a key of their details that ends in ``_id``. Raises
    :class:`AuditBroken` when an entry between is missing, changed or not of the platform, or when this
    machine has seen a newer one than the database knows. Reads every entry after the number.
    """
    query = select(AuditHead).where(AuditHead.id == 1).execution_options(populate_existing=True)
    with session.no_autoflush:
        head = session.scalars(query).one_or_none()
    if head is None or not is_sealed(head):
        raise AuditBroken("the head of the audit is missing or was changed")
    memory = session.info.get(MEMORY)
    seen = memory.recall() if memory else None
    if seen is not None and seen[0] > head.number:
        raise AuditBroken(
            f"the audit is that of an older version of the platform database: this machine has seen entry "
            f"{seen[0]}, the newest is {head.number}"
        )
    found = []
    number = after
    for entry in entries(session, after=after):
        if entry.number > head.number:
            break
        if entry.number != number + 1:
            raise AuditBroken(f"entry {number + 1} of the audit is missing")
        if problem := entry_problem(entry):
            raise AuditBroken(f"in the audit {problem}")
        number = entry.number
        if entry.object_id in ids or any(_names(entry, row_id) for row_id in ids):
            found.append(entry)
    if number != max(head.number, after):
        raise AuditBroken(f"entry {number + 1} of the audit is missing")
    return found


def _names(entry: AuditEntry, row_id: str) -> bool:
    details = entry.details if isinstance(entry.details, dict) else {}
    return any(value == row_id for key, value in details.items() if key.endswith("_id"))
