"""Jobs for tests of pages: what the engine would have stored, without an engine."""

from __future__ import annotations

import hashlib
import itertools
from datetime import timedelta
from typing import Any

from webapp.database import Database, new_id, now
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

_numbers = itertools.count(1)


def create_job(database: Database, **columns: Any) -> Job:
    """A job that runs since a minute."""
    given: dict[str, Any] = {
        "template": "discover",
        "title": f"Discover everything {next(_numbers)}",
        "state": JobState.RUNNING,
        "parameters": {},
        "targets": [],
        "attempt": 1,
        "started_at": now() - timedelta(minutes=1),
    }
    job = Job(id=new_id(), **{**given, **columns})
    with database.transaction() as session:
        session.add(job)
    return job


class JobWriter:
    """Writes into a job as the engine does: rows and ``Job.stream`` in one transaction, one writer."""

    def __init__(self, database: Database, job_id: str) -> None:
        self._database = database
        self._job_id = job_id
        self._seq = itertools.count(1)

    def events(self, *events: dict[str, Any]) -> list[int]:
        """Store events; their positions."""
        with self._database.transaction() as session:
            job = session.get_one(Job, self._job_id)
            positions = []
            for event in events:
                job.stream += 1
                positions.append(job.stream)
                given = {"event": "verbose", "stdout": "", "at": now(), "attempt": job.attempt}
                given |= event
                given["stdout"] = given["stdout"].replace(
                    "\0", ""
                )  # as event_rows does: PostgreSQL takes none
                session.add(
                    JobEvent(
                        id=new_id(), job_id=job.id, uuid=new_id(), stream=job.stream, counter=job.stream,
                        **given,
                    )
                )  # fmt: skip
            return positions

    def output(self, *texts: str) -> None:
        """Lines without a task, each an event."""
        self.events(*({"stdout": text} for text in texts))

    def task(self, name: str, *, host: str = "sql01", outcome: str = "ok", **columns: Any) -> str:
        """A task with its start and its result on one host; its id."""
        task_uuid = new_id()
        common = {"task": name, "task_uuid": task_uuid}
        result = {
            **common,
            "event": f"runner_on_{outcome}",
            "host": host,
            "duration_s": 0.25,
            "is_failed": outcome in ("failed", "unreachable"),
            "stdout": f"\x1b[0;32m{outcome}: [{host}]\x1b[0m",
        }
        self.events(
            {**common, "event": "playbook_on_task_start", "stdout": f"\nTASK [{name}] ****"},
            {**common, "event": "runner_on_start", "host": host},
            {**result, **columns},
        )
        return task_uuid

    def statement(self, text: str, **columns: Any) -> str:
        """One statement; its id."""
        with self._database.transaction() as session:
            job = session.get_one(Job, self._job_id)
            job.stream += 1
            given: dict[str, Any] = {
                "at": now(),
                "instance": "db.example.com,1433",
                "inventory_host": "sql01",
                "database": "master",
                "task": "Create the database",
                "template": "database/create",
                "template_revision": "shipped:0123456789ab",
                "kind": StatementKind.CHANGE,
                "status": StatementStatus.OK,
                "sha256": hashlib.sha256(text.encode()).hexdigest(),
                "check_mode": job.check_mode,
                "duration_ms": 12.5,
                "rowcount": 1,
            }
            row = JobStatement(
                id=new_id(), job_id=job.id, attempt=job.attempt, seq=next(self._seq), stream=job.stream,
                text=text, **{**given, **columns},
            )  # fmt: skip
            session.add(row)
            return row.id

    def outcome(self, statement_id: str, status: StatementStatus, **columns: Any) -> None:
        """What came of a statement that was sent."""
        with self._database.transaction() as session:
            job = session.get_one(Job, self._job_id)
            row = session.get_one(JobStatement, statement_id)
            job.stream += 1
            row.status, row.stream = status, job.stream
            for name, value in columns.items():
                setattr(row, name, value)

    def change(self, **columns: Any) -> None:
        """Change the job itself."""
        with self._database.transaction() as session:
            job = session.get_one(Job, self._job_id)
            for name, value in columns.items():
                setattr(job, name, value)

    def end(self, state: JobState = JobState.SUCCESSFUL, **columns: Any) -> None:
        """The job's end."""
        given = {"return_code": 0 if state is JobState.SUCCESSFUL else 2, "finished_at": now()}
        self.change(state=state, **{**given, **columns})
