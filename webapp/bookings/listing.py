"""The filters of requests and plans, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, and_, func, or_, select

from webapp.accounts.models import User
from webapp.applications.models import APPLICATION, Application
from webapp.bookings.models import ENDED_STATES, Booking, BookingState
from webapp.bookings.plans import Plan, PlanState

OPEN: Literal["open"] = "open"  # a word for all states in which something can still happen


@dataclass(frozen=True)
class BookingFilter:
    """Which requests a list shows; None and empty texts ask for nothing."""

    state: BookingState | Literal["open"] | None = None
    kind: str | None = None  # a name of ``kinds/registry.py``
    q: str = ""  # in the application's name or in its customer's e-mail; or the id

    def applied(self, query: Select[tuple[Booking]]) -> Select[tuple[Booking]]:
        """``query`` narrowed."""
        if self.state == OPEN:
            query = query.where(Booking.state.not_in(ENDED_STATES))
        elif self.state:
            query = query.where(Booking.state == self.state)
        if self.kind:
            query = query.where(Booking.kind == self.kind)
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
            query = query.where(
                or_(
                    and_(Booking.subject_kind == APPLICATION, Booking.subject_id.in_(of_text)),
                    Booking.id == self.q.upper(),
                )
            )
        return query


@dataclass(frozen=True)
class PlanFilter:
    """Which plans a list shows; None asks for nothing."""

    state: PlanState | None = None

    def applied(self, query: Select[tuple[Plan]]) -> Select[tuple[Plan]]:
        """``query`` narrowed."""
        return query if self.state is None else query.where(Plan.state == self.state)
