"""Heads of sets that decide: which rows a set has and in which version, sealed, with a counter.

A seal on a row cannot tell that the row was removed, or that an older version of it was put back with its old
seal. The head of the set can; and this machine remembers the highest counter that it has seen outside the
database, so that an older head does not pass either.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import String, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.database import Base
from webapp.noted import Notes
from webapp.sealing import canonical, the_box

HEADS_MEMORY = "heads_memory"  # in Session.info: a HeadsMemory
_READ = "heads_read"  # in Session.info: what this transaction has read
_WRITTEN = "heads_written"
_KEPT = 32  # member lists that this process keeps, by their head's seal
_MARK = 32  # characters of a row's seal that its head holds: 128 bits

_log = logging.getLogger(__name__)


class SealedHead(Base):
    """The head of one set: a table whose rows count together."""

    __tablename__ = "sealed_heads"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)  # of the table
    counter: Mapped[int]  # one more with every transaction that changes the set
    members: Mapped[dict[str, Any]]  # {id of a row: how its seal begins}
    seal: Mapped[str | None] = mapped_column(String(64))


@dataclass(frozen=True)
class HeadsMemory:
    """Remembers in ``path`` the highest counter of each set that this machine has seen."""

    path: Path

    def recall(self) -> dict[str, int]:
        """{set: counter}; empty when nothing is remembered."""
        try:
            return _counters(self.path.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            return {}

    def remember(self, counters: Mapping[str, int]) -> None:
        """Note counters, unless higher ones are known. What cannot be written is logged: it is committed."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                known = _counters(file.read())
                most = known | {name: max(at, known.get(name, 0)) for name, at in counters.items()}
                if most != known:
                    text = json.dumps(most, sort_keys=True) + "\n"
                    os.pwrite(file.fileno(), text.encode("utf-8"), 0)
                    os.ftruncate(file.fileno(), len(text.encode("utf-8")))
        except OSError as exc:
            _log.warning("heads_not_remembered path=%s error=%s", self.path, exc.strerror)


def _counters(text: str) -> dict[str, int]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {str(name): at for name, at in items if isinstance(at, int)}


@dataclass(frozen=True)
class _Head:
    """What one look at a head says. ``problem``: why it cannot be believed, in words; else None."""

    counter: int
    members: Mapping[str, str]
    problem: str | None = None
    is_older: bool = False  # than what this machine has seen


@dataclass(frozen=True)
class _Change:
    """A row of a set has a seal, or none any more."""

    name: str
    row_id: str
    seal: str | None


def member_changed(session: Session, name: str, row_id: str, seal: str | None) -> None:
    """The set ``name`` holds the row with this seal from the commit on; without one: no longer."""
    _changes.add(session, _Change(name, row_id, seal))


def is_member(session: Session, name: str, row_id: str, seal: str) -> bool:
    """Whether the set holds the row in just this version, as far as this transaction sees."""
    for change in reversed(_changes.of(session)):
        if (change.name, change.row_id) == (name, row_id):
            return change.seal == seal
    head = _read(session, name)
    return head.problem is None and head.members.get(row_id) == seal[:_MARK]


def forget_read(session: Session) -> None:
    """Read the heads anew when they are asked for next."""
    session.info.pop(_READ, None)


def head_problem(session: Session, name: str) -> str | None:
    """Why the head of the set ``name`` cannot be believed, in words; None when it can."""
    return _read(session, name).problem


def is_older(session: Session, name: str) -> bool:
    """Whether this machine has seen a newer version of the set ``name``."""
    return _read(session, name).is_older


def members_of(session: Session, name: str) -> dict[str, str]:
    """The ids of the rows that the set holds, with how their seals begin; of a head that can be believed."""
    return dict(_read(session, name).members)


def _read(session: Session, name: str) -> _Head:
    known: dict[str, _Head] = session.info.setdefault(_READ, {})
    if name not in known:
        known[name] = _look(session, name)
    return known[name]


