"""The filter of applications, and what is shown of one, for every face. Who sees which: ``visibility.py``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select, func, or_, select

from webapp.accounts.models import User
from webapp.applications.connections import Endpoint
from webapp.applications.models import Application, ApplicationDatabase, ApplicationState

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


def deployed_databases(application: Application) -> list[ApplicationDatabase]:
    """Those that are there."""
    return [one for one in application.databases if one.state is ApplicationState.DEPLOYED]


def worst_percent(application: Application) -> float | None:
    """How full its fullest database is, in per cent of its data limit; None when nothing was measured."""
    shares = [
        100 * one.data_used_mib / one.data_limit_mib
        for one in deployed_databases(application)
        if one.data_used_mib is not None and one.data_limit_mib
    ]
    return max(shares, default=None)


def endpoint_of(application: Application, database: str, login: str) -> Endpoint | None:
    """Where customers reach ``database``; None before it is deployed."""
    connection = application.connection
    if not connection:
        return None
    instance = application.instance
    return Endpoint(
        host=connection["host"],
        port=int(connection["port"]) if connection.get("port") else None,
        database=database,
        login=login,
        trusts_certificate=bool(instance and instance.trust_server_certificate),
    )
