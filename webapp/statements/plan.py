"""Make a plan of a check-mode journal: the ordered list of changing statements that an approval is bound to.

The format is the one that the collection's modules verify (``module_utils/_plan.py``, docs/journal.md).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from webapp.statements.journal import Journal, JournalError, Status

VERSION = 1
FIELDS = ("instance", "database", "template", "sha256", "text")


def plan_from(journal: Journal, *, run: str | None = None) -> dict[str, Any]:
    """The plan of one run. Raises :class:`JournalError` when the journal cannot be one run's plan."""
    runs = (
        [run] if run else list(dict.fromkeys(s.run for s in journal.statements if s.status is Status.PLANNED))
    )
    if len(runs) > 1:
        raise JournalError(
            f"{journal.path} holds plans of {len(runs)} runs ({', '.join(runs)}): choose one by --run"
        )
    chosen = [s for s in journal.statements if not runs or s.run == runs[0]]
    planned = [s for s in chosen if s.status is Status.PLANNED]
    if not chosen:
        raise JournalError(f"{journal.path} holds no statement{f' of run {run}' if run else ''}")
    if not planned and any(s.is_change for s in chosen):
        raise JournalError(f"{journal.path} is the journal of a real run: run with --check to get a plan")
    statements = [{name: getattr(s, name) for name in FIELDS} for s in planned]
    return {"version": VERSION, "hash": plan_hash(statements), "statements": statements}


def plan_hash(statements: list[dict[str, Any]]) -> str:
    """sha256 over the canonical JSON of the statements: lists of instance, database, template, sha256 and
    text."""
    rows = [[statement[name] for name in FIELDS] for statement in statements]
    canonical = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