def _look(session: Session, name: str) -> _Head:
    columns = (SealedHead.counter, SealedHead.seal)
    with session.no_autoflush:
        row = session.execute(select(*columns).where(SealedHead.name == name)).one_or_none()
    if row is None:
        return _Head(0, {}, f"the head of the {_words(name)} is missing")
    members = _cache.get(row.seal or "")
    if members is None:
        with session.no_autoflush:
            members = session.scalar(select(SealedHead.members).where(SealedHead.name == name)) or {}
        if not the_box().is_signed(_document(name, row.counter, members), row.seal or ""):
            return _Head(row.counter, {}, f"the head of the {_words(name)} was changed")
        _keep(row.seal, name, row.counter, members)
    if _meant.get(row.seal) != (name, row.counter):
        return _Head(row.counter, {}, f"the head of the {_words(name)} was changed")
    memory: HeadsMemory | None = session.info.get(HEADS_MEMORY)
    seen = memory.recall().get(name, 0) if memory else 0
    if row.counter < seen:
        return _Head(
            row.counter, {},
            f"the {_words(name)} are those of an older version of the platform database: this machine has "
            f"seen version {seen}, the database is at {row.counter}",
            is_older=True,
        )  # fmt: skip
    if memory and row.counter > seen:
        memory.remember({name: row.counter})
    return _Head(row.counter, members)


_cache: dict[str, dict[str, str]] = {}
_meant: dict[str | None, tuple[str, int]] = {}  # which head a seal was found to fit


def _keep(seal: str, name: str, counter: int, members: dict[str, str]) -> None:
    while len(_cache) >= _KEPT:
        oldest = next(iter(_cache))
        _cache.pop(oldest, None)
        _meant.pop(oldest, None)
    _cache[seal], _meant[seal] = members, (name, counter)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _document(name: str, counter: int, members: Mapping[str, str]) -> bytes:
    return canonical(
        {"version": 1, "what": "sealed_heads", "name": name, "counter": counter, "members": members}
    )


def _write(session: Session, changes: list[_Change]) -> None:
    written = session.info.setdefault(_WRITTEN, {})
    for name in sorted({change.name for change in changes}):
        forget_read(session)
        query = select(SealedHead).where(SealedHead.name == name).with_for_update()
        query = query.with_hint(SealedHead, "WITH (UPDLOCK)", "mssql")  # which knows no FOR UPDATE
        head = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
        if head is None or (problem := _look(session, name).problem):
            # Left as it is: a seal would make what somebody changed count.
            _log.error("head_not_believed name=%s problem=%s", name, "missing" if head is None else problem)
            continue
        members = dict(head.members)
        for change in changes:
            if change.name != name:
                continue
            if change.seal is None:
                members.pop(change.row_id, None)
            else:
                members[change.row_id] = change.seal[:_MARK]
        head.members, head.counter = members, head.counter + 1
        head.seal = the_box().sign(_document(name, head.counter, members))
        written[name] = head.counter
    session.flush()
    forget_read(session)


_changes: Notes[_Change] = Notes("heads", _write)


def renew_head(session: Session, name: str) -> None:
    """Have the head sealed anew, with the newest key, if it can be believed."""
    member_changed(session, name, "", None)


def begin_head(session: Session, name: str, seals: Mapping[str, str]) -> None:
    """Let the set ``name`` be these rows, by id with their seals, whatever its head said before.

    The counter passes what this machine has seen. For the upgrade that brings the heads, for a new key, and
    for people who have looked at the rows.
    """
    memory: HeadsMemory | None = session.info.get(HEADS_MEMORY)
    seen = memory.recall().get(name, 0) if memory else 0
    head = session.get(SealedHead, name, with_for_update=True, populate_existing=True)
    if head is None:
        head = SealedHead(name=name, counter=0, members={})
        session.add(head)
    head.members = {row_id: seal[:_MARK] for row_id, seal in seals.items()}
    head.counter = max(head.counter, seen) + 1
    head.seal = the_box().sign(_document(name, head.counter, head.members))
    session.flush()
    session.info.setdefault(_WRITTEN, {})[name] = head.counter
    forget_read(session)


@event.listens_for(Session, "after_commit")
def _remember(session: Session) -> None:
    if session.in_nested_transaction():
        return
    forget_read(session)
    written = session.info.pop(_WRITTEN, None)
    memory: HeadsMemory | None = session.info.get(HEADS_MEMORY)
    if written and memory:
        memory.remember(written)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        forget_read(session)
        session.info.pop(_WRITTEN, None)
