"""Fixtures of the bookings room."""

from tests.webapp.pools.conftest import looks

__all__ = ["looks"]
