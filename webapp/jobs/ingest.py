"""Store a run's events and statements: in batches, each once, in a thread that may be slow.

The same thread renews the lease and looks whether to cancel, so a run whose worker cannot reach the platform
database stops sending changes when its lease ends.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.database import Database, is_deadlock, is_refusal, now
from webapp.jobs.claim import Claim, LeaseLost, held_job
from webapp.jobs.endings import is_changed
from webapp.jobs.event_rows import (
    STATS,
    TASK_STARTS,
    Mask,
    answer_row,
    answers_uuid,
    counts_of,
    is_lease_lost,
    is_storable,
    row_of,
    stats_by_host,
)
from webapp.jobs.models import Job, JobEvent
from webapp.jobs.private_folder import PrivateFolder
from webapp.jobs.processes import child_session
from webapp.jobs.templates import JobTemplate
from webapp.settings import Settings
from webapp.statements.stored import store_lines

BATCH = 200  # events or lines in one transaction
BATCH_S = 0.2  # from one of them to the next while much happens: what people see is that old at most
GATHER_S = 0.02  # from an event until it is stored when nothing happened before: they come in groups
LOOK_S = 0.5  # how often it looks whether somebody canceled
RETRY_S = 0.5  # after the database did not answer
POISON_TRIES = 3  # of a batch that the database refuses, rather than not answering
_JOURNAL_CHUNK = 4 << 20  # bytes

_log = logging.getLogger(__name__)


@dataclass
class Harvest:
    """What one attempt has brought so far."""

    offset: int = 0  # how much of the journal is stored, in bytes
    answers_offset: int = 0  # and how much of the answers
    is_lease_lost: bool = False  # a module refused a change for want of the lease
    unobserved: int = 0  # events that the template could not take in
    session_seen: bool = False


def store_batch(
    session: Session,
    job: Job,
    attempt: int,
    template: JobTemplate,
    *,
    events: Sequence[dict[str, Any]] = (),
    lines: Sequence[dict[str, Any]] = (),
    answers: Sequence[dict[str, Any]] = (),
    mask: Mask,
    harvest: Harvest,
) -> None:
    """Store events, journal lines and answers that are not stored yet; the caller holds the job's row."""
    usable = {str(event["uuid"])[:64]: event for event in events if is_storable(event)}
    known = set(
        session.scalars(
            select(JobEvent.uuid).where(JobEvent.job_id == job.id, JobEvent.uuid.in_(list(usable)))
        )
    )
    is_observer = type(template).observe is not JobTemplate.observe
    store_lines(session, job, attempt, lines)
    _store_answers(session, job, attempt, template, answers=answers, mask=mask, harvest=harvest)
    for uuid, event in usable.items():
        if uuid in known:
            continue
        job.stream += 1
        session.add(row_of(event, job_id=job.id, attempt=attempt, stream=job.stream, mask=mask))
        if event["event"] in TASK_STARTS:
            job.tasks_done += 1
        elif event["event"] == STATS:
            job.stats = stats_by_host(event)
        harvest.is_lease_lost = harvest.is_lease_lost or is_lease_lost(event)
        if is_observer:
            _tell(session, job, partial(template.observe, session, job, event), uuid, harvest)
    session.flush()
    if job.stats is not None and (answers or any(event["event"] == STATS for event in usable.values())):
        _count_answers(session, job, attempt)


def _store_answers(
    session: Session, job: Job, attempt: int, template: JobTemplate,
    *, answers: Sequence[dict[str, Any]], mask: Mask, harvest: Harvest,
) -> None:  # fmt: skip
    """Tell the room of each answer, and show those that are no failure: these have tasks of their own."""
    usable = {
        one["host"]: one["result"]
        for one in answers
        if isinstance(one, dict) and isinstance(one.get("host"), str) and isinstance(one.get("result"), dict)
    }
    if not usable:
        return
    wanted = [answers_uuid(job.id, attempt, host) for host in (*usable, "all")]
    known = set(
        session.scalars(select(JobEvent.uuid).where(JobEvent.job_id == job.id, JobEvent.uuid.in_(wanted)))
    )
    for host, result in usable.items():
        uuid = answers_uuid(job.id, attempt, host)
        if uuid in known:
            continue
        if not result.get("failed"):
            shown = [host] if answers_uuid(job.id, attempt, "all") in known else ["", host]
            for one in shown:
                job.stream += 1
                row = answer_row(job.id, attempt, stream=job.stream, host=one, result=result, mask=mask)
                session.add(row)
                known.add(row.uuid)
        _tell(session, job, partial(template.take_answer, session, job, host, result), uuid, harvest)


