"""Somebody writes to Redis: a worker runs the platform's jobs by their ids, and nothing that stands there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as RedisClient
from rq import Queue
from rq.job import Callback, JobStatus
from rq.job import Job as RqJob
from rq.registry import StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.webhook import Webhook

from tests.support.engine import EngineProcess, wait_for_job, wait_until
from tests.support.portal import settings_for
from tests.support.redis import Redis
from tests.webapp.jobs.test_doorbell import discover
from webapp.jobs.queue import FUNCTION
from webapp.jobs.rq_job import RungJob
from webapp.runtime import create_runtime


def leave_a_trace(job: RqJob, *_: Any) -> None:
    """What an attacker would have called back: it makes the folder that the record names."""
    Path(job.meta["trace"]).mkdir()


CALLED_BACK = f"{__name__}.leave_a_trace"


@pytest.mark.timeout(120)
def test_a_worker_calls_nothing_that_a_forged_record_names(
    database_url: str, redis_server: Redis, tmp_path: Path
) -> None:
    settings = settings_for(
        database_url, redis_url=redis_server.url, data_folder=tmp_path / "data", lease_s=5, heartbeat_s=0.5
    )
    runtime = create_runtime(settings)
    traces = tmp_path / "traces"
    traces.mkdir()
    with RedisClient.from_url(redis_server.url) as connection:
        queue = Queue(settings.queue, connection=connection, serializer=JSONSerializer)
        queue.enqueue_call("os.mkdir", args=[str(traces / "function")])
        queue.enqueue_call("os.mkdir", args=[str(traces / "keyword")], kwargs={"mode": 0o777})
        queue.enqueue_call(
            FUNCTION, args=["01ARZ3NDEKTSV4RRFFQ69G5FAV"], meta={"trace": str(traces / "callback")},
            on_success=Callback(CALLED_BACK), on_failure=Callback(CALLED_BACK),
        )  # fmt: skip
        for arguments in ([], ["../../etc"], [{"a": 1}], ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "more"]):
            queue.enqueue_call(FUNCTION, args=arguments)
        broken = queue.enqueue_call(FUNCTION, args=["x"])
        connection.hset(broken.key, "data", b"\x80\x04not JSON")
        abandoned = queue.create_job(
            FUNCTION, args=("x",), meta={"trace": str(traces / "abandoned")}, on_failure=Callback(CALLED_BACK)
        )
        abandoned.save()
        connection.zadd(StartedJobRegistry(queue=queue).key, {abandoned.id: time.time() - 1000})
        worker = EngineProcess("worker", settings, tmp_path / "logs")
        try:
            worker.start()
            wait_until(lambda: queue.count == 0, "the worker took all forged records")
            job_id = discover(runtime)  # rung as the platform rings: the worker still works
            wait_for_job(runtime, job_id)
        finally:
            worker.stop()
            runtime.database.dispose()
    assert [path.name for path in traces.iterdir()] == []
    assert worker.log().count("ring_refused") == 6


def test_nothing_is_sent_or_repeated_after_a_ring(redis_server: Redis) -> None:
    with RedisClient.from_url(redis_server.url) as connection:
        queue = Queue("sqlhosting", connection=connection, serializer=JSONSerializer)
        forged = queue.create_job(
            FUNCTION, args=("x",), on_success=Callback(CALLED_BACK), on_stopped=Callback(CALLED_BACK),
            webhooks=[Webhook(url="http://127.0.0.1:9/", job_status=JobStatus.FINISHED)],
        )  # fmt: skip
        forged.retries_left = forged.repeats_left = 3
        forged.save()
        as_rq_reads_it = RqJob.fetch(forged.id, connection=connection, serializer=JSONSerializer)
        assert as_rq_reads_it.webhooks
        assert as_rq_reads_it.retries_left == 3
        taken = RungJob.fetch(forged.id, connection=connection, serializer=JSONSerializer)
    assert taken.webhooks == []
    assert (taken.success_callback, taken.failure_callback, taken.stopped_callback) == (None, None, None)
    assert (taken.retries_left, taken.repeats_left) == (None, None)
