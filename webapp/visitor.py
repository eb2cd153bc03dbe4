"""Who looks. The rule of what they see is in each room: ``visibility.py``."""

from __future__ import annotations

from typing import Any, Protocol


class Visitor(Protocol):
    """What has to be known of a user."""

    @property
    def id(self) -> Any:
        """The user's key."""

    @property
    def is_staff(self) -> bool:
        """Whether it is somebody of the hosting team."""
