"""Child processes that never outlive the demo, whatever ends it.

Ansible's workers make sessions of their own, so ending a process group does not end them all: the demo
therefore adopts whatever its children leave behind (prctl(2), PR_SET_CHILD_SUBREAPER) and ends that too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
STOP_TIMEOUT_S = 5  # between asking a process group to stop and killing it
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody asked the demo to end. Not an Exception, so that nothing swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Processes:
    """Starts child processes, each in a session of its own, and ends all of them at the end of the block.

    A signal that arrives between the start of a child and its registration waits until the child is known;
    during the clean-up signals are ignored, so that a second Ctrl-C leaves nothing behind.
    """

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[str]] = []
        self._starting = False
        self._pending: int | None = None

    def __enter__(self) -> Processes:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in _SIGNALS:
            signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_exc: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for process in self._running:  # all at once, so that nobody waits for the slowest
            if process.poll() is None:
                _signal_group(process.pid, signal.SIGTERM)
        for process in reversed(self._running):
            _stop_group(process)
        _end_adopted(set())
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def _interrupt(self, number: int, _frame: FrameType | None) -> None:
        if self._starting:
            self._pending = number
            return
        raise Interrupted(number)

    @contextmanager
    def _uninterrupted(self) -> Iterator[None]:
        self._starting = True
        try:
            yield
        finally:
            self._starting = False
        if self._pending is not None:
            raise Interrupted(self._pending)

    def start(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: int = subprocess.DEVNULL,
        stdout: int | IO[str] | None = None,
        stderr: int | IO[str] | None = None,
    ) -> subprocess.Popen[str]:
        """A child, without standard input when nothing else is said, leader of its own session."""
        with self._uninterrupted():
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
            self._running.append(process)
        return process

    def run(self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> int:
        """Run to the end, with our own standard output; the exit status."""
        process = self.start(command, cwd=cwd, env=env)
        status = process.wait()
        self.stop(process)
        return status

    def ask(
        self, command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], text: str | None = None
    ) -> tuple[int, str]:
        """Run to the end with ``text`` as its input; the exit status, and what it printed."""
        pipe, together = subprocess.PIPE, subprocess.STDOUT
        process = self.start(command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=together)
        output, _ = process.communicate(text or "")
        self.stop(process)
        return process.returncode, output

    def stop(self, process: subprocess.Popen[str]) -> int:
        """Stop the child and what it started; its exit status."""
        _stop_group(process)
        if process in self._running:
            self._running.remove(process)
        _end_adopted({other.pid for other in self._running})
        return process.returncode

    def forget_ended(self) -> None:
        """Let the kernel forget adopted children that have ended: a demo that stays up gathers thousands."""
        for pid in _children() - {other.pid for other in self._running}:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)


def _stop_group(process: subprocess.Popen[str]) -> None:
    """Ask, wait, kill. The group is the child's own, so nothing else can be hit."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    # What the child started may still be there, also when the child itself has ended.
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def _end_adopted(ours: set[int]) -> None:
    """Kill every child of this process that is not in ``ours``, and what those leave, until none is left."""
    while adopted := _children() - ours:
        for pid in adopted:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in adopted:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> set[int]:
    """The ids of our child processes (the fourth field of proc_pid_stat(5) is the parent's)."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # The second field, the name, may hold blanks and brackets.
            if (
                int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
                == os.getpid()
            ):
                found.add(int(stat.parent.name))
    return found
