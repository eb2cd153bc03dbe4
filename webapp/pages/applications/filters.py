"""The filter of the list of applications, from its address."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.applications.listing import ANY, ApplicationFilter
from webapp.applications.models import ApplicationState
from webapp.web.arguments import member, search_text


def application_filter(arguments: Mapping[str, str]) -> ApplicationFilter:
    """From a query string; a state that does not exist asks for nothing."""
    state = arguments.get("state")
    return ApplicationFilter(
        state=ANY if state == ANY else member(ApplicationState, state), q=search_text(arguments.get("q"))
    )
