"""Ring the doorbell and nudge live pages after commits. The dispatcher sends rings that are left."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import redis
from sqlalchemy.orm import Session

from webapp.database import Database
from webapp.jobs.endings import TEMPLATES
from webapp.jobs.nudges import NUDGED
from webapp.jobs.outbox import RINGS, Ring, mark_failed, mark_sent
from webapp.jobs.queue import connection_for, push, queue_on
from webapp.settings import Settings

if TYPE_CHECKING:
    from webapp.jobs.runtime import Runtime

CLOSE_WITHIN_S = 5.0  # a dead Redis takes 0.3 s of it, a busy platform database may take more

_log = logging.getLogger(__name__)


def send_rings(settings: Settings, database: Database, rings: Sequence[Ring]) -> int:
    """Tell Redis, then note that it was told; how many rings it heard. Never raises for a dead Redis."""
    sent: list[Ring] = []
    error: str | None = None
    connection = connection_for(settings)
    try:
        to_workers = queue_on(settings, connection)
        for ring in rings:
            push(settings, to_workers, ring)
            sent.append(ring)
    except (redis.RedisError, OSError) as exc:
        error = type(exc).__name__  # its text may hold the address with the password
        _log.warning("redis_unreachable error=%s rings=%d", error, len(rings) - len(sent))
    finally:
        connection.close()
    with database.transaction() as session:
        mark_sent(session, sent)
        if error:
            mark_failed(session, rings[len(sent) :], error)
    return len(sent)


class Doorbell:
    """A thread that sends rings, so that no page waits for Redis. Starts with a process's first ring."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings, self._database = settings, database
        self._rings: queue.SimpleQueue[tuple[Ring, ...] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid: int | None = None

    def ring(self, rings: Sequence[Ring]) -> None:
        """Have ``rings`` sent soon."""
        with self._lock:
            if self._pid != os.getpid():  # a fork takes no threads along
                self._rings = queue.SimpleQueue()
                self._thread = threading.Thread(target=self._send_all, name="doorbell", daemon=True)
                self._thread.start()
                self._pid = os.getpid()
            self._rings.put(tuple(rings))

    def close(self) -> None:
        """Send what is left, then end the thread; another ring starts it anew."""
        with self._lock:
            if self._thread is not None and self._pid == os.getpid():
                self._rings.put(None)
                self._thread.join(CLOSE_WITHIN_S)
            self._thread = self._pid = None

    def _send_all(self) -> None:
        while (rings := self._rings.get()) is not None:
            try:
                send_rings(self._settings, self._database, rings)
            except Exception as exc:  # the thread's outermost edge: the dispatcher sends what is left
                _log.warning("rings_left_to_dispatcher error=%s rings=%d", type(exc).__name__, len(rings))


def install(runtime: Runtime) -> None:
    """Let all sessions of ``runtime`` know the job templates, and ring and nudge after their commits."""
    doorbell = Doorbell(runtime.settings, runtime.database)

    def after_commit(session: Session) -> None:
        if session.in_nested_transaction():
            return  # a savepoint: others do not see the outbox entry yet
        if rings := session.info.pop(RINGS, None):
            doorbell.ring(rings)
        if job_ids := session.info.pop(NUDGED, None):
            runtime.nudges.send(job_ids)

    def after_rollback(session: Session) -> None:
        if not session.in_nested_transaction():
            session.info.pop(RINGS, None)
            session.info.pop(NUDGED, None)

    listeners: dict[str, Any] = {"after_commit": after_commit, "after_rollback": after_rollback}
    runtime.database.configure_sessions({TEMPLATES: runtime.templates}, listeners)
    runtime.database.before_dispose(doorbell.close)
    runtime.database.before_dispose(runtime.nudges.close)
