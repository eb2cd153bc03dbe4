"""Registering, and what users do with their own account. What admins do with users: user_operations.py."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.accounts.fields import email_from, name_from, new_password_from, text_from
from webapp.accounts.listing import user_by_email, user_by_id
from webapp.accounts.models import PortalRole, User, UserState
from webapp.accounts.passwords import hash_password, is_password
from webapp.accounts.sessions import end_sessions
from webapp.audit.operations import Actor, record
from webapp.database import locked, now
from webapp.errors import Conflict, InvalidInput, NotFound
from webapp.signed_rows import changing, sign


def locked_user(session: Session, user_id: str) -> User:
    """The user as they are now, locked until the transaction ends. Raises NotFound."""
    user = locked(session, User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def authenticate(session: Session, email: str, password: str) -> User | None:
    """The user with this e-mail and password, whatever their state; None when either is wrong."""
    user = user_by_email(session, email)
    if not is_password(password, user.password_hash if user else None):
        return None
    return user


def register(
    session: Session, *, email: str, name: str, password: str, message: str | None, address: str | None
) -> User | None:
    """A user who waits for an admin; None when the e-mail has an account, which callers must not tell apart.

    Takes the same time in both cases. Raises InvalidInput.
    """
    email, name = email_from(email), name_from(name)
    message = text_from(message, field="message")
    hashed = hash_password(new_password_from(password, email=email))
    existing = user_by_email(session, email)
    user = User(email=email, name=name, password_hash=hashed, message=message)
    if existing is not None or not _inserted(session, user):
        existing = existing or user_by_email(session, email)
        record(
            session,
            Actor("user", "anonymous", address=address),
            "user:registered_again",
            object_kind="user",
            object_id=existing.id if existing else None,
            object_name=email,
        )
        return None
    by = Actor("user", user.email, id=user.id, address=address)
    record(session, by, "user:registered", object_kind="user", object_id=user.id, object_name=user.email)
    return user


def create_active_user(
    session: Session, actor: Actor, *, email: str, name: str, password: str, role: PortalRole
) -> User:
    """A user who may log in at once. Raises InvalidInput, Conflict when the e-mail has an account."""
    email, name = email_from(email), name_from(name)
    hashed = hash_password(new_password_from(password, email=email))
    user = User(
        email=email, name=name, password_hash=hashed, role=role, state=UserState.ACTIVE, decided_at=now()
    )
    if user_by_email(session, email) is not None or not _inserted(session, user):
        raise Conflict(f"{email} has an account already; see 'sqlhosting user list'")
    record(
        session,
        actor,
        "user:created",
        object_kind="user",
        object_id=user.id,
        object_name=email,
        role=role.value,
    )
    return user


def change_name(session: Session, actor: Actor, user_id: str, name: str | None) -> None:
    """The name that colleagues see. Raises InvalidInput."""
    user, new = user_by_id(session, user_id), name_from(name)
    if new == user.name:
        return
    old, user.name = user.name, new
    record(
        session,
        actor,
        "user:renamed",
        object_kind="user",
        object_id=user.id,
        object_name=user.email,
        old=old,
        new=new,
    )


def change_password(
    session: Session, actor: Actor, user_id: str, *, current: str, new: str, kept_session_id: str
) -> int:
    """A new password; ends the user's other sessions and says how many. Raises InvalidInput."""
    user = locked_user(session, user_id)
    if not is_password(current, user.password_hash):
        raise InvalidInput("current", "This is not your password", "Type the one that you log in with")
    new_password_from(new, email=user.email)
    if is_password(new, user.password_hash):
        raise InvalidInput("password", "This is the password that you have", "Choose another one")
    with changing(session, user):
        user.password_hash = hash_password(new)
    ended = end_sessions(session, user_id, except_id=kept_session_id)
    record(
        session,
        actor,
        "user:password_changed",
        object_kind="user",
        object_id=user.id,
        object_name=user.email,
        ended_sessions=ended,
    )
    return ended


def reset_password(session: Session, actor: Actor, *, email: str, password: str) -> int:
    """Set somebody's password and end all their sessions; how many. Raises NotFound, InvalidInput."""
    user = user_by_email(session, email)
    if user is None:
        raise NotFound(f"no user has the e-mail {email}; see 'sqlhosting user list'")
    user = locked_user(session, user.id)
    with changing(session, user):
        user.password_hash = hash_password(new_password_from(password, email=user.email))
    ended = end_sessions(session, user.id)
    record(
        session,
        actor,
        "user:password_reset",
        object_kind="user",
        object_id=user.id,
        object_name=user.email,
        ended_sessions=ended,
    )
    return ended


def _inserted(session: Session, user: User) -> bool:
    """Whether the row could be added; not when somebody took the e-mail a moment ago."""
    try:
        with session.begin_nested():
            session.add(user)
            sign(session, user)
    except IntegrityError:
        return False
    return True
