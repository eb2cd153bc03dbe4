"""Why planning or applying failed, in words: for staff all there is, for customers what helps them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NO_ROOM = (
    "No database server of this kind has room for it now. Support has been told and makes room or asks you."
)
NO_ANSWER = "The database server did not answer. You have nothing to do: support looks at it and goes on."
NOT_POSSIBLE = "It could not be prepared as it was asked for. Support has been told and looks at it."
NOT_FINISHED = "It could not be finished. Support has been told and goes on from what is there."
STOPPED = "It was stopped by the hosting team."
GATE = "A check just before the start found that the approval does not hold any more. Nothing was changed. "
AGAIN = "Support has it planned and approved again."
_SILENT_KINDS = ("ConnectionFailed", "LeaseLost", "OutcomeUnknown")
_SILENT_WORDS = ("could not be asked", "did not answer", "does not answer", "no connection", "no answer")
_ROOM_WORDS = ("has room", "GiB wanted", "threshold")


def for_staff(failures: Sequence[dict[str, Any]], explanation: str | None = None) -> str:
    """Everything that the run said, one line for each failed task; else what the engine said."""
    lines = [f"{one.get('host')}: {one.get('text')}" for one in failures]
    return "\n".join(dict.fromkeys(lines)) or explanation or "The run failed and said nothing."


def for_customer(failures: Sequence[dict[str, Any]], *, otherwise: str) -> str:
    """The sentence that fits best; names no instance and shows no T-SQL."""
    texts = " ".join(str(one.get("text")) for one in failures)
    if any(one.get("kind") in _SILENT_KINDS for one in failures):
        return NO_ANSWER
    if any(word in texts for word in _SILENT_WORDS) and not any(word in texts for word in _ROOM_WORDS[1:]):
        return NO_ANSWER
    if any(word in texts for word in _ROOM_WORDS):
        return NO_ROOM
    return otherwise


def is_refusal(failures: Sequence[dict[str, Any]]) -> bool:
    """Whether the run stopped because what it found is not what was planned, not by an accident.

    An instance that does not answer has not changed: the playbook only says so by an assertion of its own.
    """
    return bool(failures) and all(
        one.get("kind") in (None, "PlanRefused", "InvalidInput")
        and not any(word in str(one.get("text")) for word in _SILENT_WORDS)
        for one in failures
    )
