"""Redis is a doorbell: while it is stopped, requests are kept, no page waits for it, and they run later."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.engine import EngineProcess, running_engine, wait_for_job, wait_until
from tests.support.portal import settings_for
from tests.support.redis import Redis
from tests.webapp.jobs.with_booking import COMMAND
from webapp.audit.operations import PLATFORM
from webapp.jobs.dispatcher import ring_again, send_outbox
from webapp.jobs.models import JobState, OutboxEntry
from webapp.jobs.operations import is_redis_reachable, launch
from webapp.runtime import Runtime, create_runtime

SECRET = "01SECRETPARAMETER"


@pytest.fixture
def ringing(database_url: str, redis_server: Redis, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime with a Redis."""
    settings = settings_for(
        database_url, redis_url=redis_server.url, data_folder=tmp_path / "data", lease_s=3, heartbeat_s=0.3,
        dispatch_interval_s=0.2,
    )  # fmt: skip
    runtime = create_runtime(settings)
    yield runtime
    runtime.database.dispose()


def discover(runtime: Runtime) -> str:
    """Launch a job that ends at once, since there is no instance; its id."""
    with runtime.database.transaction() as session:
        return launch(
            session,
            template="discover",
            title="Discover",
            parameters={"pool_id": SECRET},
            launched_by=PLATFORM,
        ).id


def entries(runtime: Runtime) -> list[OutboxEntry]:
    """The outbox."""
    with runtime.database.reading() as session:
        return list(session.scalars(select(OutboxEntry).order_by(OutboxEntry.id)))


def test_a_commit_rings_at_once_and_redis_holds_the_id_only(ringing: Runtime, redis_server: Redis) -> None:
    job_id = discover(ringing)
    wait_until(lambda: entries(ringing)[0].sent_at, "Redis was told")
    held = redis_server.dump()
    assert f'["webapp.jobs.tasks.run_job", null, ["{job_id}"], {{}}]' in held
    assert SECRET not in held
    assert "Discover" not in held


def test_a_transaction_that_is_rolled_back_rings_nobody(ringing: Runtime, redis_server: Redis) -> None:
    def fail() -> None:
        with ringing.database.transaction() as session:
            launch(session, template="discover", title="x", parameters={}, launched_by=PLATFORM)
            raise KeyError("a mistake")

    with pytest.raises(KeyError):
        fail()
    time.sleep(0.3)
    assert entries(ringing) == []
    assert "run_job" not in redis_server.dump()


def test_a_stopped_redis_delays_nobody_and_the_ring_is_sent_later(
    ringing: Runtime, redis_server: Redis
) -> None:
    redis_server.kill()
    begun = time.monotonic()
    job_id = discover(ringing)
    assert time.monotonic() - begun < 1
    assert not is_redis_reachable(ringing.settings)
    entry = wait_until(lambda: [e for e in entries(ringing) if e.tries], "the ring was tried")[0]
    assert (entry.sent_at, entry.last_error) == (None, "ConnectionError")
    assert send_outbox(ringing) == 0
    redis_server.start()
    assert is_redis_reachable(ringing.settings)
    assert send_outbox(ringing) == 1
    assert job_id in redis_server.dump()
    assert send_outbox(ringing) == 0


def test_a_redis_that_hangs_delays_nobody(ringing: Runtime, redis_server: Redis) -> None:
    assert redis_server.process
    redis_server.process.send_signal(19)  # SIGSTOP
    try:
        begun = time.monotonic()
        discover(ringing)
        assert not is_redis_reachable(ringing.settings)
        assert time.monotonic() - begun < 1.5
    finally:
        redis_server.process.send_signal(18)  # SIGCONT


def test_a_ring_that_redis_lost_is_rung_again_but_not_one_that_waits_there(
    ringing: Runtime, redis_server: Redis
) -> None:
    discover(ringing)
    wait_until(lambda: entries(ringing)[0].sent_at, "Redis was told")
    time.sleep(0.4)
    assert ring_again(ringing) == 0
    redis_server.flush()
    assert ring_again(ringing) == 1
    wait_until(lambda: entries(ringing)[-1].sent_at, "Redis was told again")
    time.sleep(0.4)
    assert ring_again(ringing) == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_launched_while_redis_was_stopped_runs_when_it_is_back(
    ringing: Runtime, redis_server: Redis, tmp_path: Path
) -> None:
    redis_server.kill()
    first = discover(ringing)
    with running_engine(ringing.settings, tmp_path / "engine", command=COMMAND) as (workers, _):
        wait_until(lambda: "redis_unreachable" in workers[0].log(), "the worker noticed")
        second = discover(ringing)
        redis_server.start()
        for job_id in (first, second):
            assert wait_for_job(ringing, job_id).state is JobState.FAILED  # there is no instance
        check_stopping(workers[0])


# Asks the worker to stop while it forks a work horse, where Python ignores what the signal's handler raises.
STOP_WHILE_FORKING = """
import os, signal

def stop():
    if getattr(signal.getsignal(signal.SIGTERM), "__name__", "") == "request_stop":
        os.kill(os.getpid(), signal.SIGTERM)

os.register_at_fork(after_in_parent=stop)
"""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_that_is_asked_to_stop_while_it_forks_ends_after_the_job(
    ringing: Runtime, redis_server: Redis, tmp_path: Path
) -> None:
    job_id = discover(ringing)
    with running_engine(ringing.settings, tmp_path / "engine", command=STOP_WHILE_FORKING + COMMAND) as (
        workers,
        _,
    ):
        assert wait_for_job(ringing, job_id).state is JobState.FAILED  # there is no instance
        assert workers[0].wait() == 0
        assert "Exception ignored in" in workers[0].log()


def check_stopping(worker: EngineProcess) -> None:
    """An idle worker ends when it is asked to, long before its wait of minutes for Redis would let it."""
    begun = time.monotonic()
    worker.signal()
    assert worker.wait() == 0
    assert time.monotonic() - begun < 40
