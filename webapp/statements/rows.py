"""Stored statements as those of a journal: for the script, and as the journal's own lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from webapp.statements.journal import Statement, Status, error_text
from webapp.statements.models import JobStatement, StatementStatus


def journal_time(row: JobStatement) -> str:
    """When it began, as journals write it."""
    return row.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def statement_from_row(row: JobStatement) -> Statement:
    """The statement as a journal's reader knows it: one without outcome is of unknown outcome."""
    is_open = row.status is StatementStatus.SENT
    return Statement(
        statement_id=row.id,
        run=row.job_id,
        at=journal_time(row),
        instance=row.instance,
        inventory_host=row.inventory_host,
        task=row.task,
        database=row.database,
        template=row.template,
        kind=row.kind.value,
        text=row.text,
        sha256=row.sha256,
        check_mode=row.check_mode,
        status=Status.UNKNOWN if is_open else Status(row.status.value),
        secrets=tuple(row.secrets or ()),
        parameters=tuple(row.parameters or ()),
        duration_ms=row.duration_ms,
        rowcount=row.rowcount,
        messages=tuple(message_texts(row)),
        error=error_text(row.error),
        words=row.words,
        object=row.object,
        creates=row.creates,
    )


def message_texts(row: JobStatement) -> list[str]:
    """What the server said, message by message."""
    return [str(one["text"]) if isinstance(one, dict) else str(one) for one in row.messages or ()]


def journal_lines(row: JobStatement) -> Iterator[str]:
    """The statement's lines of a journal (docs/journal.md): planned; or intent, and outcome if any."""
    begun: dict[str, Any] = {
        "event": "planned" if row.status is StatementStatus.PLANNED else "intent",
        "statement_id": row.id,
        "run": row.job_id,
        "seq": row.seq,
        "at": journal_time(row),
        "instance": row.instance,
        "inventory_host": row.inventory_host,
        "task": row.task,
        "database": row.database,
        "template": row.template,
        "template_revision": row.template_revision,
        "kind": row.kind.value,
        "text": row.text,
        "sha256": row.sha256,
        "secrets": row.secrets or [],
        "parameters": row.parameters or [],
        "check_mode": row.check_mode,
        "words": row.words,
        "object": row.object,
        "creates": row.creates,
    }
    if row.plan_position is not None:
        begun["plan_position"] = row.plan_position
    yield json.dumps(begun, ensure_ascii=False)
    if row.status not in (StatementStatus.PLANNED, StatementStatus.SENT):
        ended = {key: begun[key] for key in ("statement_id", "run", "instance", "inventory_host", "database")}
        ended |= {
            "event": "outcome",
            "status": row.status.value,
            "duration_ms": row.duration_ms,
            "rowcount": row.rowcount,
            "messages": row.messages or [],
            "error": row.error,
        }
        yield json.dumps(ended, ensure_ascii=False)
