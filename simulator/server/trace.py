"""The trace: every message that an instance received, as JSON lines. The server-side truth of who sent what.

A line is handed to the operating system before the client hears the end of its message, so that it outlives
this process. Lines are appended as messages end; ``seq`` gives their order of arrival.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from simulator.server.masking import mask_secrets
from simulator.utf16 import characters

Kind = Literal["batch", "rpc", "transaction", "login"]
Outcome = Literal["ok", "error", "canceled", "dropped"]
FILE_MODE = 0o600  # texts of customers' databases


@dataclass
class Entry:
    """A message on its way; becomes a line when it ends. ``text`` is masked already."""

    seq: int
    at: datetime
    started: float
    instance: str
    kind: Kind
    text: str
    login: str = ""
    app_name: str = ""
    database: str = ""
    spid: int = 0
    fault: str | None = None
    error: int | None = None
    written: bool = field(default=False)

    def line(self, outcome: Outcome) -> dict[str, Any]:
        """The line's keys: see docs/simulator.md."""
        return {
            "at": self.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "seq": self.seq,
            "instance": self.instance,
            "spid": self.spid,
            "login": self.login,
            "app_name": self.app_name,
            "database": self.database,
            "kind": self.kind,
            "text": self.text,
            "outcome": outcome,
            "error": self.error,
            "duration_ms": round((time.perf_counter() - self.started) * 1000, 3),
            "fault": self.fault,
        }


class Trace:
    """Writes entries to a file, or nowhere when ``path`` is None. Raises OSError when it cannot be opened."""

    def __init__(self, path: Path | None) -> None:
        self._numbers = itertools.count(1)
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)

    def begin(self, instance: str, kind: Kind, text: str) -> Entry:
        """An entry for a message that arrives now."""
        return Entry(
            seq=next(self._numbers),
            at=datetime.now(UTC),
            started=time.perf_counter(),
            instance=instance,
            kind=kind,
            text=mask_secrets(text),
        )

    def end(self, entry: Entry, outcome: Outcome) -> None:
        """Write the entry's line, once."""
        if entry.written:
            return
        entry.written = True
        if self._file is not None:
            line = characters(json.dumps(entry.line(outcome), ensure_ascii=False)) + "\n"
            # Half a character becomes \\udXXX, which is how JSON writes it.
            os.write(self._file, line.encode("utf-8", "backslashreplace"))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
