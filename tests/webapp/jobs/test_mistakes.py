"""A mistake in a room's job template keeps no job running, and never passes for success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from tests.support.engine import run_job_now
from tests.webapp.jobs.job_templates import Play
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch

Write = Callable[..., Launch]
Launched = Callable[..., Job]
HELLO: dict[str, Any] = {"name": "Say hello", "ansible.builtin.debug": {"msg": "hello"}}


def test_a_mistake_while_observing_ends_the_job_with_an_error_not_with_success(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    play.failing = {"observe"}
    write_play(HELLO)
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.ERROR
    assert "could not take in" in (job.job_explanation or "")
    with runtime.database.reading() as session:
        count = select(func.count()).select_from(JobEvent).where(JobEvent.job_id == job.id)
        assert (session.scalar(count) or 0) > 3


def test_a_mistake_at_the_end_still_ends_the_job(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    play.failing = {"finished"}
    write_play(HELLO)
    job = run_job_now(runtime, launched(targets=["instance:1"]).id)
    assert job.state is JobState.ERROR
    assert play.told[-2:] == [("finished", "successful"), ("finished", "error")]
    play.failing = set()
    assert run_job_now(runtime, launched(targets=["instance:1"]).id).state is JobState.SUCCESSFUL
