"""What becomes of a run: its end state, its explanation, its events; and what must not hurt it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.engine import run_job_now
from tests.webapp.jobs.job_templates import Play
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch

Write = Callable[..., Launch]
Launched = Callable[..., Job]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HELLO = {"name": "Say hello", "ansible.builtin.debug": {"msg": "hello"}}


def fail(text: str) -> dict[str, Any]:
    """A task that fails with this message."""
    return {"name": "Check something", "ansible.builtin.fail": {"msg": text}}


def events_of(runtime: Runtime, job: Job) -> list[JobEvent]:
    """The job's events in the order of its stream."""
    with runtime.database.reading() as session:
        query = select(JobEvent).where(JobEvent.job_id == job.id).order_by(JobEvent.stream)
        return list(session.scalars(query))


def test_a_playbook_that_ends_well_makes_a_successful_job_with_all_its_events(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    write_play(HELLO, {"name": "Change", "ansible.builtin.debug": {"msg": "x"}, "changed_when": True})
    job = run_job_now(runtime, launched().id)
    assert (job.state, job.return_code, job.job_explanation, job.attempt) == (JobState.SUCCESSFUL, 0, None, 1)
    assert job.stats["local"] == {
        "ok": 2, "changed": 1, "unreachable": 0, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 0
    }  # fmt: skip
    assert job.tasks_done == 2
    assert job.started_at
    assert job.finished_at
    events = events_of(runtime, job)
    assert [event.stream for event in events] == list(range(1, len(events) + 1))
    assert job.stream == len(events)
    done = [(event.task, event.host, event.is_changed) for event in events if event.event == "runner_on_ok"]
    assert done == [("Say hello", "local", False), ("Change", "local", True)]
    assert any("hello" in event.stdout for event in events)
    assert play.told == [("started", "1"), ("finished", "successful")]
    assert [event["uuid"] for event in play.observed] == [event.uuid for event in events]


def test_the_next_run_of_a_template_knows_how_many_tasks_to_expect(
    runtime: Runtime, write_play: Write, launched: Launched
) -> None:
    write_play(HELLO)
    assert run_job_now(runtime, launched().id).tasks_total is None
    assert run_job_now(runtime, launched().id).tasks_total == 1


def test_a_failed_job_says_what_its_first_failed_task_said(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    write_play({**fail("not this"), "ignore_errors": True}, fail("No instance has room."), HELLO)
    job = run_job_now(runtime, launched().id)
    assert (job.state, job.return_code, job.job_explanation) == (JobState.FAILED, 2, "No instance has room.")
    failed = [event.message for event in events_of(runtime, job) if event.is_failed]
    assert failed == ["No instance has room."]
    assert play.told[-1] == ("finished", "failed")


def test_a_job_that_ansible_cannot_even_read_shows_what_ansible_said(
    runtime: Runtime, write_play: Write, launched: Launched
) -> None:
    write_play({"name": "No such thing", "ansible.builtin.no_such_module": {}})
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.FAILED
    assert "no_such_module" in (job.job_explanation or "")


def test_a_job_that_must_not_run_fails_before_anything_is_started(
    runtime: Runtime, play: Play, launched: Launched
) -> None:
    play.refusal = "The plan has expired. Plan again."
    job = run_job_now(runtime, launched().id)
    said = f"{play.refusal} Nothing was started and nothing was changed."
    assert (job.state, job.job_explanation) == (JobState.FAILED, said)
    assert play.told == [("finished", "failed")]
    assert events_of(runtime, job) == []


def test_a_mistake_while_preparing_ends_the_job_with_an_error_that_holds_no_values(
    runtime: Runtime, play: Play, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: Any, job: Any) -> Launch:
        raise KeyError("a secret value")

    monkeypatch.setattr(play, "prepare", broken)
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.ERROR
    assert "KeyError" in (job.job_explanation or "")
    assert "a secret value" not in (job.job_explanation or "")


def test_a_job_that_runs_too_long_is_ended_and_says_so(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    write_play({"name": "Sleep", "ansible.builtin.command": "sleep 60"})
    hurried = dataclasses.replace(runtime, settings=runtime.settings.model_copy(update={"job_timeout_s": 1}))
    begun = time.monotonic()
    job = run_job_now(hurried, launched().id)
    assert job.state is JobState.FAILED
    assert "longer than 1 s" in (job.job_explanation or "")
    assert time.monotonic() - begun < 20
    assert play.told[-1] == ("finished", "failed")


def test_storing_events_slowly_does_not_hurt_the_run(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def slowly(session: Any, job: Any, event: dict[str, Any]) -> None:
        time.sleep(0.2)
        seen.append(event["uuid"])

    monkeypatch.setattr(Play, "observe", staticmethod(slowly))
    write_play(*[HELLO] * 6)
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.SUCCESSFUL
    assert len(seen) == len(events_of(runtime, job)) > 20


def test_large_results_and_much_output_are_stored(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    write_play(
        {"name": "Much", "ansible.builtin.command": "seq -f %0200g 10000", "changed_when": False},
        {"name": "Many", "ansible.builtin.debug": {"msg": "{{ item }}"}, "loop": "{{ range(300) | list }}"},
    )
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.SUCCESSFUL, job.job_explanation
    items = [event for event in events_of(runtime, job) if event.event == "runner_item_on_ok"]
    assert len(items) == 300
    (much,) = [e for e in play.observed if e["event"] == "runner_on_ok" and e["event_data"]["task"] == "Much"]
    assert len(much["event_data"]["res"]["stdout"]) == 10_000 * 201 - 1  # above ansible-runner's own limit


def test_check_mode_reaches_ansible(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    write_play({"name": "Ask", "ansible.builtin.debug": {"msg": "{{ ansible_check_mode }}"}}, check_mode=True)
    assert run_job_now(runtime, launched(check_mode=True).id).state is JobState.SUCCESSFUL
    said = [e["event_data"]["res"].get("msg") for e in play.observed if e["event"] == "runner_on_ok"]
    assert said == [True]


def test_a_playbook_that_is_killed_begins_again_until_no_attempt_is_left(
    runtime: Runtime, play: Play, write_play: Write, launched: Launched
) -> None:
    kill = (
        "import psutil; "
        "[p.kill() for p in psutil.Process().parents()[::-1] if 'ansible-playbook' in str(p.cmdline())]"
    )
    write_play(
        {"name": "Die", "ansible.builtin.command": {"argv": ["{{ ansible_playbook_python }}", "-c", kill]}}
    )
    job = launched(targets=["instance:1"])
    for attempt in (1, 2):
        now = run_job_now(runtime, job.id)
        assert (now.state, now.attempt) == (JobState.PENDING, attempt), now.job_explanation
        assert f"Attempt {attempt} was lost" in (now.job_explanation or "")
    now = run_job_now(runtime, job.id)
    assert (now.state, now.attempt) == (JobState.ERROR, 3)
    assert "Given up after 3 attempts" in (now.job_explanation or "")
    assert play.told == [("started", "1"), ("started", "2"), ("started", "3"), ("finished", "error")]