def _count_answers(session: Session, job: Job, attempt: int) -> None:
    """Ansible counts a task for many for the first of them alone: here those that answered count as well."""
    query = select(JobEvent.host).where(
        JobEvent.job_id == job.id,
        JobEvent.task_uuid == answers_uuid(job.id, attempt),
        JobEvent.host.is_not(None),
    )
    counts = dict(job.stats or {})
    missing = [host for host in session.scalars(query) if host not in counts]
    if missing:
        job.stats = counts | {host: counts_of(ok=1) for host in missing}
        session.flush()


def _tell(session: Session, job: Job, tell: Callable[[], None], uuid: str, harvest: Harvest) -> None:
    """Have the template take in an event or an answer."""
    try:
        with session.begin_nested():
            tell()
            session.flush()
    except DBAPIError as exc:
        if exc.connection_invalidated or is_deadlock(exc):
            raise  # all of it is stored again
        _not_observed(job, uuid, exc, harvest)
    except Exception as exc:  # a room's mistake must neither stop the run nor pass for success
        _not_observed(job, uuid, exc, harvest)


def _not_observed(job: Job, uuid: str, exc: Exception, harvest: Harvest) -> None:
    harvest.unobserved += 1
    _log.error("event_not_observed job_id=%s uuid=%s error=%s", job.id, uuid, type(exc).__name__)


def read_lines(journal: Path, offset: int) -> tuple[list[Any], int]:
    """Whole lines of a journal or of answers from ``offset`` on, and where the next begin; no torn ones.

    A line that is no JSON is ``None``.
    """
    try:
        return whole_lines(journal, offset)
    except OSError:
        return [], offset


def whole_lines(journal: Path, offset: int) -> tuple[list[Any], int]:
    """The same. Raises OSError where the file cannot be read."""
    with journal.open("rb") as file:
        file.seek(offset)
        data = file.read(_JOURNAL_CHUNK)
        if b"\n" not in data:
            data += file.read()  # a statement of many MiB
    lines: list[Any] = []
    for raw in data.split(b"\n")[:-1]:  # what follows the last one is still being written
        if len(lines) >= BATCH:
            break
        offset += len(raw) + 1
        try:
            lines.append(json.loads(raw))
        except (ValueError, RecursionError):
            lines.append(None)
    return lines, offset


def store_in_pieces(store: Callable[[list[Any]], None], rows: list[Any]) -> int:
    """Have ``store`` take ``rows``, all but those that it cannot; how many these are.

    Raises the database's error where it may pass later, and :class:`LeaseLost`.
    """
    try:
        store(rows)
    except LeaseLost:
        raise
    except Exception as exc:  # whatever an odd row leads to, it takes no other with it
        if isinstance(exc, DBAPIError) and not is_refusal(exc):
            raise
        if len(rows) == 1:
            _log.error("not_stored error=%s", type(exc).__name__)
            return 1
    else:
        return 0
    middle = len(rows) // 2
    return store_in_pieces(store, rows[:middle]) + store_in_pieces(store, rows[middle:])


def left_events(folder: PrivateFolder) -> list[dict[str, Any]]:
    """Events that a dead worker left in the artifacts, in order, with those of the task in flight."""
    if not folder.events.is_dir():
        return []
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.events.iterdir(), key=lambda file: file.name.endswith("-partial.json")):
        try:
            event = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # torn
        if is_storable(event):
            found.setdefault(event["uuid"], event)
    return sorted(
        found.values(), key=lambda event: (event.get("counter") or 1 << 40, str(event.get("created")))
    )


