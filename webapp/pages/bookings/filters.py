"""The filter of the list of requests, from its address."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.bookings.kinds.registry import request_kinds
from webapp.bookings.listing import OPEN, BookingFilter
from webapp.bookings.models import BookingState
from webapp.web.arguments import member, search_text


def booking_filter(arguments: Mapping[str, str]) -> BookingFilter:
    """From a query string; states and kinds that do not exist ask for nothing."""
    state, kind = arguments.get("state"), arguments.get("kind")
    return BookingFilter(
        state=OPEN if state == OPEN else member(BookingState, state),
        kind=kind if kind in request_kinds() else None,
        q=search_text(arguments.get("q")),
    )
