"""What people type to find something, as every list and the search in the top bar take it."""

from __future__ import annotations

LONGEST_SEARCH = 200  # characters; statements have hashes of 64, ids have 26


def search_text(text: str | None) -> str:
    """``text`` as it is looked for: without what PostgreSQL refuses (NUL), and not endless."""
    return (text or "").replace("\0", "").strip()[:LONGEST_SEARCH]
