"""Workers and dispatchers, and the queue that rings them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from webapp.database import now
from webapp.jobs.heartbeats import living
from webapp.jobs.models import QUEUED_JOB_STATES, Job, JobState, OutboxEntry, WorkerHeartbeat
from webapp.jobs.queue import queue_length
from webapp.pages.jobs.dashboard import is_offered
from webapp.pages.jobs.views import jobs
from webapp.web import session as web
from webapp.web.access import STAFF, may

SHOWN_FOR = timedelta(days=1)
WORKERS = 200


@dataclass(frozen=True)
class Alive:
    """A process that said so."""

    heartbeat: WorkerHeartbeat
    state: str  # running, stopped, lost
    jobs: list[Job]


@jobs.get("/workers")
@may(STAFF)
def workers_page() -> ResponseReturnValue:
    """Who works, and what waits."""
    session = web.session()
    settings = web.runtime().settings
    query = (
        select(WorkerHeartbeat)
        .where(WorkerHeartbeat.last_seen_at > now() - SHOWN_FOR)
        .order_by(WorkerHeartbeat.kind, WorkerHeartbeat.name)
        .limit(WORKERS)
    )
    alive = {row.name for kind in ("worker", "dispatcher") for row in living(session, settings, kind)}
    running: dict[str, list[Job]] = {}
    for job in session.scalars(select(Job).where(Job.state == JobState.RUNNING).order_by(Job.id).limit(500)):
        running.setdefault(job.worker or "", []).append(job)
    rows = []
    for row in session.scalars(query):
        state = "stopped" if row.stopped_at else "active" if row.name in alive else "lost"
        rows.append(Alive(row, state, running.get(row.name, [])))
    counts = {
        state: session.scalar(select(func.count()).select_from(Job).where(Job.state == state)) or 0
        for state in (JobState.RUNNING, *QUEUED_JOB_STATES)
    }
    unsent = session.scalar(
        select(func.count()).select_from(OutboxEntry).where(OutboxEntry.sent_at.is_(None))
    )
    return render_template(
        "jobs/workers.html",
        rows=rows,
        counts=counts,
        unsent=unsent or 0,
        length=queue_length(settings),
        queue=settings.queue,
        has_dashboard=is_offered(settings),
        has_worker=any(row.state == "active" and row.heartbeat.kind == "worker" for row in rows),
        has_dispatcher=any(row.state == "active" and row.heartbeat.kind == "dispatcher" for row in rows),
    )
