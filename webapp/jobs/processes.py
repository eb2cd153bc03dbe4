"""The processes of a run: found by the journal that their environment names, ended, and verified dead.

A process group is not enough: Ansible's workers leave it. Each of them inherits SQLHOSTING_JOURNAL, and that
path belongs to one attempt of one job.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

JOURNAL_VARIABLE = "SQLHOSTING_JOURNAL"
TERM_GRACE_S = 0.5  # between SIGTERM and SIGKILL
DEAD_WITHIN_S = 10.0  # a killed process that hangs in the kernel longer than this is reported, not waited for
_LOOK_S = 0.02
_SAME_START_S = 0.02  # psutil reads start times in clock ticks


@dataclass(frozen=True)
class Session:
    """The leader of a run's session, in a form that a later process cannot be mistaken for."""

    pid: int
    started_at: float  # UNIX time


def child_session(journal: Path) -> Session | None:
    """The child of this process that writes ``journal``, once it exists."""
    for process in psutil.Process().children():
        if _writes(process, journal):
            try:
                return Session(process.pid, process.create_time())
            except psutil.Error:
                continue
    return None


def processes_of(journal: Path, session: Session | None = None) -> list[psutil.Process]:
    """All living processes of the run that writes ``journal``; ``session``: its leader, if that is known."""
    found = [process for process in psutil.process_iter() if _writes(process, journal)]
    if session is not None:
        found += [process for process in _leader(session) if process not in found]
    return [process for process in found if _is_alive(process)]


def end_processes(journal: Path, session: Session | None = None) -> bool:
    """End the run's processes with SIGTERM, then SIGKILL; whether all of them are dead for certain."""
    begun = time.monotonic()
    living = processes_of(journal, session)
    for process in living:
        _signal(process, is_forced=False)
    while living and time.monotonic() < begun + DEAD_WITHIN_S:
        if time.monotonic() > begun + TERM_GRACE_S:
            for process in living:
                _signal(process, is_forced=True)
        time.sleep(_LOOK_S)
        living = processes_of(journal, session)
    return not living


def _writes(process: psutil.Process, journal: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return process.environ().get(JOURNAL_VARIABLE) == str(journal)
    except (psutil.Error, OSError):
        return False  # another user's, or gone


def _leader(session: Session) -> list[psutil.Process]:
    try:
        process = psutil.Process(session.pid)
        is_same = abs(process.create_time() - session.started_at) < _SAME_START_S
    except psutil.Error:
        return []
    return [process] if is_same else []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _signal(process: psutil.Process, *, is_forced: bool) -> None:
    try:
        if is_forced:
            process.kill()
        else:
            process.terminate()
    except psutil.Error:
        return  # it ended meanwhile
