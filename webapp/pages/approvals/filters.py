"""The filter of the list of plans, from its address."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.bookings.listing import PlanFilter
from webapp.bookings.plans import PlanState
from webapp.web.arguments import member


def plan_filter(arguments: Mapping[str, str]) -> PlanFilter:
    """From a query string; a state that does not exist asks for nothing."""
    return PlanFilter(state=member(PlanState, arguments.get("state")))
