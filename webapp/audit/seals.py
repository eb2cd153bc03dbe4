"""Seals of audit entries and of the head, by keys that the platform database does not hold.

The chain of hashes alone can be computed by anybody who can write to the database, from any entry on.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.models import AuditEntry, AuditHead
from webapp.sealing import the_box
from webapp.signed_rows import document_of

PAGE = 1000  # entries that are held in memory at once


def sealed(row: AuditEntry | AuditHead) -> str:
    """The seal that the newest key gives ``row`` as it is."""
    return the_box().sign(document_of(row))


def is_sealed(row: AuditEntry | AuditHead) -> bool:
    """Whether the platform wrote this number with this hash into this table."""
    return row.seal is not None and the_box().is_signed(document_of(row), row.seal)


def reseal(session: Session) -> None:
    """Seal with the newest key what an older one has sealed. What does not hold is left as it is."""
    for entry in entries(session):
        if is_sealed(entry):
            entry.seal = sealed(entry)
    head = session.get(AuditHead, 1)
    if head is not None and is_sealed(head):
        head.seal = sealed(head)


def entries(session: Session, *, after: int | None = None) -> Iterator[AuditEntry]:
    """All entries by their number, or those ``after`` one, a page at a time."""
    number = after
    while True:
        query = select(AuditEntry).order_by(AuditEntry.number).limit(PAGE)
        page = session.scalars(query if number is None else query.where(AuditEntry.number > number)).all()
        yield from page
        session.flush()
        for entry in page:
            session.expunge(entry)
        if len(page) < PAGE:
            return
        number = page[-1].number
