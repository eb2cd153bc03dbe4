"""Watch what other users of the machine could see of a run: the arguments of its processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def watched_arguments() -> Iterator[list[str]]:
    """Collects the arguments of every process that runs meanwhile."""
    seen: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            for process in psutil.Process(os.getpid()).children(recursive=True):
                try:
                    seen.append(" ".join(process.cmdline()))
                except psutil.Error:
                    continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
