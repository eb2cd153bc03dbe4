"""Rows that count only as the platform wrote them: signed by keys that the platform database does not hold.

Whoever can write to the database can change a row, add one, or copy one, and cannot make a seal that fits it.
That a row was removed, or that an older version of it was put back whole, is told by the head of its set
(``sealed_heads.py``), for tables that have one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from sqlalchemy import String, event, inspect, select
from sqlalchemy.orm import Mapped, Session, mapped_column, object_session

from webapp.database import without_nul
from webapp.errors import Conflict
from webapp.sealed_heads import forget_read, head_problem, is_member, is_older, member_changed
from webapp.sealing import SealingError, canonical, the_box

VERSION = 1
CHANGED = "was changed in the platform database"
RESTORED = (
    "If somebody restored a backup on purpose, two admins accept it on each machine of the platform with "
    "'sqlhosting database accept-backup'."
)

_log = logging.getLogger(__name__)


class RowChanged(Conflict):
    """A row is not as the platform wrote it. The text names the row and what to do."""


class Signed:
    """A mixin for tables. ``SIGNED`` names the columns that the seal covers, ``REMEDY`` says what to do.

    ``HAS_HEAD``: the rows count together; removed ones and older versions of them are noticed as well.
    """

    SIGNED: ClassVar[tuple[str, ...]]
    SIGNED_BEFORE: ClassVar[tuple[str, ...]] = ()  # what migration 0007 and older ones covered, if less
    REMEDY: ClassVar[str]
    HAS_HEAD: ClassVar[bool] = False

    seal: Mapped[str | None] = mapped_column(String(64))

    @property
    def is_intact(self) -> bool:
        """Whether the signed columns are as the platform wrote them, and wrote them last.

        A row with a head that somebody else has changed meanwhile is read anew.
        """
        if not self.fits:
            return False
        session = object_session(self)
        if not self.HAS_HEAD or session is None:
            return True
        name, row_id = _set_of(self), str(getattr(self, "id", ""))
        if is_member(session, name, row_id, self.seal or ""):
            return True
        if session.is_modified(self):
            return False
        forget_read(session)
        with session.no_autoflush:
            session.refresh(self, ["seal", *self.SIGNED])
        return self.fits and is_member(session, name, row_id, self.seal or "")

    @property
    def fits(self) -> bool:
        """Whether the platform wrote the row like this once; not whether it did so last."""
        if self.seal is None:
            return False
        try:
            return the_box().is_signed(document_of(self), self.seal)
        except SealingError:  # a sealed value of another row
            return False

    @property
    def fitted_before(self) -> bool:
        """The same, by the columns that older versions of the platform signed."""
        if not self.SIGNED_BEFORE or self.seal is None:
            return False
        values = {name: getattr(self, name) for name in self.SIGNED_BEFORE}
        return the_box().is_signed(_document(type(self), values), self.seal)

    @property
    def changed_text(self) -> str:
        """What is said of a row that is not intact: its name and what to do."""
        session = object_session(self)
        if self.HAS_HEAD and session is not None and is_older(session, _set_of(self)):
            return f"{name_of(self)} does not count: {head_problem(session, _set_of(self))}. {RESTORED}"
        return f"{name_of(self)} {CHANGED}, not by the platform. {self.REMEDY}"

    @property
    def changed_shortly(self) -> str:
        """The same within a sentence, without what to do."""
        session = object_session(self)
        name = name_of(self).replace("The", "the", 1)
        if self.HAS_HEAD and session is not None and is_older(session, _set_of(self)):
            return str(head_problem(session, _set_of(self)))
        return f"{name} {CHANGED}"


class SignedOnSaving(Signed):
    """Rows that the platform changes in many places: each change through the ORM signs them anew.

    What somebody changed in the database is not signed with it: the row as it is there is compared with its
    seal first, under its lock. An ``UPDATE`` statement of our own must leave the signed columns alone.
    """


class SealedApart:
    """Rows of which a part is told bit by bit, with a seal of its own."""

    def seal_told(self) -> None:
        """Let the part count as it is: the platform has just written it."""
        raise NotImplementedError


def sign(session: Session, row: Signed) -> None:
    """Make ``row`` count as it is now. For rows that are new, or that somebody has looked at."""
    session.flush()  # ids and defaults are there afterwards
    row.seal = the_box().sign(document_of(row))
    session.flush()
    if row.HAS_HEAD:
        member_changed(session, _set_of(row), str(getattr(row, "id", "")), row.seal)


def require_intact(*rows: Signed) -> None:
    """Raise :class:`RowChanged` for the first row that is not as the platform wrote it."""
    for row in rows:
        if not row.is_intact:
            raise RowChanged(row.changed_text)


@contextmanager
def changing(session: Session, row: Signed) -> Iterator[None]:
    """Sign ``row`` again after the body has changed it. Raises :class:`RowChanged` before the body.

    Lock the row first (:func:`webapp.database.locked`): what somebody wrote in between would be signed too.
    """
    require_intact(row)
    yield
    sign(session, row)


@event.listens_for(Session, "before_flush")
def _sign_saved(session: Session, _context: Any, _instances: Any) -> None:
    for row in session.new:
        if isinstance(row, SignedOnSaving):
            _fill_defaults(row)
            row.seal = the_box().sign(document_of(row))
    for row in session.dirty:
        if isinstance(row, SignedOnSaving):
            _sign_again(session, row)
        elif isinstance(row, Signed) and row.HAS_HEAD and _lost_its_seal(row):
            member_changed(session, _set_of(row), str(getattr(row, "id", "")), None)
    for row in session.deleted:
        if isinstance(row, Signed) and row.HAS_HEAD:
            member_changed(session, _set_of(row), str(getattr(row, "id", "")), None)


def _sign_again(session: Session, row: SignedOnSaving) -> None:
    state: Any = inspect(row)
    changed = {name: getattr(row, name) for name in row.SIGNED if state.attrs[name].history.has_changes()}
    if not changed:
        return
    kind = type(row)
    columns = [getattr(kind, name).label(f"c{at}") for at, name in enumerate(("seal", *row.SIGNED))]
    query = select(*columns).where(kind.id == row.id).with_for_update()  # type: ignore[attr-defined]
    query = query.with_hint(kind, "WITH (UPDLOCK)", "mssql")  # which knows no FOR UPDATE
    with session.no_autoflush:
        found = session.execute(query).one_or_none()
    if found is None:
        return
    seal, *values = found
    stored = dict(zip(row.SIGNED, values, strict=True))
    if seal is None or not the_box().is_signed(_document(kind, stored), seal):
        _log.warning("row_not_intact table=%s id=%s", kind.__tablename__, row.id)  # type: ignore[attr-defined]
        return
    row.seal = the_box().sign(_document(kind, stored | changed))


def _fill_defaults(row: Any) -> None:
    for name in row.SIGNED:
        default = inspect(type(row)).columns[name].default
        if default is not None and getattr(row, name) is None:
            setattr(row, name, default.arg(None) if default.is_callable else default.arg)


def _lost_its_seal(row: Signed) -> bool:
    state: Any = inspect(row)
    return row.seal is None and bool(state.attrs["seal"].history.deleted)


def name_of(row: Any) -> str:
    """What messages call the row, for instance “The instance sql01”."""
    name = getattr(row, "email", None) or getattr(row, "name", None) or row.id
    return f"The {word_of(type(row))} {name}"


def word_of(kind: type[Any]) -> str:
    """What one row of the table is called: user, api token, policy."""
    known = {"bookings": "request", "application_databases": "database", "application_logins": "login"}
    word = known.get(kind.__tablename__) or str(kind.__tablename__).replace("_", " ")
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _set_of(row: Any) -> str:
    return str(row.__tablename__)


def document_of(row: Any) -> bytes:
    """What the seal of ``row`` is made over, as it is now."""
    return _document(type(row), {name: getattr(row, name) for name in row.SIGNED})


def _document(kind: type[Any], values: Mapping[str, Any]) -> bytes:
    columns = {name: _plain(value) for name, value in values.items()}
    return canonical({"version": VERSION, "what": kind.__tablename__, **columns})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return value.value
    return without_nul(value) if isinstance(value, dict | list) else value  # as the column gives it back
