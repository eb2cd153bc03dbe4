"""The dispatcher: finds work that nobody was told of. Several may run; each step bears that.

Every round: rings that Redis has not heard, rings that Redis lost, runs that nobody looks after, due
schedules, and the chores of the rooms. The platform is right with rounds alone; the rings after commits make
it fast.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import redis
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.database import new_id, now
from webapp.jobs.doorbell import send_rings
from webapp.jobs.heartbeats import beat, forget_old, stop
from webapp.jobs.models import QUEUED_JOB_STATES, Job, OutboxEntry
from webapp.jobs.outbox import Ring, add_ring, unsent_rings
from webapp.jobs.queue import connection_for, ids_in_queue, queue_on, rq_id
from webapp.jobs.reconcile import reconcile
from webapp.jobs.run import where_from
from webapp.jobs.runtime import Runtime
from webapp.jobs.schedules import launch_due
from webapp.jobs.turns import unblocked_jobs

RINGS_IN_ROUND = 500
OUTBOX_KEPT = timedelta(days=7)
CHORE_EVERY_S = 10.0  # chores, lost rings and cleaning are no matter of a second

_log = logging.getLogger(__name__)


class Dispatcher:
    """One dispatcher process."""

    def __init__(self, runtime: Runtime, chores: list[Callable[[Session], object]]) -> None:
        self._runtime, self._chores = runtime, chores
        self.name = f"{runtime.settings.host_name}-dispatcher-{new_id()[-6:].lower()}"
        self._next_chores = 0.0
        self._next_beat = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Go round until ``stopping`` is set. A step that fails is tried again in the next round."""
        _log.info("dispatcher_started name=%s", self.name)
        while not stopping.is_set():
            self.round()
            stopping.wait(self._runtime.settings.dispatch_interval_s)
        self._try("stop", lambda: stop(self._runtime.database, self.name))
        _log.info("dispatcher_stopped name=%s", self.name)

    def round(self) -> None:
        """Everything once."""
        runtime = self._runtime
        if time.monotonic() >= self._next_beat:
            self._next_beat = time.monotonic() + runtime.settings.heartbeat_s
            self._try("beat", lambda: beat(runtime.database, runtime.settings, self.name, "dispatcher"))
        self._try("schedules", lambda: launch_due(runtime.database))
        self._try("reconcile", lambda: reconcile(runtime))
        self._try("lost_rings", lambda: ring_again(runtime))
        self._try("outbox", lambda: send_outbox(runtime))
        if time.monotonic() >= self._next_chores:
            self._next_chores = time.monotonic() + CHORE_EVERY_S
            for chore in self._chores:
                self._try(chore.__name__, lambda chore=chore: self._do(chore))  # type: ignore[misc]
            self._try("clean", lambda: self._do(_clean))

    def _do(self, chore: Callable[[Session], object]) -> None:
        with self._runtime.database.transaction() as session:
            chore(session)

    def _try(self, step: str, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as exc:  # the process's outermost edge: the next round tries again
            _log.error("dispatcher_step_failed step=%s error=%s", step, where_from(exc))


def send_outbox(runtime: Runtime) -> int:
    """Send the rings that Redis has not heard; how many it heard now."""
    with runtime.database.reading() as session:
        rings = unsent_rings(session, limit=RINGS_IN_ROUND)
    return send_rings(runtime.settings, runtime.database, rings) if rings else 0


def ring_again(runtime: Runtime) -> int:
    """Ring again for queued jobs that no ring in Redis stands for; how many.

    Redis was emptied, a worker died with the ring in its hand, or a target became free unnoticed. A ring too
    many does no harm: one claim wins.
    """
    settings = runtime.settings
    with runtime.database.reading() as session:
        candidates = _quiet_jobs(session, older_than=now() - timedelta(seconds=settings.heartbeat_s))
    if not candidates:
        return 0
    connection = connection_for(settings)
    try:
        heard = ids_in_queue(queue_on(settings, connection))
    except (redis.RedisError, OSError):
        return 0  # nobody hears a ring now
    finally:
        connection.close()
    lost = {ring.job_id for ring in candidates if rq_id(ring) not in heard}
    with runtime.database.reading() as session:
        free = [id_ for id_ in unblocked_jobs(session) if id_ in lost] if lost else []
    if free:
        with runtime.database.transaction() as session:
            for job_id in free[:RINGS_IN_ROUND]:
                add_ring(session, job_id)
        _log.warning("jobs_rung_again count=%d first=%s", len(free), free[0])
    return len(free[:RINGS_IN_ROUND])


def _quiet_jobs(session: Session, *, older_than: object) -> list[Ring]:
    """The newest ring of each queued job whose rings were all sent a while ago."""
    newest = (
        select(OutboxEntry.job_id, func.max(OutboxEntry.id).label("id"))
        .where(OutboxEntry.job_id.in_(select(Job.id).where(Job.state.in_(QUEUED_JOB_STATES))))
        .group_by(OutboxEntry.job_id)
        .subquery()
    )
    query = (
        select(OutboxEntry.id, OutboxEntry.job_id)
        .join(newest, newest.c.id == OutboxEntry.id)
        .where(OutboxEntry.sent_at < older_than)
        .order_by(OutboxEntry.id)
    )
    return [Ring(*row) for row in session.execute(query)]


def _clean(session: Session) -> None:
    forget_old(session)
    oldest = now() - OUTBOX_KEPT
    for entry in session.scalars(select(OutboxEntry).where(OutboxEntry.sent_at < oldest).limit(1000)):
        session.delete(entry)
