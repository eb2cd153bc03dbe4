"""Names for the ids that jobs hold, looked up together for a whole page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.accounts.models import User
from webapp.jobs.models import Job, split
from webapp.jobs.subjects import subject_kinds
from webapp.web.places import Place, place


@dataclass(frozen=True)
class Link:
    """Something that a job is about. ``place`` is None where no page is."""

    kind: str
    name: str
    place: Place | None = None


@dataclass
class Names:
    """Names by id. An id without a row (it is gone) stands for itself."""

    things: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by kind, then by id
    users: Mapping[str, str] = field(default_factory=dict)

    def user(self, user_id: str | None) -> str:
        """A user's address; "platform" for none."""
        return self.users.get(user_id, user_id) if user_id else "platform"

    def target(self, target: str) -> Link:
        """What a reference such as ``instance:<id>`` names."""
        kind, key = split(target)
        known = self.things.get(kind, {})
        endpoint = subject_kinds()[kind].endpoint if kind in subject_kinds() else ""
        if not endpoint or key not in known:
            return Link(kind, known.get(key, key))
        return Link(kind, known[key], place(endpoint, **{f"{kind}_id": key}))

    def about(self, job: Job) -> list[Link]:
        """What ``job`` is about, such as its application, its instances and their pool."""
        kinds = subject_kinds()
        return [
            self.target(one) for one in job.subjects if (kind := kinds.get(split(one)[0])) and kind.is_listed
        ]


def names_for(session: Session, jobs: Iterable[Job], targets: Iterable[str] = ()) -> Names:
    """The names that pages need of ``jobs``, and of other ``targets``."""
    wanted: dict[str, set[str]] = {}
    users: set[str] = set()
    held = list(targets)
    for job in jobs:
        held += [*job.targets, *job.subjects]
        users.update(one for one in (job.launched_by_id, job.cancel_requested_by_id, job.customer_id) if one)
    for reference in held:
        kind, key = split(reference)
        wanted.setdefault(kind, set()).add(key)
    return Names(
        things={
            name: kind.names(session, wanted[name])
            for name, kind in subject_kinds().items()
            if name in wanted
        },
        users=_emails(session, users),
    )


def _emails(session: Session, wanted: set[str]) -> dict[str, str]:
    if not wanted:
        return {}
    query = select(User.id, User.email).where(User.id.in_(wanted))
    return {row.id: row.email for row in session.execute(query)}
