"""Store the lines of a journal, each statement once, whoever brings them and however often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.statements.models import JobStatement, StatementKind, StatementStatus
from webapp.statements.seals import sealed

_ID_CHARACTERS = 26
_OPEN = (StatementStatus.SENT, StatementStatus.UNKNOWN)


class StreamedJob(Protocol):
    """What this room needs of a job: its key and the position of the newest thing in its stream."""

    id: Any
    stream: Any


def changes_sent(session: Session, job_id: str) -> int:
    """How many changing statements the attempts of a job sent, whatever became of them."""
    query = select(func.count()).where(
        JobStatement.job_id == job_id,
        JobStatement.kind == StatementKind.CHANGE,
        JobStatement.status != StatementStatus.PLANNED,
    )
    return session.scalar(query) or 0


def store_lines(session: Session, job: StreamedJob, attempt: int, lines: Iterable[dict[str, Any]]) -> int:
    """Store journal lines in order; how many statements were new or changed.

    The caller holds the job's row in this transaction, so that ``job.stream`` has one writer. What is no
    journal line is left out.
    """
    usable = [line for line in lines if _is_usable(line)]
    rows = _stored(session, {line["statement_id"] for line in usable})
    touched: set[str] = set()
    for line in usable:
        key = line["statement_id"]
        row = rows.get(key)
        if row is None:
            row = rows[key] = _new_row(job.id, attempt, line)
            session.add(row)
        elif line["event"] != "outcome" or row.status not in _OPEN:
            continue  # was stored before
        if line["event"] == "outcome":
            _take_outcome(row, line)
        job.stream += 1
        row.stream = job.stream
        touched.add(key)
    session.flush()
    return len(touched)


def lines_without_row(session: Session, job_id: str, lines: Iterable[Any]) -> list[Any]:
    """Those of ``lines`` that are not stored: without a row of this job, or one that lacks their outcome.

    What is no journal line (``None`` of :func:`webapp.jobs.ingest.read_lines`) has no row and never gets one.
    """
    lines = list(lines)
    ids = {line["statement_id"] for line in lines if _is_usable(line)}
    query = select(JobStatement.id, JobStatement.status).where(
        JobStatement.job_id == job_id, JobStatement.id.in_(ids)
    )
    stored = {row.id: row.status for row in session.execute(query)}
    return [line for line in lines if not (_is_usable(line) and _is_in(line, stored))]


def _is_in(line: dict[str, Any], stored: dict[str, StatementStatus]) -> bool:
    status = stored.get(line["statement_id"])
    is_open = status is None or (line["event"] == "outcome" and status in _OPEN)
    return not is_open or (status is not None and status.value == line.get("status"))


def end_unknown(session: Session, job: StreamedJob) -> int:
    """The job or its attempt ended: statements without an outcome are unknown now; how many there were."""
    open_ones = session.scalars(
        select(JobStatement)
        .where(JobStatement.job_id == job.id, JobStatement.status == StatementStatus.SENT)
        .order_by(JobStatement.attempt, JobStatement.seq)
    ).all()
    for row in open_ones:
        job.stream += 1
        row.status, row.stream = StatementStatus.UNKNOWN, job.stream
    session.flush()
    return len(open_ones)


def _stored(session: Session, ids: set[str]) -> dict[str, JobStatement]:
    query = select(JobStatement).where(JobStatement.id.in_(ids))
    return {row.id: row for row in session.scalars(query)}


def _is_usable(line: Any) -> bool:
    return (
        isinstance(line, dict)
        and line.get("event") in ("planned", "intent", "outcome")
        and all(isinstance(line.get(key), str) for key in ("statement_id", "at", "text", "kind", "sha256"))
        and line["statement_id"].isascii()
        and line["statement_id"].isprintable()
        and len(line["statement_id"]) <= _ID_CHARACTERS
        and line["kind"] in tuple(StatementKind)
        and (line["event"] != "outcome" or line.get("status") in ("ok", "error", "unknown"))
    )


def _new_row(job_id: str, attempt: int, line: dict[str, Any]) -> JobStatement:
    status = StatementStatus.PLANNED if line["event"] == "planned" else StatementStatus.SENT
    row = JobStatement(
        id=line["statement_id"],
        job_id=job_id,
        attempt=attempt,
        seq=int(line.get("seq") or 0),
        at=datetime.fromisoformat(line["at"].replace("Z", "+00:00")),
        instance=_clean(line.get("instance"), 300) or "",
        inventory_host=_clean(line.get("inventory_host"), 63),
        database=_clean(line.get("database"), 128) or "",
        task=_clean(line.get("task"), 500),
        template=_clean(line.get("template"), 128) or "",
        template_revision=_clean(line.get("template_revision"), 64),
        kind=StatementKind(line["kind"]),
        status=status,
        text=_clean(line["text"]) or "",
        sha256=line["sha256"][:64],
        secrets=line.get("secrets"),
        parameters=line.get("parameters"),
        check_mode=bool(line.get("check_mode")),
        plan_position=line.get("plan_position"),
        words=_clean(line.get("words"), 1000),
        object=_clean(line.get("object"), 300),
        creates=_clean(line.get("creates"), 300),
    )
    if status is StatementStatus.PLANNED:
        row.seal = sealed(row)
    return row


def _take_outcome(row: JobStatement, line: dict[str, Any]) -> None:
    row.status = StatementStatus(line["status"])
    row.duration_ms, row.rowcount = line.get("duration_ms"), line.get("rowcount")
    row.messages, row.error = line.get("messages"), line.get("error")


def _clean(value: Any, length: int | None = None) -> str | None:
    """Text that every database takes: without NUL, cut to the column."""
    return None if value is None else str(value).replace("\x00", "")[:length]
