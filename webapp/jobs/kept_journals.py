"""Journals of attempts that are over: proved to be stored line by line, and kept for a while.

A private folder goes when its attempt has ended. Its journal is not removed with it but moved, once each of
its lines has its row in the platform database or is known to have none. A database that later forgets what it
had committed (a replica was promoted, a backup restored) gets back from here what it lost.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from webapp.database import Database
from webapp.jobs.endings import is_changed
from webapp.jobs.ingest import store_in_pieces, whole_lines
from webapp.jobs.models import Job
from webapp.jobs.private_folder import PrivateFolder
from webapp.jobs.runtime import Runtime
from webapp.settings import Settings
from webapp.statements.stored import lines_without_row, store_lines

_NAME = re.compile(r"([0-9A-Z]{26})-(\d+)(?:\.\d+)?\.jsonl")
_DAY_S = 86_400

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeptJournal:
    """The journal of one attempt that is over, on this machine."""

    job_id: str
    attempt: int
    path: Path


@dataclass(frozen=True)
class Proof:
    """What a look through the kept journals of this machine found."""

    journals: int  # that were looked through
    lines_stored: int  # that had no row, and have one now
    unstored: tuple[KeptJournal, ...]  # with lines that cannot be stored
    unknown: tuple[KeptJournal, ...]  # of jobs that the platform database does not know


def put_away(runtime: Runtime, job_id: str, attempt: int, folder: PrivateFolder) -> None:
    """Prove that the journal in ``folder`` is stored, keep it, and remove the folder.

    Run again after dying anywhere, it goes on. Raises ``DBAPIError`` while the database does not take what is
    missing: then nothing was removed.
    """
    try:
        if folder.journal.is_file() and folder.journal.stat().st_size:
            _stored, refused = prove(runtime.database, KeptJournal(job_id, attempt, folder.journal))
            if refused:
                _note(runtime.database, runtime.settings, job_id, attempt, refused)
            _keep(runtime.settings, job_id, attempt, folder.journal)
    except OSError as exc:  # no room, or no right to write there: somebody looks again later
        _log.error("journal_not_kept job_id=%s attempt=%d error=%s", job_id, attempt, exc.strerror)
        shutil.rmtree(folder.secrets, ignore_errors=True)
        return
    folder.remove()


def prove(database: Database, journal: KeptJournal) -> tuple[int, int]:
    """Store each line that has no row; how many were, and how many cannot be.

    A torn line counts as not written: what it announces was not sent. Raises ``DBAPIError`` while the
    database does not answer, and OSError where the journal cannot be read.
    """
    offset = stored = refused = 0
    while True:
        found, following = whole_lines(journal.path, offset)
        if following == offset:
            break
        lines = [line for line in found if line is not None]
        with database.reading() as session:
            missing = lines_without_row(session, journal.job_id, lines)
        if missing:
            left = store_in_pieces(partial(_store, database, journal), missing)
            refused += left
            stored += len(missing) - left
        offset = following
    if stored:
        _log.warning("lines_recovered job_id=%s attempt=%d lines=%d", journal.job_id, journal.attempt, stored)
    return stored, refused


def prove_all(runtime: Runtime) -> Proof:
    """Prove every journal that is kept on this machine, and forget those that are old and stored whole."""
    found = kept_here(runtime.settings)
    stored_lines = 0
    unstored, unknown = [], []
    refused_of: Counter[tuple[str, int]] = Counter()  # of one attempt there may be several
    oldest = time.time() - runtime.settings.journal_days * _DAY_S
    for journal in found:
        with runtime.database.reading() as session:
            is_known = session.get(Job, journal.job_id) is not None
        if not is_known:
            unknown.append(journal)
            continue
        try:
            stored, refused = prove(runtime.database, journal)
            if not refused and journal.path.stat().st_mtime < oldest:
                journal.path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue  # another worker of this machine was faster
        except OSError as exc:
            _log.error("journal_not_read path=%s error=%s", journal.path, exc.strerror)
            stored, refused = 0, 1
        stored_lines += stored
        refused_of[journal.job_id, journal.attempt] += refused
        if refused:
            unstored.append(journal)
    for (job_id, attempt), refused in refused_of.items():
        _note(runtime.database, runtime.settings, job_id, attempt, refused)
    return Proof(len(found), stored_lines, tuple(unstored), tuple(unknown))


def kept_here(settings: Settings) -> list[KeptJournal]:
    """All kept journals of this machine, in the order of their jobs."""
    if not settings.journals_folder.is_dir():
        return []
    found = []
    for path in sorted(settings.journals_folder.iterdir()):
        if named := _NAME.fullmatch(path.name):
            found.append(KeptJournal(named[1], int(named[2]), path))
    return found


def _keep(settings: Settings, job_id: str, attempt: int, path: Path) -> None:
    """Move it to its place; beside one of the same name, which a database that was set back can lead to."""
    settings.journals_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name, number = f"{job_id}-{attempt}", 0
    target = settings.journals_folder / f"{name}.jsonl"
    while target.exists():
        number += 1
        target = settings.journals_folder / f"{name}.{number}.jsonl"
    path.rename(target)


def _store(database: Database, journal: KeptJournal, lines: list[Any]) -> None:
    with database.transaction() as session:
        is_changed(session, journal.job_id, stream=Job.stream)  # locks the row: its stream has one writer
        job = session.get(Job, journal.job_id, populate_existing=True)
        if job is None:
            raise ValueError("no such job")
        store_lines(session, job, journal.attempt, lines)
        if lines_without_row(session, journal.job_id, lines):
            raise ValueError("no journal line")


def _note(database: Database, settings: Settings, job_id: str, attempt: int, refused: int) -> None:
    """Have the job's row say how many lines of the attempt have no row, and where; what this machine said."""
    key = str(attempt)
    entry = {"lines": refused, "host": settings.host_name, "path": str(settings.journals_folder)}
    with database.reading() as session:
        job = session.get(Job, job_id)
        said = (job.unstored or {}).get(key) if job is not None else None
        is_others = isinstance(said, dict) and said.get("host") != settings.host_name
        if job is None or said == (entry if refused else None) or (is_others and not refused):
            return
    with database.transaction() as session:
        is_changed(session, job_id, stream=Job.stream)
        job = session.get_one(Job, job_id, populate_existing=True)
        others = {name: one for name, one in (job.unstored or {}).items() if name != key}
        job.unstored = (others | ({key: entry} if refused else {})) or None
