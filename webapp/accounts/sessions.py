"""Log-ins as rows: which are open, and how they end."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.accounts.models import UserSession
from webapp.audit.operations import Actor, record
from webapp.database import now
from webapp.errors import NotFound


def open_sessions(session: Session, user_id: str) -> list[UserSession]:
    """The user's sessions that are in use, the newest first."""
    return list(
        session.scalars(
            select(UserSession)
            .where(
                UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now()
            )
            .order_by(UserSession.id.desc())
        )
    )


def end_sessions(session: Session, user_id: str, *, except_id: str | None = None) -> int:
    """End the user's sessions from the next request on; how many there were."""
    query = update(UserSession).where(
        UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now()
    )
    if except_id is not None:
        query = query.where(UserSession.id != except_id)
    return session.execute(query.values(ended_at=now(), seal=None)).rowcount  # type: ignore[attr-defined]


def end_session(session: Session, actor: Actor, session_id: str, *, user_id: str) -> None:
    """End one of the user's sessions; one that ended already stays so. Raises NotFound."""
    begun = session.scalars(
        select(UserSession).where(UserSession.id == session_id, UserSession.user_id == user_id)
    ).one_or_none()
    if begun is None:
        raise NotFound("There is no such session.")
    changed = session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.ended_at.is_(None))
        .values(ended_at=now(), seal=None)
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        record(
            session,
            actor,
            "session:ended",
            object_kind="user",
            object_id=user_id,
            session_id=session_id,
            address_of_session=begun.address,
        )
