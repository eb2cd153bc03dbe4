"""The filter of requests, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select

from webapp.accounts.models import User
from webapp.applications.models import Application
from webapp.bookings.models import ENDED_STATES, Booking, BookingKind, BookingState
from webapp.search_text import search_text

OPEN = "open"  # a word for all states in which something can still happen


@dataclass(frozen=True)
class BookingFilter:
    """What a list shows; empty fields ask for nothing."""

    state: str = ""
    kind: str = ""
    q: str = ""  # in the application's name or in its customer's e-mail; or the id

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> BookingFilter:
        """From a query string; states and kinds that do not exist ask for nothing."""
        state, kind = arguments.get("state", ""), arguments.get("kind", "")
        return cls(
            state if state == OPEN or state in set(BookingState) else "",
            kind if kind in set(BookingKind) else "",
            search_text(arguments.get("q")),
        )

    def applied(self, query: Select[tuple[Booking]]) -> Select[tuple[Booking]]:
        """``query`` narrowed."""
        if self.state == OPEN:
            query = query.where(Booking.state.not_in(ENDED_STATES))
        elif self.state:
            query = query.where(Booking.state == BookingState(self.state))
        if self.kind:
            query = query.where(Booking.kind == BookingKind(self.kind))
        if self.q:
            of_text = (
                select(Application.id)
                .join(User, User.id == Application.customer_id)
                .where(
                    or_(
                        func.lower(Application.name).contains(self.q.lower(), autoescape=True),
                        User.email.icontains(self.q, autoescape=True),
                    )
                )
            )
            query = query.where(or_(Booking.application_id.in_(of_text), Booking.id == self.q.upper()))
        return query
