"""A job whose every text tries to become a part of the page."""

from __future__ import annotations

from tests.support.jobs import JobWriter
from webapp.database import Database
from webapp.jobs.models import Job, JobState
from webapp.statements.models import StatementStatus

PAYLOAD = '"\'><script>window.stolen=1</script><img src=x onerror="window.stolen=2">{{ 7 * 7 }}'


def store_hostile(database: Database, job: Job) -> str:
    """Fill ``job`` and end it; the id of its statement."""
    writer = JobWriter(database, job.id)
    writer.output(
        f"\x1b[31m{PAYLOAD}\x1b[0m",
        f"\x1b]0;{PAYLOAD}\x07after the title",
        f"\x1b[31;<script>m{PAYLOAD}",
        f"\x1b]8;;javascript:window.stolen=3\x1b\\{PAYLOAD}\x1b]8;;\x1b\\",
        "\x9b31m" + PAYLOAD + "\x00\x08\r",
    )
    writer.task(PAYLOAD, host=PAYLOAD[:100], outcome="failed", message=PAYLOAD)
    statement = writer.statement(
        f"SELECT N'{PAYLOAD}' -- {PAYLOAD}",
        database=PAYLOAD[:128],
        template=PAYLOAD[:128],
        inventory_host=PAYLOAD[:63],
        task=PAYLOAD,
        status=StatementStatus.ERROR,
        error={"message": PAYLOAD, "number": 50000},
        messages=[{"text": PAYLOAD}],
        creates=PAYLOAD,
        parameters=[PAYLOAD],
    )
    writer.end(JobState.FAILED, job_explanation=PAYLOAD, worker=PAYLOAD)
    return statement
