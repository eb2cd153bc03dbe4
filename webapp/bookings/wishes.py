"""What each kind of request takes, as values. Pages and API make them of what they are sent.

Nothing here is checked: names, limits and rights are by the operation that gets the wish.
"""

from __future__ import annotations

from dataclasses import dataclass

from webapp.applications.models import LoginRights
from webapp.pools.models import PoolKind


@dataclass(frozen=True)
class ApplicationWish:
    """An application with its first database."""

    name: str
    kind: PoolKind
    pool_id: str | None  # None: the only one that there is
    database: str
    data_limit_mib: int
    collation: str | None  # None: the pool's default


@dataclass(frozen=True)
class DatabaseWish:
    """One more database of an application."""

    database: str
    data_limit_mib: int
    collation: str | None  # None: the pool's default


@dataclass(frozen=True)
class SizeWish:
    """Another data limit for a database."""

    data_limit_mib: int


@dataclass(frozen=True)
class LoginWish:
    """One more login of an application."""

    login: str
    rights: LoginRights
    database_ids: tuple[str, ...] = ()  # those that it enters; empty: all of the application's
