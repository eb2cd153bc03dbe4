"""Fixtures of the room bookings."""

from __future__ import annotations

import pytest

from tests.support.hosting import Hosting, create_hosting
from tests.support.portal import Portal


@pytest.fixture
def hosting(portal: Portal) -> Hosting:
    """A pool with an instance that was looked at."""
    return create_hosting(portal)
