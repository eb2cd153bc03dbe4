"""The newest audit entry that this machine has seen, outside the database: a file in the data folder.

Whoever can write to the database alone can put back an older version of it, seals and all. They cannot make
this machine forget.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\d{1,18}) ([0-9a-f]{64})\n")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AuditMemory:
    """Remembers in ``path``, which is made with the first entry."""

    path: Path

    def remember(self, number: int, entry_hash: str) -> None:
        """Note the entry, unless a later one is known. What cannot be written is logged: it is committed."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "r+", encoding="ascii", errors="replace") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                known = _LINE.match(file.read())
                if known is None or int(known[1]) < number:
                    os.pwrite(file.fileno(), f"{number} {entry_hash}\n".encode("ascii"), 0)
        except OSError as exc:
            _log.warning("audit_head_not_remembered path=%s error=%s", self.path, exc.strerror)

    def recall(self) -> tuple[int, str] | None:
        """(number, hash) of the newest entry that was seen; None when nothing is remembered."""
        try:
            known = _LINE.match(self.path.read_text(encoding="ascii", errors="replace"))
        except OSError:
            return None
        return (int(known[1]), known[2]) if known else None
