"""Pools, instances, elevated accounts, and what discovery found."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base, Json, WithId, enum_of, now
from webapp.sealing import Sealed
from webapp.signed_rows import Signed


class PoolKind(StrEnum):
    """What kind of instances a pool holds."""

    STANDALONE = "standalone"
    HA = "ha"

    @property
    def words(self) -> str:
        """As people read it."""
        return "High availability" if self is PoolKind.HA else "Stand-alone"


class Reachability(StrEnum):
    """What the last look at an instance said."""

    UNKNOWN = "unknown"  # nobody has looked yet
    REACHABLE = "reachable"
    UNREACHABLE = "unreachable"


class ElevatedAccount(WithId, Signed, Base):
    """The login that the platform uses on instances."""

    __tablename__ = "elevated_accounts"
    SIGNED: ClassVar = ("id", "login_user", "login_password")
    HAS_HEAD: ClassVar = True
    REMEDY: ClassVar = "Look at it under Elevated accounts, and save it with its password to let it count."

    name: Mapped[str] = mapped_column(
        String(100), unique=True
    )  # for people, for instance "platform on production"
    login_user: Mapped[str] = mapped_column(String(128))
    login_password_sealed: Mapped[str] = mapped_column("login_password", Text, deferred=True)
    login_password = Sealed("login_password_sealed")
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now)


class Pool(WithId, Signed, Base):
    """Instances of one kind that share thresholds. Its name is a group of the inventory."""

    __tablename__ = "pools"
    SIGNED_BEFORE: ClassVar = ("id", "name", "kind", "elevated_account_id")
    SIGNED: ClassVar = (
        "id", "name", "kind", "elevated_account_id", "is_open", "cpu_percent", "memory_percent",
        "disk_free_percent", "databases", "largest_data_gib", "largest_log_gib", "default_collation",
    )  # fmt: skip
    HAS_HEAD: ClassVar = True
    REMEDY: ClassVar = "Look at it on its page, and save it there to let it count."
    __table_args__ = (
        CheckConstraint("cpu_percent BETWEEN 1 AND 100", name="cpu_percent_range"),
        CheckConstraint("memory_percent BETWEEN 1 AND 100", name="memory_percent_range"),
        CheckConstraint("disk_free_percent BETWEEN 0 AND 99", name="disk_free_percent_range"),
        CheckConstraint("databases >= 1", name="databases_range"),
    )

    name: Mapped[str] = mapped_column(String(63), unique=True)  # lower case letters, digits, underscores
    kind: Mapped[PoolKind] = mapped_column(enum_of(PoolKind))
    description: Mapped[str] = mapped_column(String(500), default="")
    elevated_account_id: Mapped[str] = mapped_column(ForeignKey("elevated_accounts.id"))
    is_open: Mapped[bool] = mapped_column(default=True)  # takes bookings
    cpu_percent: Mapped[int] = mapped_column(default=80)
    memory_percent: Mapped[int] = mapped_column(default=95)
    disk_free_percent: Mapped[int] = mapped_column(default=10)
    databases: Mapped[int] = mapped_column(default=100)
    largest_data_gib: Mapped[int] = mapped_column(default=100)
    largest_log_gib: Mapped[int] = mapped_column(default=20)
    default_collation: Mapped[str | None] = mapped_column(String(128))
    price_per_gib_month: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    created_at: Mapped[datetime] = mapped_column(default=now)

    elevated_account: Mapped[ElevatedAccount] = relationship()
    instances: Mapped[list[Instance]] = relationship(back_populates="pool", order_by="Instance.name")

    @property
    def thresholds(self) -> dict[str, int]:
        """What an instance may have reached when something new goes there; as the playbooks get them."""
        return {
            "cpu_percent": self.cpu_percent,
            "memory_percent": self.memory_percent,
            "disk_free_percent": self.disk_free_percent,
            "databases": self.databases,
        }


class Instance(WithId, Signed, Base):
    """A SQL Server instance. Its name is a host of the inventory."""

    __tablename__ = "instances"
    SIGNED_BEFORE: ClassVar = (
        "id", "pool_id", "name", "host", "port", "instance_name", "customer_host", "customer_port",
        "trust_server_certificate", "elevated_account_id",
    )  # fmt: skip
    SIGNED: ClassVar = (
        "id", "pool_id", "name", "host", "port", "instance_name", "customer_host", "customer_port",
        "trust_server_certificate", "elevated_account_id", "is_open",
    )  # fmt: skip
    HAS_HEAD: ClassVar = True
    REMEDY: ClassVar = "Look at its address on its page, and save it there to let it count."
    __table_args__ = (CheckConstraint("port BETWEEN 1 AND 65535", name="port_range"),)

    pool_id: Mapped[str] = mapped_column(ForeignKey("pools.id"), index=True)
    name: Mapped[str] = mapped_column(
        String(63), unique=True
    )  # lower case letters, digits, hyphens, underscores
    host: Mapped[str] = mapped_column(String(253))
    port: Mapped[int | None]  # empty for a named instance that SQL Server Browser answers for
    instance_name: Mapped[str | None] = mapped_column(String(16))
    customer_host: Mapped[str] = mapped_column(String(253))  # the address that customers are given
    customer_port: Mapped[int | None]
    trust_server_certificate: Mapped[bool] = mapped_column(default=False)
    elevated_account_id: Mapped[str | None] = mapped_column(
        ForeignKey("elevated_accounts.id")
    )  # else the pool's
    is_open: Mapped[bool] = mapped_column(default=True)  # takes bookings
    reachability: Mapped[Reachability] = mapped_column(enum_of(Reachability), default=Reachability.UNKNOWN)
    last_seen_at: Mapped[datetime | None]  # answered
    last_error: Mapped[str | None] = mapped_column(String(2000))
    account_check: Mapped[Any | None] = mapped_column(
        Json(dict, is_optional=True)
    )  # the last outcome of check_account
    account_checked_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    pool: Mapped[Pool] = relationship(back_populates="instances")
    own_elevated_account: Mapped[ElevatedAccount | None] = relationship()

    @property
    def elevated_account(self) -> ElevatedAccount:
        """Its own account, or its pool's."""
        return self.own_elevated_account or self.pool.elevated_account


class Discovery(WithId, Base):
    """What one look at an instance found.

    ``facts`` are the ``instance`` that mssql_discover returns, with its ``unknown`` and ``omitted`` added.
    """

    __tablename__ = "discoveries"

    instance_id: Mapped[str] = mapped_column(ForeignKey("instances.id"), index=True)
    job_id: Mapped[str | None] = mapped_column(String(26), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    # facts.summary_of(facts): what lists and bars need. The facts are up to half a megabyte.
    summary: Mapped[dict[str, Any]]
    # differences.changes_between(the one before, facts); empty for the first one.
    changes: Mapped[list[Any] | None]
    facts: Mapped[Any] = mapped_column(Json, deferred=True)

    instance: Mapped[Instance] = relationship()
