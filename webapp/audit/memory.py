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

    def compare(self, number: int, entry_hash: str) -> None:
        """Note for good that the head is older than what was seen, or another one. Ask under the head's lock.

        Without it, an older version that was put back would be forgotten with the next entries.
        """
        known = self.recall()
        if known is None or known[0] < number or known == (number, entry_hash):
            return
        _log.error("audit_is_older seen=%d head=%d", known[0], number)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            descriptor = os.open(self.alarm, flags, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{known[0]} {number}\n")
        except FileExistsError:
            return  # the first time counts
        except OSError as exc:
            _log.warning("audit_alarm_not_written path=%s error=%s", self.alarm, exc.strerror)

    def accept(self, number: int, entry_hash: str) -> None:
        """Remember this entry instead of later ones: it is right that it is older. Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.alarm.unlink(missing_ok=True)
        self.remember(number, entry_hash)

    @property
    def alarm(self) -> Path:
        """The file that says that an older version was there: the numbers of the entries seen and found."""
        return self.path.with_name(f"{self.path.name}.older")

    def was_older(self) -> str | None:
        """What was noted by :meth:`compare`: for instance ``120 110``; None when nothing was."""
        try:
            return self.alarm.read_text(encoding="ascii", errors="replace").strip() or "unknown"
        except OSError:
            return None

    def recall(self) -> tuple[int, str] | None:
        """(number, hash) of the newest entry that was seen; None when nothing is remembered."""
        try:
            known = _LINE.match(self.path.read_text(encoding="ascii", errors="replace"))
        except OSError:
            return None
        return (int(known[1]), known[2]) if known else None
