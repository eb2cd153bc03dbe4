"""The difference between two plans, statement by statement. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Protocol


class Statement(Protocol):
    """What is compared of a statement."""

    instance: Any
    database: Any
    sha256: Any
    text: Any
    position: Any


@dataclass(frozen=True)
class Line:
    """A statement of the older or the newer plan. ``kind``: same, removed, added."""

    kind: str
    statement: Any


def difference(before: Sequence[Statement], after: Sequence[Statement]) -> list[Line]:
    """All statements of both plans in order: what fell away stands where something else took its place."""
    matcher = SequenceMatcher(
        None, [_key(one) for one in before], [_key(one) for one in after], autojunk=False
    )
    lines: list[Line] = []
    for tag, begin, end, new_begin, new_end in matcher.get_opcodes():
        if tag == "equal":
            lines += [Line("same", one) for one in after[new_begin:new_end]]
        else:
            lines += [Line("removed", one) for one in before[begin:end]]
            lines += [Line("added", one) for one in after[new_begin:new_end]]
    return lines


def is_different(lines: Sequence[Line]) -> bool:
    """Whether anything fell away or came in."""
    return any(line.kind != "same" for line in lines)


def in_words(lines: Sequence[Line]) -> str:
    """``2 statements fell away, 1 is new, 9 are as before``."""
    counts = {kind: sum(line.kind == kind for line in lines) for kind in ("removed", "added", "same")}
    if not counts["removed"] and not counts["added"]:
        return "Nothing: the statements are the same, in the same order"
    parts = []
    if counts["removed"]:
        parts.append(
            f"{counts['removed']} {'statement' if counts['removed'] == 1 else 'statements'} fell away"
        )
    if counts["added"]:
        parts.append(f"{counts['added']} {'is' if counts['added'] == 1 else 'are'} new")
    parts.append(f"{counts['same'] or 'none'} {'is' if counts['same'] in (0, 1) else 'are'} as before")
    return ", ".join(parts)


def _key(statement: Statement) -> tuple[str, str, str]:
    return statement.instance, statement.database, statement.sha256
