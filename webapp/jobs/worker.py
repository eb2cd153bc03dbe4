"""A worker: RQ's loop, whose work horses run jobs, and a keeper that says the worker is alive and reconciles.

Three processes: the worker waits at Redis and holds no connection to the platform database, so it can fork
safely; each job has a work horse; the keeper is a process of its own and does not stop for a busy worker.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import redis
from rq import Worker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from sqlalchemy.orm import configure_mappers

from webapp.database import new_id
from webapp.jobs import tasks
from webapp.jobs.heartbeats import beat, stop
from webapp.jobs.kept_journals import prove_all
from webapp.jobs.queue import WORKER_TIMEOUT_S, connection_for, queue_on
from webapp.jobs.reconcile import reconcile
from webapp.jobs.rq_job import RungJob
from webapp.jobs.run import where_from
from webapp.jobs.runtime import open_runtime
from webapp.settings import Settings

REDIS_RETRY_S = 1.0  # after Redis did not answer
WAKE_S = 30  # how often an idle worker looks after its keeper, in seconds
PROVE_EVERY_S = 600.0  # how often kept journals are compared with the platform database
_PARENT_LOOK_S = 0.5

_log = logging.getLogger(__name__)


class PlatformWorker(Worker):
    """RQ's worker, calm when Redis is away and when it is asked to stop."""

    max_connection_wait_time = 2.0  # seconds between tries; RQ's own limit is a minute
    log_job_description = False
    on_wake: Callable[[], None] = staticmethod(lambda: None)
    is_stopping = False

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """First signal: take no more jobs, let the running one end."""
        self.is_stopping = True
        super().request_stop(signum, frame)

    def _shutdown(self) -> None:
        """As RQ's, without asking Redis whether there is a work horse."""
        # Python ignores what is raised while it forks; then this is read when the job has ended.
        self._stop_requested = True
        if not self.horse_pid:
            raise StopRequested

    def setup_work_horse_signals(self) -> None:
        """A service that ends sends SIGTERM to all its processes; the running job is to end by itself."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def heartbeat(self, *arguments: Any, **options: Any) -> None:
        """As RQ's; a dead Redis is noticed where work is fetched, not while a job runs.

        Raises StopRequested when a signal was missed: before RQ listened to it, or where Python ignores it.
        """
        self.on_wake()
        if self.is_stopping and not self.horse_pid and os.getpid() == self.pid:
            raise StopRequested
        with suppress(redis.RedisError):
            super().heartbeat(*arguments, **options)

    def maintain_heartbeats(self, job: Any) -> None:
        """The same."""
        self.on_wake()
        with suppress(redis.RedisError):
            super().maintain_heartbeats(job)


class Keeper:
    """The process beside a worker. It ends with the worker and is started again when it dies."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings, self.name = settings, name
        self._pid = 0

    def ensure(self) -> None:
        """Start it unless it runs."""
        if self._pid:
            with suppress(ChildProcessError):
                if os.waitpid(self._pid, os.WNOHANG)[0] == 0:
                    return
        worker = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            status = 1
            try:
                keep(self._settings, self.name, worker)
                status = 0
            finally:
                os._exit(status)

    def end(self) -> None:
        """Stop it."""
        if self._pid:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(self._pid, signal.SIGTERM)
                os.waitpid(self._pid, 0)
            self._pid = 0


def keep(settings: Settings, name: str, worker: int) -> None:
    """Beat and reconcile until the process ``worker`` is no longer the parent, or SIGTERM comes."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the worker
    runtime = open_runtime(settings)
    due = proof_due = 0.0
    while not stopping.is_set() and os.getppid() == worker:
        if time.monotonic() >= due:
            due = time.monotonic() + settings.heartbeat_s
            try:
                beat(runtime.database, settings, name, "worker", pid=worker)
                reconcile(runtime)
                if time.monotonic() >= proof_due:
                    proof_due = time.monotonic() + PROVE_EVERY_S
                    prove_all(runtime)
            except Exception as exc:  # the process's outermost edge: the next round tries again
                _log.error("keeper_failed worker=%s error=%s", name, where_from(exc))
        stopping.wait(min(_PARENT_LOOK_S, settings.heartbeat_s))
    runtime.database.dispose()


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. A second one hands the running job back: others go on with it."""
    name = f"{settings.host_name}-{os.getpid()}-{new_id()[-6:].lower()}"
    os.environ[tasks.WORKER_VARIABLE] = name
    configure_mappers()  # once, for every work horse that is forked from here
    keeper = Keeper(settings, name)
    keeper.ensure()
    _log.info("worker_started name=%s queue=%s", name, settings.queue)
    try:
        number = 0
        is_stopping = False
        while not is_stopping:
            number += 1
            is_stopping = _work(settings, f"{name}-{number}", keeper)
    finally:
        keeper.end()
        _hand_back(settings, name)
        _log.info("worker_stopped name=%s", name)


def _work(settings: Settings, rq_name: str, keeper: Keeper) -> bool:
    """Work until RQ gives up, for instance since Redis is away; whether the worker was asked to stop."""
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _frame: asked.append(signum))
    connection = connection_for(settings, timeout_s=WORKER_TIMEOUT_S)
    worker: PlatformWorker | None = None
    try:
        worker = PlatformWorker(
            [queue_on(settings, connection, job_class=RungJob)], name=rq_name, connection=connection,
            serializer=JSONSerializer, job_class=RungJob, worker_ttl=WAKE_S + 15,
        )  # fmt: skip
        stopping = worker

        def wake() -> None:
            keeper.ensure()
            stopping.is_stopping = stopping.is_stopping or bool(asked)

        worker.on_wake = wake
        if not asked:
            worker.work(logging_level="WARNING")
    except (redis.RedisError, OSError) as exc:
        _log.warning("redis_unreachable error=%s", type(exc).__name__)
    finally:
        if worker is not None:
            _wait_for_horse(worker)
        connection.close()
    if asked or (worker is not None and worker.is_stopping):
        return True
    keeper.ensure()
    time.sleep(REDIS_RETRY_S)
    return bool(asked)


def _wait_for_horse(worker: PlatformWorker) -> None:
    """RQ may leave its loop while a job runs; a worker runs one job at a time."""
    if worker.horse_pid:
        with suppress(ChildProcessError, ProcessLookupError):
            os.waitpid(worker.horse_pid, 0)


def _hand_back(settings: Settings, name: str) -> None:
    """Let others go on with what this worker ran, and say that it stopped. Best effort: leases end anyway."""
    try:
        runtime = open_runtime(settings)
        reconcile(runtime, of_worker=name)
        stop(runtime.database, name)
        runtime.database.dispose()
    except Exception as exc:
        _log.error("worker_not_tidied name=%s error=%s", name, where_from(exc))
