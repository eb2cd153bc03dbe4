"""The stage of the room approvals."""

from tests.webapp.approvals.conftest import story

__all__ = ["story"]
