"""Applications with their databases and logins."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.accounts.models import User
from webapp.database import Base, Json, WithId, enum_of, now
from webapp.pools.models import Instance, Pool
from webapp.sealing import Sealed
from webapp.signed_rows import SignedOnSaving

APPLICATION = "application"  # what references to one begin with
_REMEDY = (
    "Nothing is done for it and no password of it is shown. Compare it with the audit and its instance, then "
    "run 'sqlhosting key sign' to let it count as it is."
)


class ApplicationState(StrEnum):
    """Where an application, a database or a login stands."""

    RESERVED = "reserved"  # asked for; the name is taken
    DEPLOYED = "deployed"  # it is there
    DELETED = "deleted"  # out of reach or purged
    RELEASED = "released"  # was asked for and never came to be; the name is free again


class LoginRights(StrEnum):
    """What a login may do in the application's databases."""

    READ_WRITE = "read_write"
    READ_ONLY = "read_only"


class Application(WithId, SignedOnSaving, Base):
    """What a customer booked."""

    __tablename__ = "applications"
    SIGNED: ClassVar = (
        "id", "name", "name_key", "customer_id", "pool_id", "instance_id", "state", "owner_sid", "connection",
    )  # fmt: skip
    REMEDY: ClassVar = _REMEDY

    name: Mapped[str] = mapped_column(String(50))
    # The lower-case name while it is taken; with the id behind it afterwards, so that it can be booked again.
    name_key: Mapped[str] = mapped_column(String(80), unique=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    pool_id: Mapped[str] = mapped_column(ForeignKey("pools.id"), index=True)
    instance_id: Mapped[str | None] = mapped_column(
        ForeignKey("instances.id"), index=True
    )  # once it is placed
    state: Mapped[ApplicationState] = mapped_column(
        enum_of(ApplicationState), default=ApplicationState.RESERVED
    )
    # Random, drawn once when it is booked: they are part of the plan.
    owner_sid: Mapped[str] = mapped_column(String(34))
    created_at: Mapped[datetime] = mapped_column(default=now)
    deployed_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    # application_connection, as the last booking job returned it; never with a password.
    connection: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))

    customer: Mapped[User] = relationship()
    pool: Mapped[Pool] = relationship()
    instance: Mapped[Instance | None] = relationship()
    databases: Mapped[list[ApplicationDatabase]] = relationship(
        back_populates="application", order_by="ApplicationDatabase.created_at"
    )
    logins: Mapped[list[ApplicationLogin]] = relationship(
        back_populates="application", order_by="ApplicationLogin.created_at"
    )


class ApplicationDatabase(WithId, SignedOnSaving, Base):
    """A database of an application. On the instance it is called ``<application>_<name>``."""

    __tablename__ = "application_databases"
    SIGNED: ClassVar = (
        "id", "application_id", "name", "name_key", "data_limit_mib", "log_limit_mib", "collation", "state",
    )  # fmt: skip
    REMEDY: ClassVar = _REMEDY
    __table_args__ = (UniqueConstraint("application_id", "name_key"),)

    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    name: Mapped[str] = mapped_column(String(50))
    name_key: Mapped[str] = mapped_column(String(80))  # as in Application
    data_limit_mib: Mapped[int]  # what holds on the instance, or was asked for at first
    log_limit_mib: Mapped[int]
    # The instance's own when empty. "collation" is a reserved word of PostgreSQL.
    collation: Mapped[str | None] = mapped_column("collation_name", String(128))
    state: Mapped[ApplicationState] = mapped_column(
        enum_of(ApplicationState), default=ApplicationState.RESERVED
    )
    data_used_mib: Mapped[float | None]  # the last measurement
    data_allocated_mib: Mapped[float | None]
    log_used_mib: Mapped[float | None]
    measured_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    application: Mapped[Application] = relationship(back_populates="databases")

    @property
    def full_name(self) -> str:
        """Its name on the instance."""
        return f"{self.application.name}_{self.name}"


class ApplicationLogin(WithId, SignedOnSaving, Base):
    """A login of an application: ``<application>_<name>`` on the instance; the first: ``app``."""

    __tablename__ = "application_logins"
    SIGNED: ClassVar = (
        "id", "application_id", "name", "name_key", "rights", "sid", "state", "password_sealed",
    )  # fmt: skip
    REMEDY: ClassVar = _REMEDY
    __table_args__ = (UniqueConstraint("application_id", "name_key"),)

    application_id: Mapped[str] = mapped_column(ForeignKey("applications.id"), index=True)
    name: Mapped[str] = mapped_column(String(50))
    name_key: Mapped[str] = mapped_column(String(80))  # as in Application
    rights: Mapped[LoginRights] = mapped_column(enum_of(LoginRights), default=LoginRights.READ_WRITE)
    sid: Mapped[str] = mapped_column(String(34))  # random, drawn once
    state: Mapped[ApplicationState] = mapped_column(
        enum_of(ApplicationState), default=ApplicationState.RESERVED
    )
    # Kept until the customer has looked at it, then removed: after that it can only be reset.
    password_sealed: Mapped[str | None] = mapped_column("password", Text, deferred=True)
    password = Sealed("password_sealed")
    password_set_at: Mapped[datetime | None]  # on the instance
    password_revealed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)

    application: Mapped[Application] = relationship(back_populates="logins")

    @property
    def full_name(self) -> str:
        """Its name on the instance."""
        return f"{self.application.name}_{self.name}"
