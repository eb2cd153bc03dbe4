"""Find users: one of them, and the filter for every face that lists them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, undefer

from webapp.accounts.fields import email_from
from webapp.accounts.models import PortalRole, User, UserState
from webapp.errors import InvalidInput, NotFound


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


def pending_count(session: Session) -> int:
    """How many users wait for an admin."""
    return session.scalar(select(func.count()).where(User.state == UserState.PENDING)) or 0


def user_by_email(session: Session, email: str) -> User | None:
    """The user with this address, with the password's hash; the spelling of the address is not important."""
    try:
        address = email_from(email)
    except InvalidInput:
        return None
    query = select(User).where(User.email == address).options(undefer(User.password_hash))
    return session.scalars(query).one_or_none()


def user_by_id(session: Session, user_id: str) -> User:
    """The user. Raises NotFound."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user
