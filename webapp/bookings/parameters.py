"""What is asked for, checked and turned into ``Booking.parameters``.

Every check takes values and raises :class:`webapp.errors.InvalidInput` with the field's name.
``Booking.parameters`` by kind:

book_application                login_id, and as add_database
add_database                    database_id, database, data_limit_mib, log_limit_mib, collation
resize_database                 database_id, database, data_limit_mib, log_limit_mib, data_limit_before_mib
add_login                       login_id, login, rights, databases (short names; empty: all)
reset_login, remove_login       login_id, login
delete_application              purge, deletion_date (yyyymmdd)
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.applications.models import (
    Application,
    ApplicationDatabase,
    ApplicationLogin,
    ApplicationState,
)
from webapp.applications.naming import MAIN_LOGIN, OWNER_LOGIN, check_database_name, check_name
from webapp.bookings.capacity import (
    largest_data_mib,
    log_limit_mib,
    own_capacity_mib,
    pool_capacity,
)
from webapp.bookings.models import LONGEST_REASON
from webapp.bookings.wishes import ApplicationWish
from webapp.errors import InvalidInput
from webapp.pools.collations import default_collation
from webapp.pools.listing import collations_of, is_seen, open_pools
from webapp.pools.models import Pool, PoolKind
from webapp.units import MIB_PER_GIB

SMALLEST_MIB = MIB_PER_GIB // 10
_TAKEN = (ApplicationState.RESERVED, ApplicationState.DEPLOYED, ApplicationState.DELETED)


@dataclass(frozen=True)
class CheckedApplication:
    """An application that can be booked as it is asked for."""

    name: str
    pool: Pool
    database: str
    data_limit_mib: int
    log_limit_mib: int
    collation: str | None


def check_application(
    session: Session, wish: ApplicationWish, *, own: Application | None = None
) -> CheckedApplication:
    """``wish`` with its pool and limits. ``own``: the application that holds its names.

    Raises InvalidInput: name, kind, pool, collation, database or size_gib.
    """
    name = check_application_name(session, wish.name, own=own)
    pool = check_pool(session, wish.kind, wish.pool_id)
    collation = check_collation(session, pool, wish.collation)
    database = check_new_database(session, name, wish.database, own=own)
    data_mib = check_size(wish.data_limit_mib)
    check_capacity(session, pool, data_mib, besides=[one.id for one in own.databases] if own else ())
    return CheckedApplication(name, pool, database, data_mib, log_limit_mib(data_mib, pool), collation)


def check_application_name(session: Session, value: str, *, own: Application | None = None) -> str:
    """A name that no application has, and whose logins nobody has."""
    name = check_name(value, field="name", what="application's name")
    own_id = own.id if own is not None else None
    logins = [f"{name}_{short}" for short in (MAIN_LOGIN, OWNER_LOGIN)]
    known = next((login for login in logins if is_login_known(session, login, but=own_id)), None)
    # The name is read after its logins: who loses a race for a name is told of the name in every case.
    query = select(Application.id).where(Application.name_key == name.lower(), Application.id != own_id)
    is_taken = session.scalars(query.limit(1)).first() is not None
    if is_taken or (own is None and any(_is_foreign(session, name, login) for login in logins)):
        raise InvalidInput("name", f"The name {name} is taken", "Choose another.")
    if known is not None:
        raise InvalidInput("name", f"Another application has a login called {known}", "Choose another name.")
    return name


def _is_foreign(session: Session, application: str, full_name: str) -> bool:
    """Whether discovery saw what has this name, and the platform did not make it.

    What an application of this name had may be purged since the last look: then only the plan can tell.
    """
    ours = select(Application.id).where(func.lower(Application.name) == application.lower()).limit(1)
    return session.scalars(ours).first() is None and is_seen(session, full_name)


def is_login_known(session: Session, full_name: str, *, but: str | None) -> bool:
    """Whether an application other than ``but`` has a login of that name on its instance."""
    wanted = full_name.lower()
    query = (
        select(Application.id)
        .join(ApplicationLogin, ApplicationLogin.application_id == Application.id)
        .where(
            ApplicationLogin.name_key == func.lower(ApplicationLogin.name),
            func.lower(Application.name + "_" + ApplicationLogin.name) == wanted,
        )
    )
    if but is not None:
        query = query.where(Application.id != but)
    if session.scalars(query.limit(1)).first() is not None:
        return True
    if not wanted.endswith(f"_{OWNER_LOGIN}"):
        return False
    owning = select(Application.id).where(Application.name_key == wanted.removesuffix(f"_{OWNER_LOGIN}"))
    holder = session.scalars(owning).one_or_none()
    return holder is not None and holder != but


def check_new_database(
    session: Session, application: str, value: str, *, own: Application | None = None, field: str = "database"
) -> str:
    """A database name that is free in ``application`` and on every instance."""
    name = check_database_name(value, field=field)
    wanted = f"{application}_{name}".lower()
    query = (
        select(Application.id)
        .join(ApplicationDatabase, ApplicationDatabase.application_id == Application.id)
        .where(
            ApplicationDatabase.name_key == func.lower(ApplicationDatabase.name),
            ApplicationDatabase.state.in_(_TAKEN),
            func.lower(Application.name + "_" + ApplicationDatabase.name) == wanted,
        )
    )
    if own is not None and own.state is ApplicationState.RESERVED:
        query = query.where(Application.id != own.id)
    is_taken = session.scalars(query.limit(1)).first() is not None
    if is_taken or (own is None and _is_foreign(session, application, wanted)):
        raise InvalidInput(
            field, f"There is a database called {application}_{name} already", "Choose another name."
        )
    return name


def offered_pools(session: Session) -> list[Pool]:
    """The pools that a customer may choose from; those for high availability are not offered yet."""
    return [pool for pool in open_pools(session) if pool.kind is PoolKind.STANDALONE]


def check_pool(session: Session, kind: PoolKind, pool_id: str | None) -> Pool:
    """The chosen pool; the only one where none is named (None)."""
    if kind is PoolKind.HA:
        raise InvalidInput("kind", f"{PoolKind.HA.words} is not yet offered", "Choose stand-alone.")
    offered = offered_pools(session)
    if not offered:
        raise InvalidInput(
            "pool", "No pool takes new applications at the moment", "Try again later, or ask support."
        )
    if not pool_id and len(offered) == 1:
        return offered[0]
    for pool in offered:
        if pool.id == pool_id:
            return pool
    problem = "This pool does not take bookings (any more)" if pool_id else "No pool is chosen"
    raise InvalidInput("pool", problem, "Choose one of those that are listed.")


def check_collation(session: Session, pool: Pool, value: str | None) -> str | None:
    """A collation that the pool's instances know; ``value`` None: the pool's default.

    None: the instance's own, where nobody has looked at one yet.
    """
    default = default_collation(session, pool)
    if value is None or value == default:
        return default
    by_key = {name.lower(): name for name in collations_of(session, pool)}
    if value.lower() not in by_key:
        raise InvalidInput(
            "collation",
            f"The pool {pool.name} knows no collation {value[:60]!r}",
            "Choose one from the list, or the default.",
        )
    return by_key[value.lower()]


def check_size(data_mib: int) -> int:
    """A data limit of SMALLEST_MIB or more. Not whether it fits: see :func:`check_capacity`."""
    if data_mib < SMALLEST_MIB:
        raise too_small(f"{data_mib} MiB")
    return data_mib


def too_small(size: str) -> InvalidInput:
    """The refusal of a database that small; ``size``: in the unit in which it was asked for."""
    return InvalidInput("size_gib", f"{size} is too small", "Ask for 0.1 GiB or more.")


def check_capacity(
    session: Session,
    pool: Pool,
    data_mib: int,
    *,
    application: Application | None = None,
    before: ApplicationDatabase | None = None,
    besides: Collection[str] = (),
) -> None:
    """Whether a database may have that data limit with its log; what nobody has seen is not refused.

    ``application``: that it is for, when that is there already; ``before``: the database itself, when it is.
    ``besides``: ids of databases that are asked for anew here. The refusal says how much would fit.
    """
    most = largest_size_mib(session, pool, application=application, before=before, besides=besides)
    least = before.data_limit_mib if before is not None else 0
    if data_mib <= max(most, least):
        return
    if most == pool.largest_data_gib * MIB_PER_GIB:
        raise InvalidInput(
            "size_gib",
            f"The pool {pool.name} allows one database {pool.largest_data_gib} GiB",
            f"Ask for {pool.largest_data_gib} GiB or less.",
        )
    place = f"The pool {pool.name}" if application is None else f"The place where {application.name} is"
    if most <= max(least, SMALLEST_MIB):
        what = "a new database" if before is None else "more"
        raise InvalidInput(
            "size_gib", f"{place} has no room for {what} now", "Ask support for more room, or try later."
        )
    raise InvalidInput(
        "size_gib",
        f"{place} has room for {floor_gib(most)} GiB with the log that belongs to it",
        f"Ask for {floor_gib(most)} GiB or less, or ask support for more room.",
    )


def largest_size_mib(
    session: Session,
    pool: Pool,
    *,
    application: Application | None = None,
    before: ApplicationDatabase | None = None,
    besides: Collection[str] = (),
) -> int:
    """The largest data limit that may be asked for now; as :func:`check_capacity` checks it."""
    if application is None:
        return largest_data_mib(pool, pool_capacity(session, pool, besides=besides).largest_mib)
    limits = (0, 0) if before is None else (before.data_limit_mib, before.log_limit_mib)
    return largest_data_mib(pool, own_capacity_mib(session, application, besides=besides), before=limits)


def floor_gib(mib: float) -> str:
    """``9.8``, never more than there is: what is said to fit is accepted when it is typed."""
    return f"{int(mib * 10 / MIB_PER_GIB) / 10:g}"


def check_reason(value: str | None) -> str | None:
    """The words to the approver; None when there are none."""
    value = (value or "").replace("\x00", "").strip()
    if len(value) > LONGEST_REASON:
        raise InvalidInput(
            "reason", f"The text has {len(value)} characters", f"Shorten it to {LONGEST_REASON} or fewer."
        )
    return value or None


def gib_text(mib: float) -> str:
    """``9.8 GiB``."""
    return f"{mib / MIB_PER_GIB:.1f} GiB"


def price_text(pool: Pool, data_mib: int) -> str:
    """What it costs, in words."""
    if pool.price_per_gib_month is None or not pool.price_per_gib_month:
        return "no charge"
    price = pool.price_per_gib_month * Decimal(data_mib) / MIB_PER_GIB
    return f"{price:.2f} {pool.currency} a month"


def database_parameters(database: ApplicationDatabase, **more: Any) -> dict[str, Any]:
    """The parameters of a booking that creates ``database``."""
    return {
        "database_id": database.id,
        "database": database.name,
        "data_limit_mib": database.data_limit_mib,
        "log_limit_mib": database.log_limit_mib,
        "collation": database.collation,
        **more,
    }
