"""What admins do with users: let them in or not, give roles and trust, disable.

Every change is conditional on what the admin saw, so two admins cannot both win; the second hears who did.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session, undefer

from webapp.accounts.fields import required_text_from
from webapp.accounts.listing import user_by_id
from webapp.accounts.models import PortalRole, User, UserState
from webapp.accounts.operations import locked_user
from webapp.accounts.sessions import end_sessions
from webapp.accounts.tokens import take_secrets_from
from webapp.audit.operations import Actor, record
from webapp.database import now
from webapp.errors import Conflict
from webapp.signed_rows import changing

LAST_ADMIN = "This is the last admin who can log in. Make somebody else an admin first."
_WORDS = {UserState.ACTIVE: "approved", UserState.REJECTED: "rejected", UserState.DISABLED: "disabled"}


def approve_user(
    session: Session,
    actor: Actor,
    user_id: str,
    *,
    role: PortalRole,
    is_trusted: bool = False,
    seen: UserState = UserState.PENDING,
) -> User:
    """Let a pending user in, or a rejected one after all. Approving again what one approved changes nothing.

    ``seen``: the state that the admin saw. Raises NotFound, Conflict that says who decided otherwise.
    """
    return _decide(
        session,
        actor,
        user_id,
        to=UserState.ACTIVE,
        expected=(UserState.REJECTED if seen is UserState.REJECTED else UserState.PENDING,),
        action="user:approved",
        values={"role": role, "is_trusted": is_trusted, "decision_reason": None},
        details={"role": role.value, "is_trusted": is_trusted},
    )


def reject_user(session: Session, actor: Actor, user_id: str, *, reason: str | None) -> User:
    """Keep a pending user out; they read ``reason`` when they try to log in.

    Raises InvalidInput, NotFound, Conflict that says who decided otherwise.
    """
    reason = required_text_from(reason, field="reason")
    return _decide(
        session,
        actor,
        user_id,
        to=UserState.REJECTED,
        expected=(UserState.PENDING,),
        action="user:rejected",
        values={"decision_reason": reason},
        details={"reason": reason},
    )


def disable_user(session: Session, actor: Actor, user_id: str, *, reason: str | None) -> User:
    """Keep a user out from the next request on. Raises InvalidInput, NotFound, Conflict (the last admin)."""
    reason = required_text_from(reason, field="reason")
    _keep_an_admin(session, user_id)
    user = _decide(
        session,
        actor,
        user_id,
        to=UserState.DISABLED,
        expected=(UserState.ACTIVE,),
        action="user:disabled",
        values={"decision_reason": reason},
        details={"reason": reason},
    )
    end_sessions(session, user_id)
    return user


def enable_user(session: Session, actor: Actor, user_id: str) -> User:
    """Let a disabled user in again. Raises NotFound, Conflict."""
    return _decide(
        session,
        actor,
        user_id,
        to=UserState.ACTIVE,
        expected=(UserState.DISABLED,),
        action="user:enabled",
        values={"decision_reason": None},
        details={},
    )


def change_role(session: Session, actor: Actor, user_id: str, role: PortalRole) -> User:
    """Another role, from the next request on. Raises NotFound, Conflict (the last admin, or not active)."""
    if role is not PortalRole.ADMIN:
        _keep_an_admin(session, user_id)
    user = locked_user(session, user_id)
    old = user.role
    if old is role:
        return user
    if user.state is not UserState.ACTIVE:
        raise Conflict(_what_happened(user))
    with changing(session, user):
        user.role = role
    if role is not PortalRole.ADMIN:
        take_secrets_from(session, user_id)
    record(
        session,
        actor,
        "user:role_changed",
        object_kind="user",
        object_id=user.id,
        object_name=user.email,
        old=old.value,
        new=role.value,
    )
    return user


def set_trusted(session: Session, actor: Actor, user_id: str, *, is_trusted: bool) -> User:
    """Whether policies may approve the user's small bookings. Raises NotFound."""
    user = locked_user(session, user_id)
    if user.is_trusted != is_trusted:
        with changing(session, user):
            user.is_trusted = is_trusted
        action = "user:trusted" if is_trusted else "user:distrusted"
        record(session, actor, action, object_kind="user", object_id=user.id, object_name=user.email)
    return user


def end_all_sessions(session: Session, actor: Actor, user_id: str) -> int:
    """Log a user out everywhere; how many sessions there were. Raises NotFound."""
    user = user_by_id(session, user_id)
    ended = end_sessions(session, user_id)
    if ended:
        record(
            session,
            actor,
            "user:sessions_ended",
            object_kind="user",
            object_id=user.id,
            object_name=user.email,
            count=ended,
        )
    return ended


def _decide(
    session: Session,
    actor: Actor,
    user_id: str,
    *,
    to: UserState,
    expected: tuple[UserState, ...],
    action: str,
    values: dict[str, Any],
    details: dict[str, Any],
) -> User:
    user = locked_user(session, user_id)
    if user.state not in expected:
        if user.state is to and user.decided_by_id == actor.id:
            return user  # the same form sent twice
        raise Conflict(_what_happened(user))
    with changing(session, user):
        user.state, user.decided_at, user.decided_by_id = to, now(), actor.id
        for name, value in values.items():
            setattr(user, name, value)
    record(session, actor, action, object_kind="user", object_id=user.id, object_name=user.email, **details)
    return user


def _what_happened(user: User) -> str:
    word = _WORDS.get(user.state, user.state.value)
    if user.decided_at is None:
        return f"{user.email} is {word} now. Nothing was changed."
    who = user.decided_by.email if user.decided_by else "the command line"
    when = user.decided_at.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{user.email} was {word} by {who} at {when}. Nothing was changed."


def _keep_an_admin(session: Session, user_id: str) -> None:
    """Raise Conflict if nobody could administer the platform without this user.

    The UPDATE locks the rows of all admins on every database: two admins who take each other's role away at
    the same moment are looked at one after the other.
    """
    is_admin = (User.role == PortalRole.ADMIN, User.state == UserState.ACTIVE)
    session.execute(update(User).where(*is_admin).values(role=User.role))
    admins = session.scalars(select(User).where(*is_admin).options(undefer(User.password_hash)))
    if {admin.id for admin in admins if admin.is_intact} == {user_id}:
        raise Conflict(LAST_ADMIN)
