"""What a session notes on its way and writes just before it commits.

A note of a savepoint that is given up did not happen, nor any of a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

_NOTES = "noted"  # in Session.info: what was noted, by the name of its Notes

Note = TypeVar("Note")


class Notes(Generic[Note]):
    """The notes of one sort. ``write`` is given them, in order, before the commit: its locks are last."""

    def __init__(self, name: str, write: Callable[[Session, list[Note]], None]) -> None:
        self.name = name
        self.write = write
        _writers.append(self)

    def add(self, session: Session, note: Note) -> None:
        """Have ``note`` written with the transaction, or not at all."""
        of_session = session.info.setdefault(_NOTES, {})
        of_session.setdefault(self.name, []).append((session.get_nested_transaction(), note))

    def of(self, session: Session) -> list[Note]:
        """What is noted and not written yet."""
        return [note for _, note in session.info.get(_NOTES, {}).get(self.name, ())]


_writers: list[Notes[Any]] = []  # in the order in which they were made, which is that of their locks


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: what is locked would be held until the outer transaction ends
    session.flush()  # which may note more
    for notes in _writers:
        noted = notes.of(session)
        session.info.get(_NOTES, {}).pop(notes.name, None)
        if noted:
            notes.write(session, noted)


@event.listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    if not session.in_nested_transaction():  # a savepoint that is given up takes no outer note along
        session.info.pop(_NOTES, None)


@event.listens_for(Session, "after_soft_rollback")
def _forget_of_savepoint(session: Session, previous: SessionTransaction) -> None:
    if not previous.nested:
        return
    of_session: dict[str, list[tuple[SessionTransaction | None, Any]]] = session.info.get(_NOTES, {})
    for name, noted in of_session.items():
        of_session[name] = [one for one in noted if not _is_within(one[0], previous)]


def _is_within(savepoint: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while savepoint is not None:
        if savepoint is outer:
            return True
        savepoint = savepoint.parent
    return False
