"""The statements of jobs, as their journals hold them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base, Json, enum_of


class StatementKind(StrEnum):
    """Whether it changes something."""

    READ = "read"
    CHANGE = "change"


class StatementStatus(StrEnum):
    """What became of a statement; journal.Status with the time in between."""

    PLANNED = "planned"  # check mode: not sent
    SENT = "sent"  # about to be sent or sent, no outcome yet
    OK = "ok"
    ERROR = "error"
    UNKNOWN = "unknown"  # the run ended and no outcome came


class JobStatement(Base):
    """One statement of a job's journal. Its key is the journal's statement_id, so that it is stored once."""

    __tablename__ = "job_statements"
    __table_args__ = (
        Index("ix_job_statements_job_id_stream", "job_id", "stream"),
        Index("ix_job_statements_job_id_attempt_seq", "job_id", "attempt", "seq"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    attempt: Mapped[int]
    stream: Mapped[int]  # the position of its newest change in the job's stream
    seq: Mapped[int]  # of its first line in the journal
    at: Mapped[datetime] = mapped_column(index=True)
    instance: Mapped[str] = mapped_column(String(300))
    inventory_host: Mapped[str | None] = mapped_column(String(63), index=True)
    database: Mapped[str] = mapped_column(String(128))
    task: Mapped[str | None] = mapped_column(String(500))
    template: Mapped[str] = mapped_column(String(128))
    template_revision: Mapped[str | None] = mapped_column(String(64))
    kind: Mapped[StatementKind] = mapped_column(enum_of(StatementKind))
    status: Mapped[StatementStatus] = mapped_column(enum_of(StatementStatus))
    text: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    secrets: Mapped[list[str] | None]
    parameters: Mapped[list[str] | None]
    check_mode: Mapped[bool]
    plan_position: Mapped[int | None]
    words: Mapped[str | None] = mapped_column(String(1000))  # what it does, as its module says
    object: Mapped[str | None] = mapped_column(String(300))  # what it is about: login:shop_app
    creates: Mapped[str | None] = mapped_column(String(300))
    duration_ms: Mapped[float | None]
    rowcount: Mapped[int | None]
    messages: Mapped[list[Any] | None]
    error: Mapped[Any | None] = mapped_column(Json)
    seal: Mapped[str | None] = mapped_column(String(64))  # of what was planned: seals.py
