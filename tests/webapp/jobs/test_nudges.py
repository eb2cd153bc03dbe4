"""Live pages look at once when something happened. Redis has the hint, the platform database the message."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from tests.support.engine import wait_until
from tests.support.portal import settings_for
from tests.support.redis import Redis
from webapp.audit.operations import PLATFORM
from webapp.jobs.endings import is_changed
from webapp.jobs.models import Job
from webapp.jobs.operations import launch
from webapp.jobs.queue import connection_for
from webapp.runtime import Runtime, create_runtime

SOON_S = 5  # a busy machine; a nudge takes milliseconds


@pytest.fixture
def others(database_url: str, redis_server: Redis, tmp_path: Path) -> Iterator[list[Runtime]]:
    """The portal's runtime and a worker's, with one Redis."""
    runtimes = [
        create_runtime(settings_for(database_url, redis_url=redis_server.url, data_folder=tmp_path / name))
        for name in ("portal", "worker")
    ]
    yield runtimes
    for runtime in runtimes:
        runtime.database.dispose()


def a_job(runtime: Runtime) -> str:
    """The id of a job that waits."""
    with runtime.database.transaction() as session:
        return launch(
            session, template="discover", title="Discover", parameters={"pool_id": "secret"},
            launched_by=PLATFORM,
        ).id  # fmt: skip


def touch(runtime: Runtime, job_id: str) -> None:
    """Something happens in the job."""
    with runtime.database.transaction() as session:
        assert is_changed(session, job_id, title="Discover")


def listeners(redis_server: Redis, runtime: Runtime) -> int:
    """How many processes hear nudges."""
    with connection_for(runtime.settings) as connection:
        return int(connection.pubsub_numsub(f"{runtime.settings.queue}:nudges")[0][1])


def test_what_one_process_commits_wakes_the_pages_of_another(
    others: list[Runtime], redis_server: Redis
) -> None:
    portal, worker = others
    job_id, other_id = a_job(worker), a_job(worker)
    with portal.nudges.watching(job_id) as nudged, portal.nudges.watching(other_id) as other:
        wait_until(lambda: listeners(redis_server, portal) == 1, "the portal listens")
        touch(worker, job_id)
        assert nudged.wait(SOON_S)
        assert not other.is_set()


def test_a_rollback_says_nothing(others: list[Runtime], redis_server: Redis) -> None:
    portal, worker = others
    job_id = a_job(worker)
    with portal.nudges.watching(job_id) as nudged:
        wait_until(lambda: listeners(redis_server, portal) == 1, "the portal listens")
        with worker.database.session(writes=True) as session:
            is_changed(session, job_id, title="Discover")
            session.rollback()
            session.execute(update(Job).where(Job.id == job_id).values(title="Discover"))
            session.commit()
        assert not nudged.wait(0.3)


def test_redis_hears_ids_only(others: list[Runtime], redis_server: Redis) -> None:
    portal, worker = others
    job_id = a_job(worker)
    with connection_for(portal.settings) as connection, connection.pubsub() as heard:
        heard.subscribe(f"{portal.settings.queue}:nudges")
        assert heard.get_message(timeout=SOON_S)["type"] == "subscribe"
        touch(worker, job_id)
        assert heard.get_message(timeout=SOON_S)["data"] == job_id.encode("ascii")


@pytest.mark.parametrize(
    "nonsense", [b"", b"\xff\xfe", b"x" * 1_000_000, b"{}"], ids=["nothing", "bytes", "much", "JSON"]
)
def test_nonsense_from_redis_wakes_nobody_and_ends_nothing(
    others: list[Runtime], redis_server: Redis, nonsense: bytes
) -> None:
    portal, worker = others
    job_id = a_job(worker)
    with portal.nudges.watching(job_id) as nudged:
        wait_until(lambda: listeners(redis_server, portal) == 1, "the portal listens")
        with connection_for(portal.settings) as connection:
            connection.publish(f"{portal.settings.queue}:nudges", nonsense)
        touch(worker, job_id)
        assert nudged.wait(SOON_S)


def test_a_redis_that_is_away_delays_no_commit_and_is_heard_again(
    others: list[Runtime], redis_server: Redis
) -> None:
    portal, worker = others
    job_id = a_job(worker)
    with portal.nudges.watching(job_id) as nudged:
        wait_until(lambda: listeners(redis_server, portal) == 1, "the portal listens")
        redis_server.kill()
        begun = time.monotonic()
        for _ in range(20):
            touch(worker, job_id)
        assert time.monotonic() - begun < SOON_S
        nudged.clear()
        redis_server.start()
        wait_until(lambda: listeners(redis_server, portal) == 1, "the portal listens again")

        def is_heard() -> bool:
            touch(worker, job_id)
            return nudged.wait(0.2)

        wait_until(is_heard, "a nudge after Redis came back")
