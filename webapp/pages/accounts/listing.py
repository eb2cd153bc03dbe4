"""What the pages about users show."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.listing import UserFilter
from webapp.accounts.models import User, UserState
from webapp.audit.models import AuditEntry
from webapp.bookings.models import Booking
from webapp.bookings.visibility import own_bookings, with_application
from webapp.web import session as web

SHOWN_BOOKINGS = 20
SHOWN_ENTRIES = 50
LARGEST_NUMBER = 2**31 - 1  # of a column of this kind, on every database


def pending_users(session: Session) -> list[User]:
    """Who waits for an admin, the longest first; as many as a page holds."""
    query = select(User).where(User.state == UserState.PENDING).order_by(User.id).limit(web.PAGE_SIZE)
    return list(session.scalars(query))


def users_page(session: Session, wanted: UserFilter, *, after: str | None = None) -> web.Page:
    """Users whom ``wanted`` fits, after the id ``after``."""
    return web.page_by_id(wanted.applied(select(User)), User.id, after=after)


def bookings_of(session: Session, user: User) -> list[Booking]:
    """The newest requests of the user, or about what is theirs."""
    query = own_bookings(user).options(*with_application()).order_by(Booking.id.desc()).limit(SHOWN_BOOKINGS)
    return list(session.scalars(query))


def about_user(session: Session, user_id: str, *, before: int | None = None) -> list[AuditEntry]:
    """What happened to the user and what they did to their account, the newest first."""
    query = select(AuditEntry).where(AuditEntry.object_kind == "user", AuditEntry.object_id == user_id)
    if before is not None:
        query = query.where(AuditEntry.number < min(max(before, 0), LARGEST_NUMBER))
    return list(session.scalars(query.order_by(AuditEntry.number.desc()).limit(SHOWN_ENTRIES)))
