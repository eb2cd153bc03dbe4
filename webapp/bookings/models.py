"""Bookings and what happened to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, Index, String, Text, and_
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from webapp.accounts.models import User
from webapp.applications.models import APPLICATION, Application
from webapp.database import Base, WithId, enum_of, new_id, now
from webapp.sealing import Sealed
from webapp.signed_rows import SignedOnSaving

# Of columns, in characters.
LONGEST_REASON = 2000  # why something is asked for, or decided
LONGEST_TEXT = 4000  # what happened


class BookingState(StrEnum):
    """Where a booking stands."""

    PENDING = "pending"  # it is being planned, or its plan waits for approval
    APPROVED = "approved"  # its job waits for a worker
    REJECTED = "rejected"  # an approver said no
    CANCELED = "canceled"  # the customer took it back
    RUNNING = "running"  # its job runs
    DEPLOYED = "deployed"  # done
    FAILED = "failed"  # planning or running failed; staff can plan it again


# Nothing goes on by itself: what failed can be planned again, by a person.
ENDED_STATES = (BookingState.REJECTED, BookingState.CANCELED, BookingState.DEPLOYED, BookingState.FAILED)


class Booking(WithId, SignedOnSaving, Base):
    """A customer's request."""

    __tablename__ = "bookings"
    SIGNED: ClassVar = (
        "id", "kind", "state", "subject_kind", "subject_id", "requester_id", "changed_by", "parameters",
        "reason", "secret_sealed", "plan_id", "job_id", "asked_after",
    )  # fmt: skip
    REMEDY: ClassVar = (
        "Nothing is done for it. Find out who can write to the platform database, have it canceled and asked "
        "for again."
    )
    __table_args__ = (Index("ix_bookings_subject", "subject_kind", "subject_id"),)

    # A name of bookings/kinds; webapp/models.py has the database check it.
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[BookingState] = mapped_column(
        enum_of(BookingState), default=BookingState.PENDING, index=True
    )
    # What it is about: a kind of jobs/subjects.py, and the id of one such thing.
    subject_kind: Mapped[str] = mapped_column(String(30))
    subject_id: Mapped[str] = mapped_column(String(26))
    requester_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    # The users who changed what is asked for after it was sent back, sorted: an operator may, for a customer.
    changed_by: Mapped[list[str] | None]
    # The audit's newest number when it was asked for: what is known of it was noted later. -1: before there
    # were seals, when the audit may not have known who asked for what.
    asked_after: Mapped[int] = mapped_column(default=-1)
    # What is asked for, validated; no secret in it. The keys depend on the kind: bookings/parameters.py
    parameters: Mapped[dict[str, Any]]
    # Drawn with the form: the same form sent twice is one booking.
    token: Mapped[str] = mapped_column(String(64), unique=True, default=new_id)
    # The password that the job sets, drawn when the booking was made; removed when it ended.
    secret_sealed: Mapped[str | None] = mapped_column("secret", Text, deferred=True)
    secret = Sealed("secret_sealed")
    reason: Mapped[str | None] = mapped_column(String(LONGEST_REASON))  # the customer's words to the approver
    failure: Mapped[str | None] = mapped_column(
        String(LONGEST_TEXT)
    )  # why it failed, in words a customer understands
    plan_id: Mapped[str | None] = mapped_column(String(26))  # the plan that counts; the newest
    job_id: Mapped[str | None] = mapped_column(String(26))  # the newest job that carries it out
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]

    # The application that it is about; None where it is about something else.
    application: Mapped[Application | None] = relationship(
        primaryjoin=lambda: and_(
            Booking.subject_kind == APPLICATION, foreign(Booking.subject_id) == Application.id
        ),
        viewonly=True,
    )
    requester: Mapped[User] = relationship()
    events: Mapped[list[BookingEvent]] = relationship(back_populates="booking", order_by="BookingEvent.id")


class BookingEvent(WithId, Base):
    """A line of a booking's history."""

    __tablename__ = "booking_events"

    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    # a key of wording.EVENTS
    event: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # empty: the platform
    text: Mapped[str | None] = mapped_column(String(LONGEST_TEXT))
    plan_id: Mapped[str | None] = mapped_column(String(26))
    job_id: Mapped[str | None] = mapped_column(String(26))

    booking: Mapped[Booking] = relationship(back_populates="events")
    user: Mapped[User | None] = relationship()


class BookingDraft(Base):
    """What a user typed into the booking wizard so far, right or wrong. One for each user."""

    __tablename__ = "booking_drafts"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column("typed", default=dict)  # VALUES is a word of SQL
    token: Mapped[str] = mapped_column(String(64), default=new_id)  # of the booking that comes of it
    changed_at: Mapped[datetime] = mapped_column(default=now)
