"""Pools and instances as what jobs are about, lock, and carry plans out on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.jobs.subjects import SubjectKind, TargetKind, references
from webapp.pools.models import Instance, Pool

INSTANCE, POOL = "instance", "pool"


class Instances(TargetKind):
    """An approval binds where an instance is and as whom the platform logs in there."""

    name = INSTANCE
    endpoint = "instances.show"
    words: ClassVar[Mapping[str, str]] = {
        "id": "the instance",
        "host": "the instance's address",
        "port": "the instance's port",
        "name": "the instance's name",
        "instance_name": "the instance's own name behind its address",
        "pool": "the pool of the instance",
        "login_user": "the platform's login on the instance",
        "trust_server_certificate": "whether the instance's certificate is trusted unseen",
    }

    def names(self, session: Session, ids: Collection[str]) -> dict[str, str]:
        query = select(Instance.id, Instance.name).where(Instance.id.in_(ids))
        return {row.id: row.name for row in session.execute(query)}

    def bound(self, session: Session, target_id: str) -> dict[str, Any] | None:
        instance = session.get(Instance, target_id, populate_existing=True)
        if instance is None:
            return None
        return {
            "id": instance.id,
            "name": instance.name,
            "pool": instance.pool.name,
            "host": instance.host,
            "port": instance.port,
            "instance_name": instance.instance_name,
            "trust_server_certificate": instance.trust_server_certificate,
            "login_user": instance.elevated_account.login_user,
        }

    def changed(self, session: Session, target_id: str) -> list[str]:
        instance = session.get(Instance, target_id)
        if instance is None:
            return []
        rows = (instance, instance.pool, instance.elevated_account)
        return [row.changed_shortly for row in rows if not row.is_intact]


class Pools(SubjectKind):
    """Jobs look at whole pools; what they lock is single instances."""

    name = POOL
    endpoint = "pools.show"

    def names(self, session: Session, ids: Collection[str]) -> dict[str, str]:
        query = select(Pool.id, Pool.name).where(Pool.id.in_(ids))
        return {row.id: row.name for row in session.execute(query)}


def subjects_in(parameters: dict[str, Any]) -> list[str]:
    """The instance or pool that the parameters of a job name."""
    given = {kind: parameters.get(f"{kind}_id") for kind in (INSTANCE, POOL)}
    return references(**{kind: key for kind, key in given.items() if isinstance(key, str) and key})
