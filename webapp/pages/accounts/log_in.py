"""The log-in behind the cookie: a random token in the cookie, its hash in user_sessions."""

from __future__ import annotations

import logging
import secrets
from datetime import timedelta

from flask import request
from flask import session as cookie
from flask_login import AnonymousUserMixin, UserMixin
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from webapp.accounts.hashes import token_hash
from webapp.accounts.models import PortalRole, User, UserSession, UserState
from webapp.database import now
from webapp.signed_rows import sign
from webapp.web import session as web
from webapp.web.extensions import login_manager

SEEN_EVERY = timedelta(minutes=1)

_log = logging.getLogger(__name__)


class LoggedIn(UserMixin):
    """The user of a request, as plain values: no row that could be written by accident."""

    def __init__(self, user: User, session_id: str, token: str) -> None:
        self.id = user.id
        self.email = user.email
        self.name = user.name
        self.role: PortalRole = user.role
        self.is_trusted = user.is_trusted
        self.is_staff = user.is_staff
        self.is_operator = user.is_operator
        self.is_admin = user.is_admin
        self.session_id = session_id
        self._token = token

    def get_id(self) -> str:
        """What Flask-Login keeps in the cookie."""
        return self._token


class Anonymous(AnonymousUserMixin):
    """Nobody."""

    id = None
    role = None
    email = name = "anonymous"
    is_staff = is_operator = is_admin = is_trusted = False


login_manager.anonymous_user = Anonymous
login_manager.session_protection = None  # addresses of phones change; the token is the protection


def begin_session(session: Session, user: User) -> LoggedIn:
    """A new session for ``user``; the caller hands it to flask_login.login_user and commits."""
    cookie.clear()  # nothing from before the log-in stays, the CSRF token included
    token = secrets.token_urlsafe(32)
    begun = UserSession(
        user_id=user.id,
        token_hash=token_hash(token),
        expires_at=now() + timedelta(hours=web.runtime().settings.session_hours),
        address=request.remote_addr,
        user_agent=(request.user_agent.string or "")[:300],
    )
    session.add(begun)
    user.last_login_at = now()
    sign(session, begun)
    return LoggedIn(user, begun.id, token)


@login_manager.user_loader
def load(token: str) -> LoggedIn | None:
    """The user whose cookie holds ``token``; None when the session ended or the user may no longer log in."""
    with web.runtime().database.reading() as session:
        row = session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(UserSession.token_hash == token_hash(token))
            .options(undefer(User.password_hash))
        ).one_or_none()
        if row is None:
            return None
        begun, user = row
        if begun.ended_at or begun.expires_at <= now() or user.state is not UserState.ACTIVE:
            return None
        if not (begun.is_intact and user.is_intact):
            _log.warning("row_not_intact session_id=%s user_id=%s", begun.id, user.id)
            return None
    if now() - begun.last_seen_at > SEEN_EVERY:
        with web.runtime().database.transaction() as session:
            session.get_one(UserSession, begun.id).last_seen_at = now()
    return LoggedIn(user, begun.id, token)
