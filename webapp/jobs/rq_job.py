"""What a worker takes out of Redis: the id of a job and nothing else, whatever stands there.

RQ calls any function, callback and webhook that a record in Redis names. Whoever can write to Redis could
have a worker run anything, past the gate; so nothing but ``run_job`` is called here, with one id.
"""

from __future__ import annotations

import logging
from typing import Any

from rq.job import Job as RqJob

from webapp.database import is_id
from webapp.jobs import tasks
from webapp.jobs.queue import FUNCTION

_log = logging.getLogger(__name__)


class RungJob(RqJob):
    """An RQ job that runs the platform's job with the id it carries, or nothing."""

    def restore(self, raw_data: Any) -> None:
        """As RQ's, without all that it would call, send or repeat afterwards."""
        super().restore(raw_data)
        self._success_callback_name = self._failure_callback_name = self._stopped_callback_name = None
        self.webhooks = []
        self.retries_left = self.repeats_left = None

    @property
    def func(self) -> Any:
        """Never what the record names."""
        return tasks.run_job

    def _execute(self) -> None:
        job_id = self._rung_id()
        if job_id is None:
            _log.error(
                "ring_refused queue=%s: it is none of the platform's; who writes to Redis?", self.origin
            )
            return
        tasks.run_job(job_id)

    def _rung_id(self) -> str | None:
        """The id of the job that is rung for; None when this is no ring."""
        arguments = self.args
        if self.func_name != FUNCTION or self.instance is not None or self.kwargs:
            return None
        if not isinstance(arguments, list | tuple) or len(arguments) != 1:
            return None
        (job_id,) = arguments
        return job_id if isinstance(job_id, str) and is_id(job_id) else None
