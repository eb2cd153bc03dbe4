"""Users, their sessions and API tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base, WithId, enum_of, now
from webapp.signed_rows import Signed

_SIGN = "Look at it, then run 'sqlhosting key sign' to let it count as it is."


class PortalRole(StrEnum):
    """What a user may do in the portal."""

    ADMIN = "admin"  # everything, users and policies included
    OPERATOR = "operator"  # pools, instances, jobs; approves where a policy says so
    CUSTOMER = "customer"  # their own applications and bookings
    VIEWER = "viewer"  # an auditor: sees everything but secrets, changes nothing


class UserState(StrEnum):
    """Where a user stands."""

    PENDING = "pending"  # registered, waits for an admin
    ACTIVE = "active"  # may log in
    REJECTED = "rejected"  # an admin said no
    DISABLED = "disabled"  # could log in once, no longer


class User(WithId, Signed, Base):
    """A person with an account."""

    __tablename__ = "users"
    SIGNED: ClassVar = ("id", "email", "password_hash", "role", "state", "is_trusted")
    REMEDY: ClassVar = _SIGN
    HAS_HEAD: ClassVar = True

    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(255), deferred=True)
    role: Mapped[PortalRole] = mapped_column(enum_of(PortalRole), default=PortalRole.CUSTOMER)
    state: Mapped[UserState] = mapped_column(enum_of(UserState), default=UserState.PENDING, index=True)
    is_trusted: Mapped[bool] = mapped_column(default=False)  # a policy may approve their small bookings
    message: Mapped[str | None] = mapped_column(String(1000))  # what the user wrote when registering
    created_at: Mapped[datetime] = mapped_column(default=now)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    decision_reason: Mapped[str | None] = mapped_column(String(1000))
    last_login_at: Mapped[datetime | None]

    decided_by: Mapped[User | None] = relationship(remote_side="User.id")

    @property
    def is_staff(self) -> bool:
        """Whether the user works for the hosting team (sees more than their own)."""
        return self.role is not PortalRole.CUSTOMER

    @property
    def is_admin(self) -> bool:
        """Whether the user is an admin."""
        return self.role is PortalRole.ADMIN

    @property
    def is_operator(self) -> bool:
        """Whether the user may operate pools and jobs."""
        return self.role in (PortalRole.ADMIN, PortalRole.OPERATOR)


class UserSession(WithId, Signed, Base):
    """One log-in; its secret token is in the user's cookie, its hash here. Each log-in makes a new one.

    Ending it removes the seal as well: clearing ``ended_at`` does not bring it back.
    """

    __tablename__ = "user_sessions"
    SIGNED: ClassVar = ("id", "user_id", "token_hash", "created_at", "expires_at")
    REMEDY: ClassVar = "Log in again."

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str | None] = mapped_column(String(300))

    user: Mapped[User] = relationship()


class ApiToken(WithId, Signed, Base):
    """A token for the REST API. Only its hash is kept. Revoking it removes the seal as well."""

    __tablename__ = "api_tokens"
    SIGNED: ClassVar = ("id", "user_id", "token_hash", "sees_secrets", "created_at", "expires_at")
    REMEDY: ClassVar = _SIGN
    HAS_HEAD: ClassVar = True

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    sees_secrets: Mapped[bool] = mapped_column(default=False)  # the inventory with passwords; admins only
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()
