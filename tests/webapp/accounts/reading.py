"""What tests of accounts read from the database."""

from __future__ import annotations

from sqlalchemy import select

from tests.support.portal import Portal
from webapp.accounts.models import User
from webapp.audit.models import AuditEntry


def user_with(portal: Portal, email: str) -> User | None:
    """The user with this address."""
    with portal.database.reading() as session:
        return session.scalars(select(User).where(User.email == email)).one_or_none()


def again(portal: Portal, user: User) -> User:
    """The row as it is now."""
    with portal.database.reading() as session:
        return session.get_one(User, user.id)


def actions(portal: Portal, object_id: str | None = None) -> list[str]:
    """The audit's actions in order, of one object or of all."""
    query = select(AuditEntry.action).order_by(AuditEntry.number)
    if object_id is not None:
        query = query.where(AuditEntry.object_id == object_id)
    with portal.database.reading() as session:
        return list(session.scalars(query))