class Ingest:
    """The thread of one attempt. ``put`` takes events; ``finish`` returns when everything is stored."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        claimed: Claim,
        *,
        folder: PrivateFolder,
        template: JobTemplate,
        mask: Mask,
    ) -> None:
        self._database, self._settings, self._claim = database, settings, claimed
        self._folder, self._template, self._mask = folder, template, mask
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)
        self._is_finishing = threading.Event()
        self._renew_at = 0.0
        self._look_at = 0.0
        self._stored_at = 0.0
        self.harvest = Harvest()
        self.is_lost = False  # somebody else holds the job
        self.is_canceled = False  # somebody asked for the end

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, event: dict[str, Any]) -> None:
        """Take an event; a copy, since ansible-runner goes on with its own."""
        self._events.put(dict(event))

    def should_stop(self) -> bool:
        """What the runner asks several times a second."""
        return self.is_lost or self.is_canceled

    def finish(self) -> None:
        """Store what is left. With ``is_lost`` set, the rest is for whoever holds the job now."""
        self._is_finishing.set()
        self._events.put(None)  # wakes the thread
        self._thread.join()

    def _run(self) -> None:
        while True:
            was_finishing = self._is_finishing.is_set()
            events = self._next_events()
            lines, offset = read_lines(self._folder.journal, self.harvest.offset)
            answers, answers_offset = read_lines(self._folder.answers, self.harvest.answers_offset)
            has_work = bool(events or lines or answers)
            is_due = has_work or time.monotonic() >= min(self._renew_at, self._look_at)
            if is_due and self._is_stored(events, lines, answers):
                self.harvest.offset, self.harvest.answers_offset = offset, answers_offset
            if self.is_lost or (was_finishing and not has_work):
                return

    def _next_events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        until = time.monotonic() + BATCH_S
        while len(events) < BATCH:
            wait = 0.0 if self._is_finishing.is_set() else max(0.0, until - time.monotonic())
            try:
                event = self._events.get(block=wait > 0, timeout=wait)
            except queue.Empty:
                break
            if event is None:
                continue  # nothing comes any more
            if not events:
                until = max(time.monotonic() + GATHER_S, self._stored_at + BATCH_S)
            events.append(event)
        return events

    def _is_stored(
        self, events: list[dict[str, Any]], lines: list[dict[str, Any]], answers: list[dict[str, Any]]
    ) -> bool:
        """Try until it is stored or the lease is another's: a database that is away loses nothing.

        Also true for what was given up; false when the lease is lost.
        """
        tries = 0
        while not self.is_lost:
            try:
                self._store(events, lines, answers)
                return True
            except LeaseLost:
                _log.warning("lease_lost job_id=%s attempt=%d", self._claim.job_id, self._claim.attempt)
                self.is_lost = True
            except DBAPIError as exc:
                tries += 1
                _log.warning(
                    "events_not_stored job_id=%s error=%s tries=%d",
                    self._claim.job_id,
                    type(exc).__name__,
                    tries,
                )
                if tries >= POISON_TRIES and is_refusal(exc):
                    self._give_up(exc)
                    return True
                time.sleep(RETRY_S)
            except Exception as exc:  # our own mistake: the job must end with an error, not hang
                self._give_up(exc)
                return True
        return False

    def _give_up(self, exc: Exception) -> None:
        _log.error("events_dropped job_id=%s error=%s", self._claim.job_id, type(exc).__name__)
        self.harvest.unobserved += 1

    def _store(
        self, events: list[dict[str, Any]], lines: list[dict[str, Any]], answers: list[dict[str, Any]]
    ) -> None:
        until = now() + timedelta(seconds=self._settings.lease_s)
        with self._database.transaction() as session:
            job = held_job(session, self._claim, until=until)
            self.is_canceled = self.is_canceled or job.cancel_requested_at is not None
            if events or lines or answers:
                store_batch(
                    session, job, self._claim.attempt, self._template, events=events, lines=lines,
                    answers=answers, mask=self._mask, harvest=self.harvest,
                )  # fmt: skip
            self._note_session(session)
        moment = time.monotonic()
        self._look_at = moment + LOOK_S
        if events or lines or answers:
            self._stored_at = moment
        if moment >= self._renew_at:
            self._renew_at = moment + self._settings.heartbeat_s
            try:
                self._folder.renew(until)
            except OSError as exc:  # a full disk: the run stops sending changes when the lease ends
                _log.error("lease_not_written job_id=%s error=%s", self._claim.job_id, exc.strerror)
        if events:
            self._remove_files(events)

    def _note_session(self, session: Session) -> None:
        if self.harvest.session_seen:
            return
        found = child_session(self._folder.journal)
        if found is not None:
            is_changed(
                session,
                self._claim.job_id,
                Job.lease_token == self._claim.token,
                session_pid=found.pid,
                session_started_at=found.started_at,
            )
            self.harvest.session_seen = True

    def _remove_files(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if is_storable(event):
                (self._folder.events / f"{event.get('counter')}-{event['uuid']}.json").unlink(missing_ok=True)
