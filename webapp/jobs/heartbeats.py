"""Workers and dispatchers say that they are alive."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from webapp.database import Database, now
from webapp.jobs.models import WorkerHeartbeat
from webapp.settings import Settings

FORGOTTEN_AFTER = timedelta(days=1)


def beat(database: Database, settings: Settings, name: str, kind: str, *, pid: int | None = None) -> None:
    """Note that the process is alive. ``kind``: worker or dispatcher."""
    with database.transaction() as session:
        result = session.execute(
            update(WorkerHeartbeat)
            .where(WorkerHeartbeat.name == name)
            .values(last_seen_at=now(), stopped_at=None)
            .execution_options(synchronize_session=False)
        )
        if cast("CursorResult[Any]", result).rowcount == 0:
            session.add(
                WorkerHeartbeat(name=name, kind=kind, host_name=settings.host_name, pid=pid or os.getpid())
            )


def stop(database: Database, name: str) -> None:
    """Note that the process ends on purpose."""
    with database.transaction() as session:
        session.execute(update(WorkerHeartbeat).where(WorkerHeartbeat.name == name).values(stopped_at=now()))


def living(session: Session, settings: Settings, kind: str) -> list[WorkerHeartbeat]:
    """The processes of that kind which were heard of within three heartbeats (at least 10 s)."""
    oldest = now() - timedelta(seconds=max(10.0, settings.heartbeat_s * 3))
    query = select(WorkerHeartbeat).where(
        WorkerHeartbeat.kind == kind,
        WorkerHeartbeat.stopped_at.is_(None),
        WorkerHeartbeat.last_seen_at > oldest,
    )
    return list(session.scalars(query.order_by(WorkerHeartbeat.name)))


def forget_old(session: Session) -> None:
    """Remove processes that nobody has heard of for a day."""
    session.execute(delete(WorkerHeartbeat).where(WorkerHeartbeat.last_seen_at < now() - FORGOTTEN_AFTER))
