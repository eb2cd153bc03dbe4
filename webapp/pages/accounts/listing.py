"""What the pages about users show."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager

from webapp.accounts.models import PortalRole, User, UserState
from webapp.audit.models import AuditEntry
from webapp.bookings.models import Booking
from webapp.bookings.visibility import own_bookings
from webapp.web import session as web

SHOWN_BOOKINGS = 20
SHOWN_ENTRIES = 50
LARGEST_NUMBER = 2**31 - 1  # of a column of this kind, on every database


def pending_users(session: Session) -> list[User]:
    """Who waits for an admin, the longest first; as many as a page holds."""
    query = select(User).where(User.state == UserState.PENDING).order_by(User.id).limit(web.PAGE_SIZE)
    return list(session.scalars(query))


def users_page(
    session: Session, *, query: str = "", state: str = "", role: str = "", after: str | None = None
) -> web.Page:
    """Users whose name or e-mail holds ``query``; states and roles that do not exist are not looked at."""
    chosen = select(User)
    if query:
        pattern = "%" + "".join(f"\\{each}" if each in "\\%_" else each for each in query[:100]) + "%"
        chosen = chosen.where(
            or_(User.email.ilike(pattern, escape="\\"), User.name.ilike(pattern, escape="\\"))
        )
    if state in set(UserState):
        chosen = chosen.where(User.state == UserState(state))
    if role in set(PortalRole):
        chosen = chosen.where(User.role == PortalRole(role))
    return web.page_by_id(chosen, User.id, after=after)


def bookings_of(session: Session, user: User) -> list[Booking]:
    """The newest requests of the user, or about what is theirs."""
    query = (
        own_bookings(user)
        .options(contains_eager(Booking.application))
        .order_by(Booking.id.desc())
        .limit(SHOWN_BOOKINGS)
    )
    return list(session.scalars(query))


def about_user(session: Session, user_id: str, *, before: int | None = None) -> list[AuditEntry]:
    """What happened to the user and what they did to their account, the newest first."""
    query = select(AuditEntry).where(AuditEntry.object_kind == "user", AuditEntry.object_id == user_id)
    if before is not None:
        query = query.where(AuditEntry.number < min(max(before, 0), LARGEST_NUMBER))
    return list(session.scalars(query.order_by(AuditEntry.number.desc()).limit(SHOWN_ENTRIES)))
