"""The filter of the list of jobs and of its export, from their address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Literal

from webapp.errors import InvalidInput
from webapp.jobs.listing import ACTIVE, JobFilter
from webapp.jobs.models import JobState
from webapp.web.arguments import member, search_text


def job_filter(arguments: Mapping[str, str]) -> JobFilter:
    """From a query string. Raises InvalidInput for a state that does not exist."""
    texts = {one.name: search_text(arguments.get(one.name)) for one in fields(JobFilter)}
    return JobFilter(state=_state(texts.pop("state")), **texts)


def _state(text: str) -> JobState | Literal["active"] | None:
    if not text:
        return None
    state = ACTIVE if text == ACTIVE else member(JobState, text)
    if state is None:
        words = ", ".join([ACTIVE, *JobState])
        raise InvalidInput("state", f"{text} is no state of a job", f"Choose one of {words}.")
    return state
