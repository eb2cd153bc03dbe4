"""Why planning or applying failed, in words: for staff all there is, for customers what helps them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from webapp.pools.remedies import in_form_words

NO_ROOM = (
    "No database server of this kind has room for it now. Support has been told and makes room or asks you."
)
LESS_FITS = "{} GiB would fit now: you can change the request and send it again."
NO_ANSWER = "The database server did not answer. You have nothing to do: support looks at it and goes on."
NOT_POSSIBLE = "It could not be prepared as it was asked for. Support has been told and looks at it."
NOT_FINISHED = "It could not be finished. Support has been told and goes on from what is there."
STOPPED = "It was stopped by the hosting team."
GATE = "A check just before the start found that the approval does not hold any more. Nothing was changed. "
AGAIN = "Support has it planned and approved again."
# Of what failed in a module (module_utils/_errors.py), and why the role's own decisions refused.
_SILENT_KINDS = ("ConnectionFailed", "LeaseLost", "OutcomeUnknown")
DECISION = "Decision"  # the role's own, which fails by an assertion and not in a module
_REFUSALS = (DECISION, "PlanRefused", "InvalidInput")
_NO_ROOM, _NO_ANSWER = "no_room", "no_answer"


def for_staff(failures: Sequence[dict[str, Any]], explanation: str | None = None) -> str:
    """Everything that the run said, one line for each failed task; else what the engine said."""
    lines = [f"{one.get('host')}: {in_form_words(str(one.get('text')))}" for one in failures]
    return "\n".join(dict.fromkeys(lines)) or explanation or "The run failed and said nothing."


def for_customer(outcome: dict[str, Any], *, otherwise: str, fits_gib: str | None = None) -> str:
    """The sentence that fits best; names no instance and shows no T-SQL.

    ``fits_gib``: how much there would be room for; None when nobody knows.
    """
    if _is_silent(outcome):
        return NO_ANSWER
    if outcome.get("cause") != _NO_ROOM:
        return otherwise
    return NO_ROOM if fits_gib is None else f"{NO_ROOM} {LESS_FITS.format(fits_gib)}"


def is_refusal(outcome: dict[str, Any]) -> bool:
    """Whether the run stopped because what it found is not what was planned, not by an accident.

    An instance that does not answer has not changed, and what a server refuses would be refused again.
    """
    failures = outcome.get("failures") or []
    kinds = {one.get("kind") for one in failures}
    return bool(failures) and kinds <= set(_REFUSALS) and not _is_silent(outcome)


def _is_silent(outcome: dict[str, Any]) -> bool:
    kinds = {one.get("kind") for one in outcome.get("failures") or []}
    return outcome.get("cause") == _NO_ANSWER or not kinds.isdisjoint(_SILENT_KINDS)
