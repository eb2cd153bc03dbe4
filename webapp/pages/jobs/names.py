"""Names for the ids that jobs hold, looked up together for a whole page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.applications.models import Application
from webapp.jobs.models import Job
from webapp.pools.models import Instance, Pool
from webapp.web.places import Place, place

# The word, its page, and what the address calls its id.
_PAGES = {
    "instance": ("instances.show", "instance_id"),
    "application": ("applications.show", "application_id"),
    "pool": ("pools.show", "pool_id"),
}


@dataclass(frozen=True)
class Link:
    """Something that a job is about. ``place`` is None where no page is."""

    kind: str
    name: str
    place: Place | None = None


@dataclass
class Names:
    """Names by id. An id without a row (it is gone) stands for itself."""

    instances: dict[str, str] = field(default_factory=dict)
    applications: dict[str, str] = field(default_factory=dict)
    pools: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def user(self, user_id: str | None) -> str:
        """A user's address; "platform" for none."""
        return self.users.get(user_id, user_id) if user_id else "platform"

    def target(self, target: str) -> Link:
        """What ``instance:<id>`` or ``application:<id>`` is."""
        kind, _, key = target.partition(":")
        known = {"instance": self.instances, "application": self.applications, "pool": self.pools}.get(
            kind, {}
        )
        if key not in known:
            return Link(kind, key)
        endpoint, word = _PAGES[kind]
        return Link(kind, known[key], place(endpoint, **{word: key}))

    def about(self, job: Job) -> list[Link]:
        """The application, instance or pool of ``job``."""
        given = (("application", job.application_id), ("instance", job.instance_id), ("pool", job.pool_id))
        return [self.target(f"{kind}:{key}") for kind, key in given if key]


def names_for(session: Session, jobs: Iterable[Job], targets: Iterable[str] = ()) -> Names:
    """The names that pages need of ``jobs``, and of other ``targets``."""
    wanted: dict[str, set[str]] = {"instance": set(), "application": set(), "pool": set(), "user": set()}
    held = list(targets)
    for job in jobs:
        held += job.targets
        for kind, key in (
            ("instance", job.instance_id),
            ("application", job.application_id),
            ("pool", job.pool_id),
            ("user", job.launched_by_id),
            ("user", job.cancel_requested_by_id),
            ("user", job.customer_id),
        ):
            if key:
                wanted[kind].add(key)
    for target in held:
        kind, _, key = target.partition(":")
        wanted.setdefault(kind, set()).add(key)
    return Names(
        instances=_names(session, Instance.id, Instance.name, wanted["instance"]),
        applications=_names(session, Application.id, Application.name, wanted["application"]),
        pools=_names(session, Pool.id, Pool.name, wanted["pool"]),
        users=_names(session, User.id, User.email, wanted["user"]),
    )


def _names(session: Session, key: Any, name: Any, wanted: set[str]) -> dict[str, str]:
    if not wanted:
        return {}
    return {row[0]: row[1] for row in session.execute(select(key, name).where(key.in_(wanted)))}
