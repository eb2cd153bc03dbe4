"""Policies: rules that say who approves what."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, WithId, now
from webapp.signed_rows import Signed


class Policy(WithId, Signed, Base):
    """A rule that says who approves what. The first enabled one that fits a booking counts."""

    __tablename__ = "policies"
    SIGNED: ClassVar = (
        "id", "position", "name", "is_enabled", "kinds", "pool_id", "only_trusted", "below_gib", "approvals",
        "approver_roles", "four_eyes", "plan_hours",
    )  # fmt: skip
    REMEDY: ClassVar = "Look at it and save it first."
    HAS_HEAD: ClassVar = True

    position: Mapped[int]  # smaller ones are asked first
    name: Mapped[str] = mapped_column(String(100), unique=True)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    # What it fits; empty fits everything.
    kinds: Mapped[list[str] | None]  # names of kinds of request
    pool_id: Mapped[str | None] = mapped_column(ForeignKey("pools.id"))
    only_trusted: Mapped[bool] = mapped_column(default=False)
    below_gib: Mapped[int | None]  # the data limit asked for; then only bookings that ask for space fit
    # What it asks for.
    approvals: Mapped[int] = mapped_column(default=1)  # 0: approved by the platform at once
    approver_roles: Mapped[list[str]]  # values of PortalRole
    four_eyes: Mapped[bool] = mapped_column(default=True)  # nobody approves their own
    plan_hours: Mapped[int] = mapped_column(default=72)  # after which an unapproved plan expires
    changed_at: Mapped[datetime] = mapped_column(default=now)
