"""Run one job from claim to end: what a work horse does."""

from __future__ import annotations

import logging
import shutil
import time
import traceback
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from webapp.database import Database
from webapp.jobs.claim import Claim, LeaseLost, claim, held_job
from webapp.jobs.event_rows import Mask
from webapp.jobs.ingest import Ingest
from webapp.jobs.kept_journals import put_away
from webapp.jobs.launcher import Outcome, run_playbook
from webapp.jobs.models import Job, JobState
from webapp.jobs.private_folder import FolderUnavailable, PrivateFolder, create_folder, folder_for
from webapp.jobs.processes import end_processes
from webapp.jobs.runtime import Runtime
from webapp.jobs.settling import Verdict, settle, verdict_of
from webapp.jobs.templates import JobTemplate, Launch, NotLaunchable
from webapp.jobs.turns import whose_turn
from webapp.sealing import SealingError
from webapp.settings import Settings

DATABASE_RETRY_S = 1.0

_log = logging.getLogger(__name__)


def run_job(runtime: Runtime, job_id: str, *, worker: str) -> JobState | None:
    """Claim the job, or the one whose turn is first, and run one attempt of it; the state it has then.

    None: another worker has the job, or it waits for a target, or its lease was lost.
    """
    with runtime.database.reading() as session:
        job_id = whose_turn(session, job_id)
    claimed = claim(runtime.database, runtime.settings, job_id, worker=worker)
    if claimed is None:
        _log.info("job_not_claimed job_id=%s worker=%s", job_id, worker)
        return None
    _log.info("job_claimed job_id=%s attempt=%d worker=%s", job_id, claimed.attempt, worker)
    try:
        state = _attempt(runtime, claimed)
    except LeaseLost:
        state = None
    _log.info("job_left job_id=%s attempt=%d state=%s", job_id, claimed.attempt, state and state.value)
    return state


def where_from(exc: BaseException) -> str:
    """Type and place of an error for logs; never its text, which may hold a value that is secret."""
    frames = traceback.extract_tb(exc.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(exc).__name__}{place}"


def _attempt(runtime: Runtime, claimed: Claim) -> JobState | None:
    prepared = _prepare(runtime, claimed)
    if isinstance(prepared, Verdict):
        return _settle_surely(runtime.database, runtime.settings, claimed, prepared)
    template, launch = prepared
    before = folder_for(runtime.settings, claimed.job_id, claimed.attempt)
    if before.path.exists() and not _is_cleared(runtime, claimed, before):
        return _settle_surely(runtime.database, runtime.settings, claimed, _undead(runtime.settings))
    try:
        folder = create_folder(
            runtime.settings, launch, job_id=claimed.job_id, attempt=claimed.attempt,
            lease_until=claimed.lease_until,
        )  # fmt: skip
    except FolderUnavailable as exc:
        verdict = Verdict(JobState.ERROR, str(exc), is_not_started=True)
        return _settle_surely(runtime.database, runtime.settings, claimed, verdict)
    return _run_in(runtime, claimed, folder, template=template, launch=launch)


def _prepare(runtime: Runtime, claimed: Claim) -> tuple[JobTemplate, Launch] | Verdict:
    """What to run, or why not."""
    with runtime.database.reading() as session:
        job = session.get_one(Job, claimed.job_id)
        template = runtime.templates.get(job.template)
        if template is None:
            text = (
                f"This worker knows no job template {job.template}: it runs another version of the platform."
            )
            return Verdict(JobState.ERROR, text, is_not_started=True)
        try:
            return template, template.prepare(session, job)
        except NotLaunchable as exc:
            return Verdict(JobState.FAILED, str(exc), is_not_started=True)
        except DBAPIError:
            raise
        except Exception as exc:
            _log.error("job_not_prepared job_id=%s error=%s", claimed.job_id, where_from(exc))
            # The text of what cannot be opened was written for people, and holds no value.
            why = str(exc) if isinstance(exc, SealingError) else where_from(exc)
            return Verdict(
                JobState.ERROR, f"The platform could not prepare the run: {why}.", is_not_started=True
            )


