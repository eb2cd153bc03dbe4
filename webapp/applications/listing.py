"""The filter of applications, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, func, or_, select

from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationState

ANY: Literal["any"] = "any"  # a word for all states
GONE = (ApplicationState.DELETED, ApplicationState.RELEASED)


@dataclass(frozen=True)
class ApplicationFilter:
    """Which applications a list shows; an empty text asks for nothing.

    ``state`` None: all but what is gone, which is only shown when it is asked for.
    """

    state: ApplicationState | Literal["any"] | None = None
    q: str = ""  # in the name or in the customer's e-mail; or the id

    def applied(self, query: Select[tuple[Application]]) -> Select[tuple[Application]]:
        """``query`` narrowed."""
        if self.state is None:
            query = query.where(Application.state.not_in(GONE))
        elif self.state != ANY:
            query = query.where(Application.state == self.state)
        if self.q:
            customers = select(User.id).where(User.email.icontains(self.q, autoescape=True))
            query = query.where(
                or_(
                    func.lower(Application.name).contains(self.q.lower(), autoescape=True),
                    Application.customer_id.in_(customers),
                    Application.id == self.q.upper(),
                )
            )
        return query
