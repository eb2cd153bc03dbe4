"""The filter of the list of users, from its address."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.accounts.listing import UserFilter
from webapp.accounts.models import PortalRole, UserState
from webapp.web.arguments import member, search_text


def user_filter(arguments: Mapping[str, str]) -> UserFilter:
    """From a query string; states and roles that do not exist ask for nothing."""
    return UserFilter(
        q=search_text(arguments.get("q")),
        state=member(UserState, arguments.get("state")),
        role=member(PortalRole, arguments.get("role")),
    )
