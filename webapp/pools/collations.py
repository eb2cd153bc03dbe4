"""Which collation a new database of a pool gets when nobody asks for another.

A pool's instances may have been set up with different ones: what "the instance's own" means then depends on
where the placement puts it, and a case-sensitive database is none that people expect. So a name is offered
and sent, never "its own", as soon as discovery has seen one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.pools.facts import summary_from
from webapp.pools.listing import newest_discoveries
from webapp.pools.models import Instance, Pool


def own_collations(session: Session, pool: Pool) -> dict[str, str]:
    """What discovery saw that the open instances were set up with, by the instance's name."""
    query = select(Instance).where(Instance.pool_id == pool.id, Instance.is_open).order_by(Instance.name)
    instances = {one.id: one.name for one in session.scalars(query)}
    found = newest_discoveries(session, list(instances))
    seen = {instances[key]: summary_from(row.summary).collation for key, row in found.items()}
    return {name: collation for name, collation in sorted(seen.items()) if collation}


def default_collation(session: Session, pool: Pool) -> str | None:
    """The pool's default collation, else :func:`usual_of` its instances' own. None: nobody has looked yet."""
    return pool.default_collation or usual_of(list(own_collations(session, pool).values()))


def usual_of(own: Collection[str]) -> str | None:
    """One of ``own`` for all: one that ignores case where there is one, then the most frequent. Pure."""
    counts = Counter(own)
    return min(
        counts, key=lambda name: (not is_case_ignored(name), -counts[name], name.lower()), default=None
    )


def is_case_ignored(name: str) -> bool:
    """Whether ``anna`` equals ``Anna`` in it: by its name, as Microsoft's "Windows collation name" has it."""
    return "_CI_" in f"{name}_".upper()
