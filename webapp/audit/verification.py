"""Whether the audit is whole: every entry there, as it was written, by the platform, up to the newest."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.audit.memory import AuditMemory
from webapp.audit.models import AuditEntry, AuditHead
from webapp.audit.operations import FIRST_HASH, entry_hash
from webapp.audit.seals import entries, is_sealed, sealed

# SQLite in WAL mode may lose the last commits at a power cut.
_ON_PURPOSE = "If you restored a backup on purpose, or the machine lost its power (SQLite), remove"
MOST_BREAKS = 50  # that are named one by one


@dataclass(frozen=True)
class AuditReport:
    """``count`` entries were read; ``breaks``: where the audit does not hold, in words; none when it does."""

    count: int
    breaks: tuple[str, ...]
    omitted: int = 0  # further breaks


def verify_audit(session: Session, memory: AuditMemory | None = None) -> AuditReport:
    """Read the whole audit and compare it with its hashes, its seals, its head and what is remembered."""
    found: list[str] = []
    remembered = memory.recall() if memory else None
    count, number, previous = 0, 0, FIRST_HASH
    for entry in entries(session):
        if entry.number != number + 1:
            found.append(_gap(number + 1, entry.number - 1))
        found += _of_entry(entry, previous if entry.number == number + 1 else None)
        if remembered and entry.number == remembered[0] and entry.hash != remembered[1]:
            found.append(f"entry {entry.number} is not the one that this machine has seen")
        count, number, previous = count + 1, entry.number, entry.hash
    found += _of_head(session, number, previous)
    if memory and (older := memory.was_older()):
        found.append(
            f"an older version of the database was put back once (entries seen and found: {older}). "
            f"{_ON_PURPOSE} {memory.path} and {memory.alarm} on each machine of the platform"
        )
    if memory and remembered and remembered[0] > number:
        found.append(
            f"this machine has seen entry {remembered[0]}, and the newest is {number}: entries were removed, "
            f"or an older version of the database was put back. {_ON_PURPOSE} {memory.path} on each machine "
            "of the platform"
        )
    return AuditReport(count, tuple(found[:MOST_BREAKS]), max(0, len(found) - MOST_BREAKS))


def seal_chain(session: Session) -> None:
    """Seal an audit from before there were seals, as far as its chain holds; what follows a break gets none.

    For the upgrade that brings the seals and nothing else: it lets count what anybody could have written.
    """
    number, previous = 0, FIRST_HASH
    for entry in entries(session):
        is_next = entry.number == number + 1 and entry.previous_hash == previous
        if not is_next or entry.hash != entry_hash(entry):
            return
        entry.seal = sealed(entry)
        number, previous = entry.number, entry.hash
    head = session.get_one(AuditHead, 1)
    if (head.number, head.hash) == (number, previous):
        head.seal = sealed(head)


def _gap(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _of_entry(entry: AuditEntry, previous: str | None) -> list[str]:
    """What is wrong with one entry; ``previous``: the hash before it, None after a gap."""
    if problem := entry_problem(entry):
        return [problem]
    if previous is not None and entry.previous_hash != previous:
        return [f"entry {entry.number} does not follow the one before it, which was replaced"]
    return []


def entry_problem(entry: AuditEntry) -> str | None:
    """What is wrong with an entry, whatever stands before it; None when nothing is."""
    if entry.hash != entry_hash(entry):
        return f"entry {entry.number} was changed: it does not fit its hash"
    if not is_sealed(entry):
        return f"entry {entry.number} was not written by the platform: its seal is missing or does not fit"
    return None


def _of_head(session: Session, number: int, newest: str) -> list[str]:
    query = select(AuditHead).where(AuditHead.id == 1).execution_options(populate_existing=True)
    head = session.scalars(query).one_or_none()
    if head is None:
        return ["the head of the audit is missing"]
    if not is_sealed(head):
        return ["the head of the audit was changed: its seal is missing or does not fit"]
    if head.number > number:  # PostgreSQL shows what was written since the entries were read
        for entry in entries(session, after=number):
            if entry.previous_hash != newest or entry_problem(entry):
                break
            number, newest = entry.number, entry.hash
            if number == head.number:
                break
    if (head.number, head.hash) != (number, newest):
        return [f"the head of the audit names entry {head.number}, and the newest is {number}"]
    return []