def _run_in(
    runtime: Runtime, claimed: Claim, folder: PrivateFolder, *, template: JobTemplate, launch: Launch
) -> JobState | None:
    settings = runtime.settings
    with runtime.database.transaction() as session:
        job = held_job(session, claimed)
        job.private_folder = str(folder.path)
        job.tasks_total = _expected_tasks(session, job)
        job.job_explanation = None
        template.started(session, job)
    mask = Mask(launch.secrets.values())
    ingest = Ingest(runtime.database, settings, claimed, folder=folder, template=template, mask=mask)
    ingest.start()
    try:
        outcome = run_playbook(
            settings,
            folder,
            launch,
            job_id=claimed.job_id,
            on_event=ingest.put,
            is_canceled=ingest.should_stop,
        )
    except Exception as exc:  # ansible-runner's own trouble, before or while it starts
        _log.error("playbook_not_run job_id=%s error=%s", claimed.job_id, where_from(exc))
        outcome = Outcome(None)
    is_dead = end_processes(folder.journal)
    ingest.finish()
    if ingest.is_lost:
        return None  # the one who holds the job now has the folder too
    if not is_dead:
        return _settle_surely(runtime.database, settings, claimed, _undead(settings))
    _put_away(runtime, claimed, folder)
    with runtime.database.reading() as session:
        verdict = verdict_of(
            session, session.get_one(Job, claimed.job_id), outcome,
            is_lease_lost=ingest.harvest.is_lease_lost, unobserved=ingest.harvest.unobserved,
            timeout_s=settings.job_timeout_s,
        )  # fmt: skip
    return _settle_surely(runtime.database, settings, claimed, verdict)


def _put_away(runtime: Runtime, claimed: Claim, folder: PrivateFolder) -> None:
    """Keep the journal. If the database does not take it now, the sweep does; secrets go at once."""
    try:
        put_away(runtime, claimed.job_id, claimed.attempt, folder)
    except DBAPIError as exc:
        _log.warning("journal_not_stored job_id=%s error=%s", claimed.job_id, type(exc).__name__)
        shutil.rmtree(folder.secrets, ignore_errors=True)


def _is_cleared(runtime: Runtime, claimed: Claim, folder: PrivateFolder) -> bool:
    """Finish what an attempt of this number left that the database forgot; whether its processes are dead."""
    folder.lease.unlink(missing_ok=True)
    if not end_processes(folder.journal):
        return False
    while True:
        try:
            put_away(runtime, claimed.job_id, claimed.attempt, folder)
            return True
        except DBAPIError as exc:
            _log.warning("journal_not_stored job_id=%s error=%s", claimed.job_id, type(exc).__name__)
            time.sleep(DATABASE_RETRY_S)


def _undead(settings: Settings) -> Verdict:
    text = (
        f"A process of this run does not die on {settings.host_name}. It cannot send changes once the lease "
        "has ended. Look at that machine, then run the job again."
    )
    return Verdict(JobState.ERROR, text)


def _expected_tasks(session: Session, job: Job) -> int | None:
    """How many tasks the last successful run of the same kind had: the best guess without asking Ansible."""
    query = (
        select(Job.tasks_done)
        .where(
            Job.template == job.template,
            Job.check_mode == job.check_mode,
            Job.state == JobState.SUCCESSFUL,
            Job.tasks_done > 0,
        )
        .order_by(Job.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def _settle_surely(
    database: Database, settings: Settings, claimed: Claim, verdict: Verdict
) -> JobState | None:
    """Settle as soon as the database answers. If this process dies meanwhile, the reconciler settles."""
    while True:
        try:
            return settle(database, settings, claimed, verdict)
        except DBAPIError as exc:
            _log.warning("job_not_settled job_id=%s error=%s", claimed.job_id, type(exc).__name__)
            time.sleep(DATABASE_RETRY_S)
