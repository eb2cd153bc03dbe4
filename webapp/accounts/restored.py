"""Accept a platform database that is older than what this machine has seen: two admins say so."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from webapp.accounts.listing import user_by_email
from webapp.accounts.models import PortalRole, User, UserState
from webapp.accounts.passwords import is_password
from webapp.audit.memory import AuditMemory
from webapp.audit.models import AuditHead
from webapp.audit.operations import MEMORY, Actor, record
from webapp.errors import Conflict, NotAllowed
from webapp.platform.row_seals import begin_heads, older_sets

ADMINS = 2  # who accept it


def what_is_older(session: Session, memory: AuditMemory) -> list[str]:
    """How the database is older than what this machine has seen; sentences without a full stop."""
    found = older_sets(session)
    head, seen = session.get(AuditHead, 1), memory.recall()
    if head is not None and seen is not None and head.number < seen[0]:
        found.append(f"the audit ends with entry {head.number}, this machine has seen entry {seen[0]}")
    if older := memory.was_older():
        found.append(f"an older version was there before (entries of the audit seen and found: {older})")
    return found


def accept_backup(
    session: Session, actor: Actor, memory: AuditMemory, *, admins: Sequence[tuple[str, str]]
) -> None:
    """Let the database count as it is. ``admins``: e-mail and password of two.

    The caller commits, then has ``memory`` accept the head of the audit.

    Raises :class:`NotAllowed` when they are not two different active admins with their passwords, as the
    database knows them, and :class:`Conflict` when nothing is older.
    """
    older = what_is_older(session, memory)
    if not older:
        raise Conflict(
            "The platform database is not older than what this machine has seen: nothing to accept."
        )
    users = [_admin(session, email, password) for email, password in admins]
    if len({user.id for user in users}) < ADMINS:
        raise NotAllowed(f"It takes {ADMINS} different admins.")
    session.info.pop(MEMORY, None)  # else it would be noted for good that the head is older
    begin_heads(session)
    record(
        session, actor, "database:backup_accepted", object_kind="database", older=older,
        admins=[user.email for user in users],
    )  # fmt: skip


def _admin(session: Session, email: str, password: str) -> User:
    user = user_by_email(session, email.strip().lower())
    is_right = is_password(password, user.password_hash if user else None)
    if user is None or not is_right or not user.fits:
        raise NotAllowed(
            f"{email}: there is no such user as the platform wrote it, or the password is wrong."
        )
    if user.role is not PortalRole.ADMIN or user.state is not UserState.ACTIVE:
        raise NotAllowed(f"{user.email} is no active admin.")
    return user
