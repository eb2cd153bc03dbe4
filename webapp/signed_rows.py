"""Rows that count only as the platform wrote them: signed by keys that the platform database does not hold.

Whoever can write to the database can change a row, add one, or copy one, and cannot make a seal that fits it.
What a seal cannot tell: that a row was removed, or that an older version of it was put back whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, Session, mapped_column

from webapp.errors import Conflict
from webapp.sealing import canonical, the_box

VERSION = 1


class RowChanged(Conflict):
    """A row is not as the platform wrote it. The text names the row and what to do."""


class Signed:
    """A mixin for tables. ``SIGNED`` names the columns that the seal covers, ``REMEDY`` says what to do."""

    SIGNED: ClassVar[tuple[str, ...]]
    REMEDY: ClassVar[str]

    seal: Mapped[str | None] = mapped_column(String(64))

    @property
    def is_intact(self) -> bool:
        """Whether the signed columns are as the platform wrote them."""
        return self.seal is not None and the_box().is_signed(_document(self), self.seal)

    @property
    def changed_text(self) -> str:
        """What is said of a row that is not intact: its name and what to do."""
        return f"{name_of(self)} was changed in the platform database, not by the platform. {self.REMEDY}"


def sign(session: Session, row: Signed) -> None:
    """Make ``row`` count as it is now. For rows that are new, or that somebody has looked at."""
    session.flush()  # ids and defaults are there afterwards
    row.seal = the_box().sign(_document(row))
    session.flush()


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


def name_of(row: Any) -> str:
    """What messages call the row, for instance “The instance sql01”."""
    name = getattr(row, "email", None) or getattr(row, "name", None) or row.id
    return f"The {word_of(type(row))} {name}"


def word_of(kind: type[Any]) -> str:
    """What one row of the table is called: user, api token, policy."""
    word = str(kind.__tablename__).replace("_", " ")
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _document(row: Any) -> bytes:
    columns = {name: _plain(getattr(row, name)) for name in row.SIGNED}
    return canonical({"version": VERSION, "what": row.__tablename__, **columns})


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.value if isinstance(value, Enum) else value
