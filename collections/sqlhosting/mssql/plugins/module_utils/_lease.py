# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lease: a file that says until when this run may send changes.

Who runs playbooks for others holds each run under a lease, so that a run that was given up cannot go on
beside its successor. The file holds one line, a UNIX time in seconds (``time.time()``), and is replaced
(``os.replace``) at each renewal. It is read anew before each change: a time that was kept would be no lease.
"""

from __future__ import annotations

import math
import os
import time

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import LeaseLost

_LONGEST = 64  # bytes; more than any time has
_REMEDY = (
    "Nothing was sent by this statement. Look at what the run that took over has done, then start again: the "
    "modules look before they change."
)


class Lease:
    """``check()`` before each change."""

    def __init__(self, path: str, *, now=time.time) -> None:
        self.path = path
        self._now = now

    def check(self) -> None:
        """Raises :class:`LeaseLost` unless the file names a time that is still to come."""
        until = self._until()
        now = self._now()
        if not now < until:
            raise _lost(f"it ended {now - until:.1f} s ago")

    def _until(self) -> float:
        try:
            # Whatever lies there, opening it does not wait.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                data = os.read(descriptor, _LONGEST + 1)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise _lost(f"{self.path}: {exc.strerror or exc}") from None
        try:
            until = float(data.decode("ascii")) if len(data) <= _LONGEST else math.nan
        except ValueError:
            until = math.nan
        if not math.isfinite(until):
            raise _lost(f"{self.path} does not hold a time")
        return until


def _lost(why: str) -> LeaseLost:
    return LeaseLost(
        f"this run has lost its lease ({why}): another worker may have taken over", remedy=_REMEDY
    )
