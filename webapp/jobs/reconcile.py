"""Finish the story of runs that nobody looks after any more: no run is lost, doubled or stuck.

A job whose lease has ended is taken over with a new token, so that its old worker can write nothing more. On
the machine where it ran, its processes are killed and verified dead, and what they left (events, journal) is
stored. On another machine nobody can look: there the lease file has made sure that no change was sent after
the lease ended. Then the job begins again, or ends with an explanation.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.database import Database, new_id, now
from webapp.jobs.claim import Claim, LeaseLost, held_job
from webapp.jobs.endings import is_changed
from webapp.jobs.event_rows import Mask
from webapp.jobs.ingest import BATCH, Harvest, left_events, read_lines, store_batch, store_in_pieces
from webapp.jobs.kept_journals import put_away
from webapp.jobs.models import Job, JobState
from webapp.jobs.private_folder import FolderUnavailable, PrivateFolder, folder_for, folders_here
from webapp.jobs.processes import Session as RunSession
from webapp.jobs.processes import end_processes
from webapp.jobs.runtime import Runtime
from webapp.jobs.settling import Verdict, settle
from webapp.jobs.templates import JobTemplate
from webapp.settings import Settings

TAKEOVER_S = 60.0  # the least time for killing and harvesting before somebody else may take over in turn

_log = logging.getLogger(__name__)
_TOLD: set[Path] = set()  # folders that the log knows of


@dataclass(frozen=True)
class _Abandoned:
    claimed: Claim
    host_name: str | None
    template: str
    session: RunSession | None
    folder: PrivateFolder


def reconcile(runtime: Runtime, *, of_worker: str | None = None) -> int:
    """Take over every run whose lease has ended, and clean up after runs of this machine; how many runs.

    ``of_worker``: also the runs of that worker, which is stopping, whatever their lease says.
    """
    count = 0
    for job_id in _abandoned_ids(runtime, of_worker):
        try:
            taken = _take_over(runtime.database, runtime.settings, job_id, of_worker)
            if taken is not None:
                _finish(runtime, taken)
                count += 1
        except LeaseLost:
            continue  # somebody else was faster in turn
        except (
            DBAPIError,
            OSError,
        ) as exc:  # nothing was removed: its lease ends again, somebody looks again
            _log.error("takeover_not_finished job_id=%s error=%s", job_id, type(exc).__name__)
        except FolderUnavailable:
            _log.error("job_id_refused job_id=%.60a: no id of a job; who writes to the database?", job_id)
    _sweep_folders(runtime)
    return count


def _grace(settings: Settings) -> timedelta:
    """Clocks of several machines differ, and a lease file is written after the row."""
    return timedelta(seconds=settings.lease_s)


def _abandoned_ids(runtime: Runtime, of_worker: str | None) -> Sequence[str]:
    moment = now()
    is_here = Job.host_name == runtime.settings.host_name
    conditions = [
        is_here & (Job.lease_until < moment),
        Job.lease_until < moment - _grace(runtime.settings),
    ]
    if of_worker is not None:
        conditions.append(is_here & (Job.worker == of_worker))
    query = select(Job.id).where(Job.state == JobState.RUNNING, or_(*conditions)).order_by(Job.id)
    with runtime.database.reading() as session:
        return session.scalars(query).all()


def _take_over(
    database: Database, settings: Settings, job_id: str, of_worker: str | None
) -> _Abandoned | None:
    moment = now()
    token, until = new_id(), moment + timedelta(seconds=max(settings.lease_s, TAKEOVER_S))
    with database.transaction() as session:
        job = session.get_one(Job, job_id)
        is_of_worker = of_worker is not None and job.worker == of_worker
        if job.lease_until is None or (job.lease_until >= moment and not is_of_worker):
            return None
        is_mine = is_changed(
            session, job_id, Job.state == JobState.RUNNING, Job.lease_token == job.lease_token,
            Job.lease_until == job.lease_until, lease_token=token, lease_until=until,
        )  # fmt: skip
        if not is_mine:
            return None
        leader = (
            RunSession(job.session_pid, job.session_started_at)
            if job.session_pid is not None and job.session_started_at is not None
            else None
        )
        return _Abandoned(
            claimed=Claim(job_id, token, job.attempt, until),
            host_name=job.host_name,
            template=job.template,
            session=leader,
            folder=folder_for(settings, job_id, job.attempt),  # not the row's: it is going to be removed
        )


def _finish(runtime: Runtime, taken: _Abandoned) -> None:
    claimed = taken.claimed
    _log.warning(
        "job_taken_over job_id=%s attempt=%d host=%s", claimed.job_id, claimed.attempt, taken.host_name
    )
    if taken.host_name != runtime.settings.host_name:
        why = f"the machine {taken.host_name} does not renew its lease."
        settle(runtime.database, runtime.settings, claimed, Verdict(None, why))
        return
    folder = taken.folder
    folder.lease.unlink(missing_ok=True)  # no change any more, even from a process that we fail to find
    if not end_processes(folder.journal, taken.session):
        _log.error("run_does_not_die job_id=%s attempt=%d", claimed.job_id, claimed.attempt)
        return  # the lease ends again, and somebody looks again
    harvest(runtime, claimed, folder, template=runtime.templates.get(taken.template))
    put_away(runtime, claimed.job_id, claimed.attempt, folder)
    settle(runtime.database, runtime.settings, claimed, _verdict(runtime.database, claimed))


def _verdict(database: Database, claimed: Claim) -> Verdict:
    """Lost, unless it was canceled: then its processes are dead now, as was asked."""
    with database.reading() as session:
        job = session.get_one(Job, claimed.job_id)
        if job.cancel_requested_at is not None:
            return Verdict(JobState.CANCELED, "Canceled while it ran; its processes are dead.")
    return Verdict(None, "its worker died, or did not renew the lease.")


def harvest(runtime: Runtime, claimed: Claim, folder: PrivateFolder, *, template: JobTemplate | None) -> None:
    """Store what a dead worker left in its private folder. Raises :class:`LeaseLost`."""
    observer = template or JobTemplate()

    def store(session: Session, **found: list[dict[str, Any]]) -> None:
        job = held_job(session, claimed, until=now() + timedelta(seconds=TAKEOVER_S))
        store_batch(session, job, claimed.attempt, observer, **found, mask=mask, harvest=Harvest())

    mask = Mask(folder.read_secrets())
    _store_all(runtime.database, folder, store)


def _store_all(database: Database, folder: PrivateFolder, store: Any) -> None:
    """Raises ``DBAPIError`` while the database does not take it; what it refuses for good is left out.

    Lines of the journal are proved afterwards: :mod:`webapp.jobs.kept_journals`.
    """
    events = left_events(folder)
    for position in range(0, len(events), BATCH):
        store_in_pieces(partial(_store_once, database, store, "events"), events[position : position + BATCH])
    for kind, path in (("lines", folder.journal), ("answers", folder.answers)):
        offset = 0
        while True:
            lines, following = read_lines(path, offset)
            if following == offset:
                break
            store_in_pieces(partial(_store_once, database, store, kind), lines)
            offset = following


def _store_once(database: Database, store: Any, kind: str, rows: list[Any]) -> None:
    with database.transaction() as session:
        store(session, **{kind: rows})


def _sweep_folders(runtime: Runtime) -> None:
    """Clean up folders of this machine whose attempt is over: taken over elsewhere, or died while ending.

    A folder whose job the database does not know is another platform's, or this database was set back: its
    processes are let alone, and what it holds stays.
    """
    for job_id, attempt, folder in folders_here(runtime.settings):
        with runtime.database.reading() as session:
            job = session.get(Job, job_id)
            if job is not None and job.state == JobState.RUNNING and job.attempt <= attempt:
                continue
        if job is None:
            if folder.path not in _TOLD:
                _TOLD.add(folder.path)
                _log.error("unknown_folder path=%s: its job is not in this platform database", folder.path)
            continue
        folder.lease.unlink(missing_ok=True)
        if not end_processes(folder.journal):
            _log.error("run_does_not_die job_id=%s attempt=%d", job_id, attempt)
            continue
        try:
            _store_late(runtime, job_id, attempt, folder)
            put_away(runtime, job_id, attempt, folder)
        except (DBAPIError, OSError) as exc:  # nothing was removed; the next look tries again
            _log.error("folder_not_stored job_id=%s error=%s", job_id, type(exc).__name__)
            continue
        _log.info("folder_removed job_id=%s attempt=%d", job_id, attempt)


def _store_late(runtime: Runtime, job_id: str, attempt: int, folder: PrivateFolder) -> None:
    """Statements and events that nobody could reach while their job went on elsewhere."""
    if not folder.secrets.is_dir():
        return  # without them nothing is masked; the journal, which holds none, is proved by itself
    mask = Mask(folder.read_secrets())

    def store(session: Session, **found: list[dict[str, Any]]) -> None:
        is_changed(session, job_id, stream=Job.stream)  # locks the row: its stream has one writer
        job = session.get_one(Job, job_id, populate_existing=True)
        store_batch(session, job, attempt, JobTemplate(), **found, mask=mask, harvest=Harvest())

    _store_all(runtime.database, folder, store)
