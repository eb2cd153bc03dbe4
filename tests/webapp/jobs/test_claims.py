"""One worker gets a job; targets are one job's at a time, and the oldest goes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import select

from tests.support.engine import job_of
from webapp.audit.operations import PLATFORM
from webapp.jobs.claim import Claim, claim
from webapp.jobs.models import Job, JobState, OutboxEntry, TargetLock
from webapp.jobs.operations import queue_position, request_cancel, waiting_for
from webapp.jobs.runtime import Runtime
from webapp.jobs.settling import Verdict, settle
from webapp.jobs.turns import unblocked_jobs

RACERS = 12


def race(*tries: Callable[[], Claim | None]) -> list[Claim]:
    """Try all at the same moment, each in a thread with its own connection; the claims that were won."""
    barrier = threading.Barrier(len(tries))
    won: list[Claim] = []
    errors: list[BaseException] = []

    def run(attempt: Callable[[], Claim | None]) -> None:
        try:
            barrier.wait(20)
            found = attempt()
            if found is not None:
                won.append(found)
        except BaseException as exc:  # shown by the assertion below
            errors.append(exc)

    threads = [threading.Thread(target=run, args=(attempt,)) for attempt in tries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    return won


def taking(runtime: Runtime, job: Job, number: int = 1) -> Callable[[], Claim | None]:
    """A claim to be made."""
    return lambda: claim(runtime.database, runtime.settings, job.id, worker=f"worker {number}")


def end(runtime: Runtime, claimed: Claim) -> None:
    """The job is successful."""
    assert settle(runtime.database, runtime.settings, claimed, Verdict(JobState.SUCCESSFUL, None, 0))


def rung(runtime: Runtime, job: Job) -> int:
    """How many rings the job had."""
    with runtime.database.reading() as session:
        return len(session.scalars(select(OutboxEntry).where(OutboxEntry.job_id == job.id)).all())


def test_of_many_workers_that_claim_a_job_one_gets_it(runtime: Runtime, launched: Callable[..., Job]) -> None:
    for _ in range(3):
        job = launched(targets=["instance:1"])
        (won,) = race(*(taking(runtime, job, number) for number in range(RACERS)))
        now = job_of(runtime, job.id)
        assert (now.state, now.attempt, now.lease_token) == (JobState.RUNNING, 1, won.token)
        end(runtime, won)


def test_of_jobs_for_one_target_one_runs_and_the_others_wait_for_it(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    jobs = [launched(targets=["instance:1", f"application:{number}"]) for number in range(5)]
    (won,) = race(*(taking(runtime, job) for job in jobs))
    assert won.job_id == jobs[0].id  # the oldest, whoever came first
    states = [job_of(runtime, job.id).state for job in jobs]
    assert states == [JobState.RUNNING, *[JobState.WAITING] * 4]
    with runtime.database.reading() as session:
        assert {lock.job_id for lock in session.scalars(select(TargetLock))} == {won.job_id}


def test_jobs_without_a_common_target_run_side_by_side(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    jobs = [launched(targets=[f"instance:{number}"]) for number in range(4)]
    assert len(race(*(taking(runtime, job) for job in jobs))) == 4


def test_waiting_jobs_get_their_target_in_the_order_of_their_launch(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    first, second, third = (launched(targets=["instance:1"]) for _ in range(3))
    held = taking(runtime, first)()
    assert held is not None
    assert taking(runtime, third)() is None
    assert taking(runtime, second)() is None
    end(runtime, held)
    assert rung(runtime, second) == 2
    assert rung(runtime, third) == 1, "it would only find that the second is older"
    assert taking(runtime, third)() is None
    held = taking(runtime, second)()
    assert held is not None
    end(runtime, held)
    assert taking(runtime, third)() is not None


def test_a_waiting_job_says_which_jobs_it_waits_for(runtime: Runtime, launched: Callable[..., Job]) -> None:
    running = launched(targets=["instance:1"])
    older = launched(targets=["application:7", "instance:1"])
    waiting = launched(targets=["application:7"])
    assert taking(runtime, running)() is not None
    assert taking(runtime, older)() is None
    assert taking(runtime, waiting)() is None
    with runtime.database.reading() as session:
        found = [(target, job.id) for target, job in waiting_for(session, session.get_one(Job, waiting.id))]
        assert found == [("application:7", older.id)]
        found = [(target, job.id) for target, job in waiting_for(session, session.get_one(Job, older.id))]
        assert found == [("instance:1", running.id)]
        assert queue_position(session, session.get_one(Job, waiting.id)) == 2
        assert queue_position(session, session.get_one(Job, running.id)) is None


def test_a_waiting_job_that_is_canceled_lets_the_next_one_go(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    running = launched(targets=["instance:1"])
    waiting = launched(targets=["instance:1", "application:7"])
    last = launched(targets=["application:7"])
    assert taking(runtime, running)() is not None
    assert taking(runtime, waiting)() is None
    assert taking(runtime, last)() is None
    with runtime.database.transaction() as session:
        request_cancel(session, PLATFORM, waiting.id)
    assert rung(runtime, last) == 2
    assert taking(runtime, last)() is not None


def test_waiting_costs_no_attempt(runtime: Runtime, launched: Callable[..., Job]) -> None:
    running, waiting = launched(targets=["instance:1"]), launched(targets=["instance:1"])
    assert taking(runtime, running)() is not None
    for _ in range(5):
        assert taking(runtime, waiting)() is None
    now = job_of(runtime, waiting.id)
    assert (now.attempt, now.started_at, now.lease_token, now.worker) == (0, None, None, None)


def test_a_job_that_begins_again_keeps_its_targets(runtime: Runtime, launched: Callable[..., Job]) -> None:
    first, second = launched(targets=["instance:1"]), launched(targets=["instance:1"])
    held = taking(runtime, first)()
    assert held is not None
    assert (
        settle(runtime.database, runtime.settings, held, Verdict(None, "its worker died."))
        is JobState.PENDING
    )
    assert taking(runtime, second)() is None
    again = taking(runtime, first)()
    assert again is not None
    assert again.attempt == 2


def test_a_worker_that_lost_its_lease_changes_nothing_any_more(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    job = launched()
    old = taking(runtime, job)()
    assert old is not None
    assert (
        settle(runtime.database, runtime.settings, old, Verdict(None, "its worker died.")) is JobState.PENDING
    )
    new = taking(runtime, job)()
    assert new is not None
    assert settle(runtime.database, runtime.settings, old, Verdict(JobState.FAILED, "too late")) is None
    now = job_of(runtime, job.id)
    assert (now.state, now.attempt, now.lease_token) == (JobState.RUNNING, 2, new.token)


def test_a_thousand_queued_jobs_are_looked_through_once(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    running = launched(targets=["instance:1"])
    assert taking(runtime, running)() is not None
    with runtime.database.transaction() as session:
        session.add_all(
            Job(template="play", title="A play", parameters={}, targets=["instance:1"]) for _ in range(1000)
        )
    free = launched(targets=["instance:2"])
    begun = time.monotonic()
    with runtime.database.reading() as session:
        assert set(unblocked_jobs(session)) == {free.id}
    assert taking(runtime, free)() is not None
    assert time.monotonic() - begun < 5
