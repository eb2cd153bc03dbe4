"""Rings of the doorbell: written in the transaction that makes them necessary, sent to Redis afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.database import new_id, now
from webapp.jobs.models import OutboxEntry

RINGS = "rings"  # in Session.info: what this transaction adds to the outbox
_ERROR_LENGTH = 500


@dataclass(frozen=True)
class Ring:
    """An outbox entry, outside any session."""

    id: str
    job_id: str


def add_ring(session: Session, job_id: str) -> None:
    """Have a worker told of the job once this transaction is committed."""
    entry = OutboxEntry(id=new_id(), job_id=job_id)
    session.add(entry)
    session.info.setdefault(RINGS, []).append(Ring(entry.id, job_id))


def unsent_rings(session: Session, *, limit: int) -> list[Ring]:
    """What Redis has not heard yet, the oldest first."""
    query = select(OutboxEntry.id, OutboxEntry.job_id).where(OutboxEntry.sent_at.is_(None))
    return [Ring(*row) for row in session.execute(query.order_by(OutboxEntry.id).limit(limit))]


def mark_sent(session: Session, rings: Iterable[Ring]) -> None:
    """Redis has heard them. Nothing changes where another process was faster."""
    ids = [ring.id for ring in rings]
    if ids:
        session.execute(
            update(OutboxEntry)
            .where(OutboxEntry.id.in_(ids), OutboxEntry.sent_at.is_(None))
            .values(sent_at=now(), tries=OutboxEntry.tries + 1, last_error=None)
            .execution_options(synchronize_session=False)
        )


def mark_failed(session: Session, rings: Sequence[Ring], error: str) -> None:
    """Redis did not hear them; the dispatcher tries again."""
    ids = [ring.id for ring in rings]
    if ids:
        session.execute(
            update(OutboxEntry)
            .where(OutboxEntry.id.in_(ids), OutboxEntry.sent_at.is_(None))
            .values(tries=OutboxEntry.tries + 1, last_error=error[:_ERROR_LENGTH])
            .execution_options(synchronize_session=False)
        )
