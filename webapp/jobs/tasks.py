"""What RQ calls in a work horse. It never raises: RQ would keep the traceback in Redis."""

from __future__ import annotations

import logging
import os

from webapp.jobs.run import run_job as run_in_horse
from webapp.jobs.run import where_from
from webapp.jobs.runtime import Runtime, open_runtime
from webapp.settings import settings_from

WORKER_VARIABLE = "SQLHOSTING_WORKER"  # the worker's name, for its horses

_log = logging.getLogger(__name__)


def run_job(job_id: str) -> None:
    """Run the job with this id, unless somebody else has it."""
    runtime: Runtime | None = None
    try:
        runtime = open_runtime(settings_from())
        run_in_horse(runtime, job_id, worker=os.environ.get(WORKER_VARIABLE, f"pid {os.getppid()}"))
    except Exception as exc:  # the outermost edge: the reconciler finishes what is left
        _log.error("work_horse_failed job_id=%s error=%s", job_id, where_from(exc))
    finally:
        if runtime is not None:
            runtime.database.dispose()
