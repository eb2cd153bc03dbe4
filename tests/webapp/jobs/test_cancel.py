"""Cancel: at once while a job is queued; while it runs, true only when its processes are dead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.support.engine import job_of, run_job_now, wait_until
from tests.webapp.jobs.job_templates import Play
from webapp.audit.operations import Actor
from webapp.errors import Conflict, NotFound
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobState
from webapp.jobs.operations import relaunch, request_cancel, resume
from webapp.jobs.private_folder import folder_for
from webapp.jobs.processes import processes_of
from webapp.jobs.reconcile import reconcile
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch

SOMEBODY = Actor("user", "operator@example.com", "01J00000000000000000000000")


def cancel(runtime: Runtime, job_id: str) -> Job:
    """Cancel as somebody."""
    with runtime.database.transaction() as session:
        return request_cancel(session, SOMEBODY, job_id)


def sleeping(seconds: int) -> dict[str, Any]:
    """A task that takes long."""
    return {"name": "Sleep", "ansible.builtin.command": f"sleep {seconds}"}


def test_a_pending_job_is_canceled_at_once(
    runtime: Runtime, play: Play, launched: Callable[..., Job]
) -> None:
    job = cancel(runtime, launched().id)
    assert (job.state, job.job_explanation) == (JobState.CANCELED, "Canceled before it was started.")
    assert play.told == [("finished", "canceled")]
    assert run_job_now(runtime, job.id).state is JobState.CANCELED, (
        "a ring that is still under way does nothing"
    )


def test_a_waiting_job_is_canceled_at_once(runtime: Runtime, launched: Callable[..., Job]) -> None:
    assert claim(runtime.database, runtime.settings, launched(targets=["instance:1"]).id, worker="w")
    waiting = launched(targets=["instance:1"])
    assert run_job_now(runtime, waiting.id).state is JobState.WAITING
    assert cancel(runtime, waiting.id).state is JobState.CANCELED


def test_a_running_job_is_canceled_when_all_its_processes_are_dead(
    runtime: Runtime, play: Play, write_play: Callable[..., Launch], launched: Callable[..., Job]
) -> None:
    stubborn = {"name": "Stay", "ansible.builtin.shell": "trap '' TERM HUP; setsid sleep 300 & sleep 300"}
    write_play(stubborn)
    job = launched(targets=["instance:1"])
    runner = threading.Thread(target=run_job_now, args=(runtime, job.id))
    runner.start()
    journal = folder_for(runtime.settings, job.id, 1).journal

    def sleepers() -> list[psutil.Process]:
        return [process for process in processes_of(journal) if "sleep" in process.name()]

    wait_until(lambda: len(sleepers()) >= 2, "the task runs")
    processes = processes_of(journal)
    assert cancel(runtime, job.id).state is JobState.RUNNING, "not true yet"
    dead_when_canceled: list[bool] = []
    wait_until(lambda: job_of(runtime, job.id).state is JobState.CANCELED, "it was canceled")
    dead_when_canceled.append(
        not any(process.is_running() and process.status() != "zombie" for process in processes)
    )
    runner.join(20)
    assert dead_when_canceled == [True]
    assert processes_of(journal) == []
    now = job_of(runtime, job.id)
    assert now.job_explanation == "Canceled while it ran; its processes are dead."
    assert now.cancel_requested_by_id == SOMEBODY.id
    assert play.told[-1] == ("finished", "canceled")
    assert not journal.parent.exists()


def test_a_job_between_two_attempts_is_canceled_with_its_targets_freed(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    job = launched(targets=["instance:1"])
    settings = runtime.settings.model_copy(update={"lease_s": 0.01})
    assert claim(runtime.database, settings, job.id, worker="w")
    time.sleep(0.05)

    assert reconcile(runtime) == 1
    assert job_of(runtime, job.id).state is JobState.PENDING
    assert cancel(runtime, job.id).job_explanation == "Canceled between two attempts."
    assert claim(runtime.database, runtime.settings, launched(targets=["instance:1"]).id, worker="w")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_job_that_has_ended_cannot_be_canceled_but_run_again(
    runtime: Runtime, play: Play, launched: Callable[..., Job]
) -> None:
    play.refusal = "Not today."
    job = run_job_now(runtime, launched(targets=["instance:1"]).id)
    with pytest.raises(Conflict, match="has ended: it is failed"):
        cancel(runtime, job.id)
    with pytest.raises(NotFound):
        cancel(runtime, "01J00000000000000000000000")
    with runtime.database.transaction() as session:
        again = resume(session, SOMEBODY, job.id)
    assert (again.relaunch_of_id, again.targets, again.launched_by_id) == (
        job.id,
        ["instance:1"],
        SOMEBODY.id,
    )
    with runtime.database.transaction() as session, pytest.raises(Conflict, match="has not ended"):
        relaunch(session, SOMEBODY, runtime.templates, again.id)
