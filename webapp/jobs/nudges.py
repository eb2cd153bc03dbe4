"""Nudges: "something happened in this job", over Redis, so that a page that shows the job looks at once.

A nudge is a hint that carries the job's id. What happened is read from the platform database, and pages look
there every now and then anyway: a Redis that is away or talks nonsense costs moments and no message.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from sqlalchemy.orm import Session

from webapp.jobs.queue import connection_for
from webapp.settings import Settings

NUDGED = "nudged"  # in Session.info: the ids of the jobs that this transaction changes
RETRY_S = 1.0  # after Redis did not answer
SILENT_S = 30.0  # then the connection is made anew: it may be dead without anybody having said so
CLOSE_WITHIN_S = 1.0
_LOOK_S = 0.5  # how often the listener looks whether it is to end

_log = logging.getLogger(__name__)


def add_nudge(session: Session, job_id: str) -> None:
    """Have the pages that show the job look once this transaction is committed."""
    session.info.setdefault(NUDGED, set()).add(job_id)


class Nudges:
    """Sends and hears nudges, each in a thread of its own that starts when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._channel = f"{settings.queue}:nudges"
        self._lock = threading.Lock()
        self._watches: dict[str, set[threading.Event]] = {}
        self._pid = os.getpid()
        self._sender: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._unsent: queue.SimpleQueue[set[str] | None] = queue.SimpleQueue()
        self._is_closing = threading.Event()

    def send(self, job_ids: set[str]) -> None:
        """Have nudges sent soon, or never. Waits for nobody."""
        with self._lock:
            if self._pid != os.getpid():  # a fork takes no threads along
                self._forget_threads()
            if self._sender is None:
                self._sender = threading.Thread(target=self._send_all, name="nudges", daemon=True)
                self._sender.start()
            self._unsent.put(job_ids)

    @contextmanager
    def watching(self, job_id: str) -> Iterator[threading.Event]:
        """An event that is set whenever something may have happened in the job."""
        nudged = threading.Event()
        with self._lock:
            if self._pid != os.getpid():
                self._forget_threads()
            self._watches.setdefault(job_id, set()).add(nudged)
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="nudged", daemon=True)
                self._listener.start()
        try:
            yield nudged
        finally:
            with self._lock:
                watches = self._watches.get(job_id, set())
                watches.discard(nudged)
                if not watches:
                    self._watches.pop(job_id, None)

    def close(self) -> None:
        """Send what is left, then end both threads; they start anew when they are needed."""
        with self._lock:
            threads = [self._sender, self._listener] if self._pid == os.getpid() else []
            self._unsent.put(None)
            self._is_closing.set()
            self._forget_threads()
        for thread in threads:
            if thread is not None:
                thread.join(CLOSE_WITHIN_S)

    def _forget_threads(self) -> None:
        self._pid = os.getpid()
        self._sender = self._listener = None
        self._unsent = queue.SimpleQueue()
        self._is_closing = threading.Event()

    def _send_all(self) -> None:
        unsent = self._unsent
        connection = connection_for(self._settings)
        silent_until = 0.0
        while (job_ids := unsent.get()) is not None:
            if time.monotonic() < silent_until:
                continue  # a nudge that comes late is of no use
            try:
                for job_id in job_ids:
                    connection.publish(self._channel, job_id)
            except (redis.RedisError, OSError) as exc:
                silent_until = time.monotonic() + RETRY_S
                _log.debug("nudge_not_sent error=%s", type(exc).__name__)
        connection.close()

    def _listen(self) -> None:
        is_closing = self._is_closing
        was_heard = True
        while not is_closing.is_set():
            try:
                self._hear(is_closing)
                was_heard = True
            except (redis.RedisError, OSError) as exc:
                if was_heard:
                    _log.warning("nudges_not_heard error=%s", type(exc).__name__)
                was_heard = False
                is_closing.wait(RETRY_S)

    def _hear(self, is_closing: threading.Event) -> None:
        silent_until = time.monotonic() + SILENT_S
        connection = connection_for(self._settings)
        try:
            with connection.pubsub(ignore_subscribe_messages=True) as heard:
                heard.subscribe(self._channel)
                while not is_closing.is_set() and time.monotonic() < silent_until:
                    message = heard.get_message(timeout=_LOOK_S)
                    if message is not None:
                        silent_until = time.monotonic() + SILENT_S
                        self._pass_on(message.get("data"))
        finally:
            connection.close()

    def _pass_on(self, data: object) -> None:
        job_id = data.decode("ascii", "replace") if isinstance(data, bytes) else ""
        with self._lock:
            for nudged in self._watches.get(job_id, ()):
                nudged.set()
