"""Audit entries, each bound to the one before it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Json


class AuditEntry(Base):
    """One action of a person or of the platform. Never changed, never removed."""

    __tablename__ = "audit_entries"
    SIGNED: ClassVar = ("number", "hash")  # which is over all the others

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # without gaps, from 1
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(20))  # user, platform, command
    actor_id: Mapped[str | None] = mapped_column(String(26), index=True)
    actor_name: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(80), index=True)  # object:verb, for instance booking:approved
    object_kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str | None] = mapped_column(String(26), index=True)
    object_name: Mapped[str | None] = mapped_column(String(254))
    details: Mapped[Any] = mapped_column(Json)
    address: Mapped[str | None] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    seal: Mapped[str | None] = mapped_column(String(64))  # seals.py; over number and hash


class AuditHead(Base):
    """The newest entry; one row, locked by whoever appends."""

    __tablename__ = "audit_head"
    SIGNED: ClassVar = ("number", "hash")

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))
    seal: Mapped[str | None] = mapped_column(String(64))
