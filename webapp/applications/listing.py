"""The filter of applications, for every face that lists them. Who sees which: ``visibility.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select

from webapp.accounts.models import User
from webapp.applications.models import Application, ApplicationState
from webapp.search_text import search_text

ANY = "any"  # a word for all states
GONE = (ApplicationState.DELETED, ApplicationState.RELEASED)


@dataclass(frozen=True)
class ApplicationFilter:
    """What a list shows; empty fields ask for nothing, but what is gone is only shown when asked for."""

    state: str = ""
    q: str = ""  # in the name or in the customer's e-mail; or the id

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> ApplicationFilter:
        """From a query string; a state that does not exist asks for nothing."""
        state = arguments.get("state", "")
        return cls(
            state if state == ANY or state in set(ApplicationState) else "", search_text(arguments.get("q"))
        )

    def applied(self, query: Select[tuple[Application]]) -> Select[tuple[Application]]:
        """``query`` narrowed."""
        if self.state == "":
            query = query.where(Application.state.not_in(GONE))
        elif self.state != ANY:
            query = query.where(Application.state == ApplicationState(self.state))
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
