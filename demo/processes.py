"""Child processes that never outlive the demo, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

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
        for number in _SIGNALS:
            signal.signal(number, self._interrupt)
        return self

    def __exit__(self, *_exc: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        for process in reversed(self._running):
            _stop_group(process)
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
        stdout: int | None = None,
        stderr: IO[str] | None = None,
    ) -> subprocess.Popen[str]:
        """A child with no standard input, leader of its own session."""
        with self._uninterrupted():
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
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

    def stop(self, process: subprocess.Popen[str]) -> int:
        """Stop the child and what it started; its exit status."""
        _stop_group(process)
        if process in self._running:
            self._running.remove(process)
        return process.returncode


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
