"""What stands behind the question mark of an address, as values: for lists, and the search in the top bar."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

Member = TypeVar("Member", bound=StrEnum)

LONGEST_SEARCH = 200  # characters; statements have hashes of 64, ids have 26


def search_text(text: str | None) -> str:
    """``text`` as it is looked for: without what PostgreSQL refuses (NUL), and not endless."""
    return (text or "").replace("\0", "").strip()[:LONGEST_SEARCH]


def member(kind: type[Member], text: str | None) -> Member | None:
    """The member of ``kind`` that is called ``text``; None when there is none, which asks for nothing."""
    return kind(text) if text in set(kind) else None
