"""What other rooms ask of pools: which are open, what was seen last, which collations they know."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, Text, func, or_, select, type_coerce
from sqlalchemy.orm import Session, undefer

from webapp.database import is_id
from webapp.errors import NotFound
from webapp.pools.facts import collation_names
from webapp.pools.models import Discovery, Instance, Pool, Reachability


def open_pools(session: Session) -> list[Pool]:
    """The pools that take bookings: open, with at least one open instance; by name."""
    query = select(Pool).where(Pool.is_open, Pool.instances.any(Instance.is_open))
    return list(session.scalars(query.order_by(Pool.name)))


def get_pool(session: Session, pool_id: str) -> Pool:
    """The pool. Raises NotFound."""
    pool = session.get(Pool, pool_id) if is_id(pool_id) else None
    if pool is None:
        raise NotFound("There is no such pool.")
    return pool


def get_instance(session: Session, instance_id: str) -> Instance:
    """The instance. Raises NotFound."""
    instance = session.get(Instance, instance_id) if is_id(instance_id) else None
    if instance is None:
        raise NotFound("There is no such instance.")
    return instance


@dataclass(frozen=True)
class InstanceFilter:
    """Which instances a list shows; None and empty texts ask for nothing."""

    q: str = ""  # in the name or the address; or the id
    pool: str | None = None  # its id
    state: Reachability | None = None

    def applied(self, query: Select[tuple[Instance]]) -> Select[tuple[Instance]]:
        """``query`` narrowed."""
        if self.q:
            texts = (one.icontains(self.q, autoescape=True) for one in (Instance.name, Instance.host))
            query = query.where(or_(*texts, Instance.id == self.q.upper()))
        if self.pool:
            query = query.where(Instance.pool_id == self.pool)
        if self.state:
            query = query.where(Instance.reachability == self.state)
        return query


def newest_discovery(session: Session, instance_id: str) -> Discovery | None:
    """The last look at the instance that found something; its facts are loaded when they are read."""
    query = select(Discovery).where(Discovery.instance_id == instance_id)
    return session.scalars(query.order_by(Discovery.id.desc()).limit(1)).one_or_none()


def locked_out(session: Session, instance_id: str) -> dict[str, datetime]:
    """The logins that wrong passwords had locked out at the last look, in lower case, and when that was."""
    found = newest_discovery(session, instance_id)
    logins = (found.facts.get("logins") or []) if found else []
    return {str(one["name"]).lower(): found.at for one in logins if found and one.get("is_locked")}


def newest_discoveries(session: Session, instance_ids: Iterable[str]) -> dict[str, Discovery]:
    """The newest discovery of each instance that has one, by the instance's id."""
    newest = (
        select(func.max(Discovery.id))
        .where(Discovery.instance_id.in_(list(instance_ids)))
        .group_by(Discovery.instance_id)
    )
    return {
        row.instance_id: row for row in session.scalars(select(Discovery).where(Discovery.id.in_(newest)))
    }


def is_seen(session: Session, name: str) -> bool:
    """Whether an instance showed a login, database or file of this name when it was last looked at.

    Upper and lower case are the same. The search is within the text of the facts: reading them, half a
    megabyte for each instance, would take too long while somebody types a name.
    """
    newest = select(func.max(Discovery.id)).group_by(Discovery.instance_id)
    text = func.lower(type_coerce(Discovery.facts, Text))
    wanted = f'"name": {json.dumps(name.lower(), ensure_ascii=False)}'
    query = select(Discovery.id).where(Discovery.id.in_(newest), text.contains(wanted, autoescape=True))
    return session.scalars(query.limit(1)).first() is not None


def collations_of(session: Session, pool: Pool) -> list[str]:
    """The collations that every open instance of the pool knows, as far as discovery saw them; by name."""
    ids = list(session.scalars(select(Instance.id).where(Instance.pool_id == pool.id, Instance.is_open)))
    newest = (
        select(func.max(Discovery.id)).where(Discovery.instance_id.in_(ids)).group_by(Discovery.instance_id)
    )
    query = select(Discovery).options(undefer(Discovery.facts)).where(Discovery.id.in_(newest))
    seen = [names for found in session.scalars(query) if (names := collation_names(found.facts))]
    return sorted(set.intersection(*map(set, seen)), key=str.lower) if seen else []
