"""The filter of users, for every face that lists them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, or_

from webapp.accounts.models import PortalRole, User, UserState


@dataclass(frozen=True)
class UserFilter:
    """Which users a list shows; None and empty texts ask for nothing."""

    q: str = ""  # in the name or the e-mail
    state: UserState | None = None
    role: PortalRole | None = None

    def applied(self, query: Select[tuple[User]]) -> Select[tuple[User]]:
        """``query`` narrowed."""
        if self.q:
            texts = (one.icontains(self.q, autoescape=True) for one in (User.email, User.name))
            query = query.where(or_(*texts))
        if self.state:
            query = query.where(User.state == self.state)
        if self.role:
            query = query.where(User.role == self.role)
        return query
