"""LIKE: SQL Server's wildcards ``%``, ``_``, ``[a-z]``, ``[^a]`` and ESCAPE, under a collation."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from simulator.errors import sql_error

_PATTERNS = 512  # compiled patterns kept


def like_pattern(pattern: str, escape: str | None, fold: Callable[[str], str]) -> Callable[[str], bool]:
    """A function that tells whether a text matches ``pattern``. ``fold`` is the collation's key.

    Raises 506 when ``escape`` is not one character.
    """
    if escape is not None and len(escape) != 1:
        raise sql_error(506, escape)
    ignore_case = fold("a") == fold("A")
    found = _regex(pattern, escape, ignore_case)

    def matches(text: str) -> bool:
        # Trailing blanks of the text count only where the pattern has a place for them.
        return found.fullmatch(text) is not None or found.fullmatch(text.rstrip(" ")) is not None

    return matches


@lru_cache(maxsize=_PATTERNS)
def _regex(pattern: str, escape: str | None, ignore_case: bool) -> re.Pattern[str]:
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if escape is not None and char == escape and at < len(pattern):
            parts.append(re.escape(pattern[at]))
            at += 1
        elif char == "%":
            if parts[-1:] != [".*"]:
                parts.append(".*")
        elif char == "_":
            parts.append(".")
        elif char == "[":
            text, at = _set(pattern, at, escape)
            parts.append(text)
        else:
            parts.append(re.escape(char))
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _set(pattern: str, at: int, escape: str | None) -> tuple[str, int]:
    """The set that begins after ``[``, as a regular expression, and where the pattern goes on."""
    members: list[str] = []
    negated = pattern[at : at + 1] == "^"
    at += negated
    first = at
    while at < len(pattern):
        char = pattern[at]
        if char == "]" and at > first:
            body = "".join(members)
            return f"[{'^' if negated else ''}{body}]" if body else "(?!)", at + 1
        if escape is not None and char == escape and at + 1 < len(pattern):
            at += 1
            members.append(re.escape(pattern[at]))
        elif char == "-" and members and at + 1 < len(pattern) and pattern[at + 1] != "]":
            members.append("-")
        else:
            members.append(re.escape(char))
        at += 1
    return "(?!)", len(pattern)  # an unclosed set matches nothing
