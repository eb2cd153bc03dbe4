"""The estate's time: one place, so that it can be replaced."""

from __future__ import annotations

from datetime import UTC, datetime


class Clock:
    """Wall-clock time, as the instances' machines have it."""

    def now(self) -> datetime:
        """The time in UTC, aware."""
        return datetime.now(UTC)

    def local(self) -> datetime:
        """The machine's local time, naive, as GETDATE() and the catalogue's create_date give it."""
        return self.now().astimezone().replace(tzinfo=None)
