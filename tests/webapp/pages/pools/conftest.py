"""Jobs that look at instances, as in the tests of the room pools."""

from tests.webapp.pools.conftest import looks

__all__ = ["looks"]
