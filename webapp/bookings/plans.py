"""Plans of bookings with their statements, and the decisions about them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.accounts.models import User
from webapp.bookings.models import LONGEST_REASON, Booking
from webapp.database import Base, Json, WithId, enum_of, now, without_nul
from webapp.sealing import canonical, the_box
from webapp.signed_rows import SealedApart

STATEMENT = "statement"  # the name of the first kind of item
SEAL_VERSION = 3  # of the documents that signatures are made over: approvals/signature.py


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


OPEN_PLANS = (PlanState.PLANNING, PlanState.READY, PlanState.APPROVED)


class DecisionKind(StrEnum):
    """What an approver decided."""

    APPROVE = "approve"
    REJECT = "reject"
    SEND_BACK = "send_back"


class Plan(WithId, SealedApart, Base):
    """What a booking would do: items in order, each on one of its targets, and what speaks for these."""

    __tablename__ = "plans"
    __table_args__ = (UniqueConstraint("booking_id", "number"),)

    booking_id: Mapped[str] = mapped_column(ForeignKey("bookings.id"), index=True)
    number: Mapped[int]  # 1 is a booking's first plan
    state: Mapped[PlanState] = mapped_column(enum_of(PlanState), default=PlanState.PLANNING, index=True)
    job_id: Mapped[str | None] = mapped_column(String(26))  # the check-mode job that made it
    hash: Mapped[str | None] = mapped_column(String(64))  # items.items_hash over its items
    # What the job is given besides the items, and a digest of it: bound by the approval as well.
    launch: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    # application_placement: instance, reasons, candidates
    placement: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    checks: Mapped[list[Any] | None]  # [{"name", "is_passed", "text"}]
    # The policy as it was when the plan was made.
    policy: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    # The platform's own signature over all that an approver sees; made when the plan is ready.
    seal: Mapped[str | None] = mapped_column(String(64))
    # Which document seal and decisions are made over; see approvals/signature.py
    seal_version: Mapped[int] = mapped_column(default=SEAL_VERSION)
    # What its jobs told: {"failures": […], "connection": …, "resized": …}; see approvals/observing.py
    outcome: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    # Of targets, placement and outcome, while it is made and carried out: runs tell them bit by bit.
    told_seal: Mapped[str | None] = mapped_column(String(64))
    failure: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now)
    ready_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship()
    # Before the plan is made: those that the booking is bound to already. Few, and every list shows them.
    targets: Mapped[list[PlanTarget]] = relationship(
        back_populates="plan", order_by="PlanTarget.position", lazy="selectin", cascade="all, delete-orphan"
    )
    items: Mapped[list[PlanItem]] = relationship(back_populates="plan", order_by="PlanItem.position")
    decisions: Mapped[list[Decision]] = relationship(back_populates="plan", order_by="Decision.at")

    def seal_told(self) -> None:
        """Let targets, placement and outcome count as they are: the platform has just written them."""
        self.told_seal = the_box().sign(self._told())

    @property
    def is_as_told(self) -> bool:
        """Whether they are what the platform wrote last. Once they are not, nothing more is taken in."""
        return self.told_seal is not None and the_box().is_signed(self._told(), self.told_seal)

    def _told(self) -> bytes:
        targets = [[one.position, one.kind, one.target_id, one.name] for one in self.targets]
        told = {"targets": targets, "placement": self.placement, "outcome": self.outcome}
        return canonical({"version": 1, "what": "told", "plan": self.id, **without_nul(told)})

    @property
    def has_expired(self) -> bool:
        """Whether its time to be approved and begun is over; also when it never had one."""
        return self.expires_at is None or self.expires_at <= now()

    @property
    def statements(self) -> list[PlanItem]:
        """The items that are T-SQL statements."""
        return [one for one in self.items if one.kind == STATEMENT]

    def target_ids(self, kind: str) -> list[str]:
        """The ids of its targets of one kind, in order."""
        return [one.target_id for one in self.targets if one.kind == kind]

    @property
    def target_names(self) -> list[str]:
        """What people and inventories call its targets, as they were called when it was made."""
        return [one.name for one in self.targets]


class PlanTarget(WithId, Base):
    """Something that a plan's items are carried out on. The kinds are registered: jobs/subjects.py

    A plain id: what a plan that has ended was for may be forgotten, and the plan keeps its name.
    """

    __tablename__ = "plan_targets"
    __table_args__ = (
        UniqueConstraint("plan_id", "position"),
        UniqueConstraint("plan_id", "kind", "target_id"),
    )

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    position: Mapped[int]  # from 0; what items name it by
    kind: Mapped[str] = mapped_column(String(30))
    target_id: Mapped[str] = mapped_column(String(26), index=True)
    name: Mapped[str] = mapped_column(String(63))  # the inventory host

    plan: Mapped[Plan] = relationship(back_populates="targets")


class PlanItem(WithId, Base):
    """One thing that a plan does on one of its targets. Its kind says what its columns mean: items.py"""

    __tablename__ = "plan_items"
    __table_args__ = (UniqueConstraint("plan_id", "position"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    position: Mapped[int]  # from 0; the order in which the plan is carried out, over all targets
    kind: Mapped[str] = mapped_column(String(30), default=STATEMENT)
    target: Mapped[int] = mapped_column(default=0)  # the position of its target
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

    plan: Mapped[Plan] = relationship(back_populates="items")


class Decision(WithId, Base):
    """What one approver decided about one plan. Signed over the plan's hash; see approvals/signature.py."""

    __tablename__ = "decisions"
    __table_args__ = (UniqueConstraint("plan_id", "user_id"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))  # empty: a policy approved it
    role: Mapped[str | None] = mapped_column(String(20))  # the user's when deciding
    kind: Mapped[DecisionKind] = mapped_column(enum_of(DecisionKind))
    reason: Mapped[str | None] = mapped_column(String(LONGEST_REASON))
    at: Mapped[datetime] = mapped_column(default=now)
    plan_hash: Mapped[str] = mapped_column(String(64))
    signature: Mapped[str] = mapped_column(String(64))

    plan: Mapped[Plan] = relationship(back_populates="decisions")
    user: Mapped[User | None] = relationship()
