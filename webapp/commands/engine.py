"""``sqlhosting worker`` and ``sqlhosting dispatcher``."""

from __future__ import annotations

import logging
import signal
import threading

import click

from webapp.commands.opening import open_settings, open_worker_runtime
from webapp.jobs.dispatcher import Dispatcher
from webapp.jobs.worker import run_worker
from webapp.registry import chores

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


@click.command("worker")
def worker() -> None:
    """Run jobs, one at a time; start as many workers as jobs are to run at once.

    SIGTERM: take no more jobs and end after the running one. A second SIGTERM hands the running job back.
    """
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
    settings = open_settings()
    open_worker_runtime().database.dispose()  # a clear error now beats a crash loop
    run_worker(settings)


@click.command("dispatcher")
def dispatcher() -> None:
    """Send what Redis has not heard, finish what nobody looks after, launch what is due. Several may run."""
    logging.basicConfig(level=logging.INFO, format=_FORMAT)
    runtime = open_worker_runtime()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    Dispatcher(runtime, chores()).run(stopping)
