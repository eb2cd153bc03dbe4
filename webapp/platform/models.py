"""One row that says which platform this is, and which keys its database was sealed with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, new_id, now


class KeyCheck(Base):
    """A known text, sealed: a process with wrong keys notices at start."""

    __tablename__ = "key_check"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[str] = mapped_column(Text)
    # Drawn with the database. Data folders are marked with it: platform/ownership.py
    platform_id: Mapped[str] = mapped_column(String(26), default=new_id)
    changed_at: Mapped[datetime] = mapped_column(default=now)
