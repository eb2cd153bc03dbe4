"""Read a journal: JSON lines as the collection's modules append them (docs/journal.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any


class Status(StrEnum):
    """What became of a statement."""

    PLANNED = "planned"  # check mode: not sent
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"  # sent, but the outcome never came back


class JournalError(Exception):
    """The file is missing or holds no journal."""


@dataclass(frozen=True)
class Statement:
    """One statement with its outcome."""

    statement_id: str
    run: str
    at: str
    instance: str
    inventory_host: str | None
    task: str | None
    database: str
    template: str
    kind: str
    text: str
    sha256: str
    check_mode: bool
    status: Status
    secrets: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    duration_ms: float | None = None
    rowcount: int | None = None
    messages: tuple[str, ...] = ()
    error: str | None = None
    words: str | None = None
    object: str | None = None
    creates: str | None = None

    @property
    def is_change(self) -> bool:
        """Whether it changes something when it is sent."""
        return self.kind == "change"


@dataclass(frozen=True)
class Journal:
    """A journal's statements in the order in which they were written."""

    path: Path
    statements: tuple[Statement, ...]
    unreadable_lines: int = 0
    runs: tuple[str, ...] = field(default=())


def read_journal(path: Path) -> Journal:
    """Read a journal; torn lines are counted, not fatal. Raises :class:`JournalError`."""
    if path.exists() and not path.is_file():
        raise JournalError(f"{path}: not a file")  # a device may never end
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise JournalError(f"{path}: {exc.strerror}") from exc
    found: dict[str, Statement] = {}
    unreadable = 0
    for raw in data.split(b"\n"):
        if not raw.strip():
            continue
        try:
            line = json.loads(raw)
            event, key = line["event"], line["statement_id"]
            if event == "outcome":
                begun = found.get(key) or _begun(line, Status.UNKNOWN)
                found[key] = _ended(begun, line)
            else:
                found[key] = _begun(line, Status.PLANNED if event == "planned" else Status.UNKNOWN)
        except (ValueError, KeyError, TypeError):
            unreadable += 1
    if not found and unreadable:
        raise JournalError(f"{path}: holds no journal line")
    statements = tuple(found.values())
    return Journal(path, statements, unreadable, tuple(dict.fromkeys(s.run for s in statements)))


def _begun(line: dict[str, Any], status: Status) -> Statement:
    return Statement(
        statement_id=line["statement_id"],
        run=line["run"],
        at=line["at"],
        instance=line["instance"],
        inventory_host=line.get("inventory_host"),
        task=line.get("task"),
        database=line["database"],
        template=line["template"],
        kind=line["kind"],
        text=line["text"],
        sha256=line["sha256"],
        check_mode=bool(line["check_mode"]),
        status=status,
        secrets=tuple(line.get("secrets") or ()),
        parameters=tuple(line.get("parameters") or ()),
        words=line.get("words"),
        object=line.get("object"),
        creates=line.get("creates"),
    )


def _ended(statement: Statement, line: dict[str, Any]) -> Statement:
    return replace(
        statement,
        status=Status(line["status"]),
        duration_ms=line.get("duration_ms"),
        rowcount=line.get("rowcount"),
        messages=tuple(str(message["text"]) for message in line.get("messages") or ()),
        error=error_text(line.get("error")),
    )


def error_text(error: dict[str, Any] | None) -> str | None:
    """An outcome's error on one line, with its number."""
    if not error:
        return None
    number = error.get("number")
    return f"{error['message']}{f' (error {number})' if number else ''}"
