"""Plans of bookings with their statements, and the decisions about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.accounts.models import User
from webapp.bookings.models import Booking
from webapp.database import Base, Json, WithId, enum_of, now
from webapp.pools.models import Instance


class PlanState(StrEnum):
    """Where a plan stands."""

    PLANNING = "planning"  # its job has not ended
    READY = "ready"  # waits for approval
    APPROVED = "approved"  # has all approvals it needs
    REJECTED = "rejected"
    SENT_BACK = "sent_back"  # the customer shall change the booking
    FAILED = "failed"  # could not be made
    EXPIRED = "expired"  # nobody approved it in time
    DRIFTED = "drifted"  # the target changed before it was applied
    SUPERSEDED = "superseded"  # a newer one took its place
    APPLIED = "applied"


class DecisionKind(StrEnum):
    """What an approver decided."""

    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back"


class Plan(WithId, Base):
    """What a booking would send: the changing statements in order, and what speaks for this instance."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("booking_id", "number"),)

    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    number: Mapped[int]  # 1 is a booking's first plan
    state: Mapped[PlanState] = mapped_column(enum_of(PlanState), default=PlanState.PLANNING, index=True)
    job_id: Mapped[str | None] = mapped_column(String(26))  # the check-mode job that made it
    instance_id: Mapped[str | None] = mapped_column(ForeignKey("instances.id"))
    hash: Mapped[str | None] = mapped_column(String(64))  # statements.plan.plan_hash over its statements
    # What the job is given besides the statements, and a digest of it: bound by the approval as well.
    launch: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    # application_placement: instance, reasons, candidates
    placement: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    checks: Mapped[list[Any] | None]  # [{"name", "is_passed", "text"}]
    # The policy as it was when the plan was made.
    policy: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    # The platform's own signature over all that an approver sees; made when the plan is ready.
    seal: Mapped[str | None] = mapped_column(String(64))
    # What its jobs told: {"failures": […], "connection": …, "resized": …}; see approvals/observing.py
    outcome: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    failure: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship()
    instance: Mapped[Instance | None] = relationship()
    statements: Mapped[list[PlanStatement]] = relationship(
        back_populates="plan", order_by="PlanStatement.position"
    )
    decisions: Mapped[list[Decision]] = relationship(back_populates="plan", order_by="Decision.at")


class PlanStatement(WithId, Base):
    """One changing statement of a plan."""

    __tablename__ = "plan_statements"
    __table_args__ = (UniqueConstraint("plan_id", "position"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    position: Mapped[int]  # from 0
    instance: Mapped[str] = mapped_column(String(300))  # host,port as the module knows it
    inventory_host: Mapped[str | None] = mapped_column(String(63))
    database: Mapped[str] = mapped_column(String(128))
    template: Mapped[str] = mapped_column(String(128))
    template_revision: Mapped[str | None] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    secrets: Mapped[list[str] | None]  # labels of the placeholders in text
    task: Mapped[str | None] = mapped_column(String(500))
    words: Mapped[str | None] = mapped_column(String(1000))  # what it does, as its module says
    object: Mapped[str | None] = mapped_column(String(300))  # what it is about: login:shop_app
    creates: Mapped[str | None] = mapped_column(String(300))

    plan: Mapped[Plan] = relationship(back_populates="statements")


class Decision(WithId, Base):
    """What one approver decided about one plan. Signed over the plan's hash; see approvals/signature.py."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("plan_id", "user_id"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # empty: a policy approved it
    role: Mapped[str | None] = mapped_column(String(20))  # the user's when deciding
    kind: Mapped[DecisionKind] = mapped_column(enum_of(DecisionKind))
    reason: Mapped[str | None] = mapped_column(String(2000))
    at: Mapped[datetime] = mapped_column(default=now)
    plan_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(64))

    plan: Mapped[Plan] = relationship(back_populates="decisions")
    user: Mapped[User | None] = relationship()
