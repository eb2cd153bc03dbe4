"""API tokens: ``sqlh_`` and 43 random characters, shown once; the database keeps a hash."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from webapp.accounts.fields import name_from
from webapp.accounts.hashes import token_hash
from webapp.accounts.models import ApiToken, PortalRole, User, UserState
from webapp.audit.operations import Actor, record
from webapp.database import Database, now
from webapp.errors import Conflict, InvalidInput, NotAllowed, NotFound
from webapp.signed_rows import sign

PREFIX = "sqlh_"
LONGEST_DAYS = 3650
USED_EVERY = timedelta(minutes=1)  # last_used_at is written no more often


@dataclass(frozen=True)
class NewToken:
    """A token just made; ``secret`` is known here only."""

    row: ApiToken
    secret: str


def create_token(
    session: Session,
    actor: Actor,
    user: User,
    *,
    name: str | None,
    days: int | None,
    sees_secrets: bool = False,
) -> NewToken:
    """A new token for ``user``. ``days``: how long it works; None: until it is revoked.

    Raises InvalidInput, NotAllowed (``sees_secrets`` is for admins), Conflict (a name that is in use).
    """
    name = name_from(name)
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput("days", f"{days} days are not possible", f"Give 1 to {LONGEST_DAYS}")
    if sees_secrets and user.role is not PortalRole.ADMIN:
        raise NotAllowed("Only an admin's token may see passwords of elevated accounts.")
    # Locks the user's row: the same form sent twice makes one token.
    session.execute(update(User).where(User.id == user.id).values(name=User.name))
    if any(token.name == name for token in tokens_of(session, user.id) if is_usable(token)):
        raise Conflict(f"You have a token named {name} already. Revoke it, or choose another name.")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        user_id=user.id,
        name=name,
        token_hash=token_hash(secret),
        sees_secrets=sees_secrets,
        expires_at=None if days is None else now() + timedelta(days=days),
    )
    session.add(row)
    sign(session, row)
    record(
        session,
        actor,
        "api_token:created",
        object_kind="api_token",
        object_id=row.id,
        object_name=name,
        user_id=user.id,
        sees_secrets=sees_secrets,
        days=days,
    )
    return NewToken(row, secret)


def revoke_token(session: Session, actor: Actor, token_id: str, *, user_id: str) -> ApiToken:
    """End a token of the user's own; one that is revoked already stays so. Raises NotFound."""
    token = session.scalars(
        select(ApiToken).where(ApiToken.id == token_id, ApiToken.user_id == user_id)
    ).one_or_none()
    if token is None:
        raise NotFound("There is no such token.")
    changed = session.execute(
        update(ApiToken)
        .where(ApiToken.id == token_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now(), seal=None)
    )
    if changed.rowcount:  # type: ignore[attr-defined]
        record(
            session,
            actor,
            "api_token:revoked",
            object_kind="api_token",
            object_id=token.id,
            object_name=token.name,
            user_id=user_id,
        )
    return token


def tokens_of(session: Session, user_id: str) -> list[ApiToken]:
    """The user's tokens, the newest first."""
    return list(
        session.scalars(select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc()))
    )


def is_usable(token: ApiToken, at: datetime | None = None) -> bool:
    """Whether the token is neither revoked nor expired."""
    return token.revoked_at is None and (token.expires_at is None or token.expires_at > (at or now()))


def find_token(session: Session, secret: str) -> ApiToken | None:
    """The usable token behind ``secret`` with its user, who may log in; None otherwise."""
    if not secret.startswith(PREFIX):
        return None
    token = session.scalars(
        select(ApiToken)
        .where(ApiToken.token_hash == token_hash(secret))
        .options(joinedload(ApiToken.user).undefer(User.password_hash))
    ).one_or_none()
    if token is None or not is_usable(token) or token.user.state is not UserState.ACTIVE:
        return None
    return token if token.is_intact and token.user.is_intact else None


def take_secrets_from(session: Session, user_id: str) -> None:
    """Let none of the user's tokens see passwords any more."""
    for token in tokens_of(session, user_id):
        if token.sees_secrets:
            was_intact = token.is_intact
            token.sees_secrets = False
            if was_intact:
                sign(session, token)


def note_use(database: Database, token: ApiToken) -> None:
    """Write down that the token was used, in a transaction of its own; at most once a minute."""
    if token.last_used_at is not None and now() - token.last_used_at < USED_EVERY:
        return
    with database.transaction() as session:
        session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used_at=now()))
