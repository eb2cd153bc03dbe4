"""A job's output, journal and script as files."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Response, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.models import Job
from webapp.jobs.visibility import find_job
from webapp.pages.jobs.output import whole_output
from webapp.pages.jobs.views import jobs
from webapp.statements.export import script_of
from webapp.statements.models import JobStatement
from webapp.statements.rows import journal_lines, statement_from_row
from webapp.web import session as web
from webapp.web.access import STAFF, may


@jobs.get("/jobs/<job_id>/output.txt")
@may(STAFF)
def download_output(job_id: str) -> ResponseReturnValue:
    """The whole output, without colours."""
    job = _job(job_id)

    def pieces() -> Iterator[str]:
        with database.reading() as session:
            yield from whole_output(session, job.id)

    database = web.runtime().database
    return _file(pieces(), f"{job.id}.txt", "text/plain")


@jobs.get("/jobs/<job_id>/journal.jsonl")
@may(STAFF)
def download_journal(job_id: str) -> ResponseReturnValue:
    """The journal, as far as it is stored; ``sqlhosting journal report`` reads it."""
    job = _job(job_id)

    def lines() -> Iterator[str]:
        with database.reading() as session:
            for row in _statements(session, job):
                yield from (line + "\n" for line in journal_lines(row))

    database = web.runtime().database
    return _file(lines(), f"{job.id}.jsonl", "application/jsonl")


@jobs.get("/jobs/<job_id>/script.sql")
@may(STAFF)
def download_script(job_id: str) -> ResponseReturnValue:
    """What was sent (or planned) as a script for sqlcmd; ``?reads=yes`` adds what only reads."""
    job = _job(job_id)
    statements = [statement_from_row(row) for row in _statements(web.session(), job)]
    title = f"{job.title} (job {job.id})"
    lines = script_of(title, statements, reads=request.args.get("reads") == "yes")
    return _file(iter([line + "\n" for line in lines]), f"{job.id}.sql", "application/sql")


def _job(job_id: str) -> Job:
    return find_job(web.session(), current_user, job_id)


def _statements(session: Session, job: Job) -> Iterator[JobStatement]:
    query = (
        select(JobStatement)
        .where(JobStatement.job_id == job.id)
        .order_by(JobStatement.attempt, JobStatement.seq)
        .execution_options(yield_per=500)
    )
    yield from session.scalars(query)


def _file(pieces: Iterator[str], name: str, kind: str) -> Response:
    return Response(
        (piece.encode("utf-8") for piece in pieces),
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename={name}", "Cache-Control": "no-store"},
    )
