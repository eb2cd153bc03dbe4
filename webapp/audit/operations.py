"""Write audit entries.

``record`` notes an entry in the session; just before the commit the noted entries are chained and written. So
the lock on the chain's head is the last one that a transaction takes, and is held for a moment only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEntry, AuditHead
from webapp.audit.seals import sealed
from webapp.database import now, without_nul
from webapp.errors import Conflict
from webapp.noted import Notes

FIRST_HASH = "0" * 64
MEMORY = "audit_memory"  # in Session.info: what remembers the newest entry outside the database
_WRITTEN = "audit_written"


@dataclass(frozen=True)
class Actor:
    """Who acts. ``kind``: user, platform (worker, dispatcher) or command (``sqlhosting …``)."""

    kind: str
    name: str
    id: str | None = None
    address: str | None = None


PLATFORM = Actor("platform", "platform")


@dataclass(frozen=True)
class _Noted:
    actor: Actor
    action: str
    object_kind: str
    object_id: str | None
    object_name: str | None
    details: dict[str, Any] = field(default_factory=dict)


def record(
    session: Session,
    actor: Actor,
    action: str,
    *,
    object_kind: str,
    object_id: str | None = None,
    object_name: str | None = None,
    **details: Any,
) -> None:
    """Note that ``actor`` did ``action`` (``object:verb``). Written with the transaction, or not at all.

    ``details`` hold ids, names and reasons as JSON values; never a secret.
    """
    _notes.add(session, _Noted(actor, action, object_kind, object_id, object_name, details))


def _write_noted(session: Session, noted: list[_Noted]) -> None:
    query = select(AuditHead).where(AuditHead.id == 1).with_for_update()
    query = query.with_hint(AuditHead, "WITH (UPDLOCK)", "mssql")  # which knows no FOR UPDATE
    head = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if head is None:
        raise Conflict(
            "Nothing can be done: the head of the audit was removed from the platform database (audit_head). "
            "Find out who can write to it, and restore it from a backup."
        )
    if (memory := session.info.get(MEMORY)) is not None:
        memory.compare(head.number, head.hash)
    for note in noted:
        entry = AuditEntry(
            number=head.number + 1,
            at=now(),
            actor_kind=note.actor.kind,
            actor_id=note.actor.id,
            actor_name=note.actor.name[:254],
            action=note.action,
            object_kind=note.object_kind,
            object_id=note.object_id,
            object_name=note.object_name and note.object_name[:254],
            details=without_nul(note.details),  # as the column gives it back: the hash is over that
            address=note.actor.address,
            previous_hash=head.hash,
        )
        entry.hash = entry_hash(entry)
        entry.seal = sealed(entry)
        session.add(entry)
        head.number, head.hash = entry.number, entry.hash
    head.seal = sealed(head)
    session.info[_WRITTEN] = (head.number, head.hash)


@event.listens_for(Session, "after_commit")
def _remember_written(session: Session) -> None:
    if session.in_nested_transaction():
        return
    written = session.info.pop(_WRITTEN, None)
    memory = session.info.get(MEMORY)
    if written is not None and memory is not None:
        memory.remember(*written)


@event.listens_for(Session, "after_rollback")
def _forget_written(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_WRITTEN, None)


_notes: Notes[_Noted] = Notes("audit", _write_noted)


def entry_hash(entry: AuditEntry) -> str:
    """sha256 over the canonical JSON of everything in ``entry`` but the hash itself and its seal."""
    columns = (column.key for column in AuditEntry.__table__.columns if column.key not in ("hash", "seal"))
    row = {key: getattr(entry, key) for key in columns}
    row["at"] = entry.at.isoformat(timespec="microseconds")
    canonical = json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
