"""Seals of what a check-mode run would have sent: a plan is made of these rows, some time after."""

from __future__ import annotations

from typing import Any

from webapp.sealing import canonical, the_box
from webapp.statements.models import JobStatement

_PLANNED = (
    "id", "job_id", "attempt", "seq", "instance", "inventory_host", "database", "task", "template",
    "template_revision", "kind", "status", "text", "sha256", "secrets", "check_mode", "words", "object",
    "creates",
)  # fmt: skip


def sealed(row: JobStatement) -> str:
    """The seal of a planned statement as it is."""
    return the_box().sign(_document(row))


def is_sealed(row: JobStatement) -> bool:
    """Whether the statement is as the run's journal told it."""
    return row.seal is not None and the_box().is_signed(_document(row), row.seal)


def _document(row: JobStatement) -> bytes:
    columns: dict[str, Any] = {name: getattr(row, name) for name in _PLANNED}
    columns |= {"kind": row.kind.value, "status": row.status.value, "secrets": list(row.secrets or ())}
    return canonical({"version": 1, "what": "job_statements", **columns})
