"""What the pages of pools and instances show, gathered in few queries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from webapp.applications.models import Application, ApplicationState
from webapp.applications.on_instance import applications_on
from webapp.jobs.models import Job
from webapp.jobs.subjects import is_about
from webapp.pools.facts import Summary, collation_names, summary_from
from webapp.pools.listing import newest_discoveries
from webapp.pools.models import Discovery, ElevatedAccount, Instance

COLLATIONS_SHOWN = 100
JOBS_SHOWN = 20


@dataclass(frozen=True)
class Card:
    """An instance in a list."""

    instance: Instance
    summary: Summary
    found_at: Any  # datetime of the newest discovery, or None
    applications: int


@dataclass(frozen=True)
class DatabaseRow:
    """A database that discovery found, and whose it is."""

    facts: dict[str, Any]
    application: Application | None


def cards(session: Session, instances: Iterable[Instance]) -> list[Card]:
    """The cards of ``instances``, in their order."""
    instances = list(instances)
    ids = [instance.id for instance in instances]
    found = newest_discoveries(session, ids)
    taken = (ApplicationState.RESERVED, ApplicationState.DEPLOYED)
    query = (
        select(Application.instance_id, func.count())
        .where(Application.instance_id.in_(ids), Application.state.in_(taken))
        .group_by(Application.instance_id)
    )
    counts: dict[str | None, int] = {row[0]: row[1] for row in session.execute(query)}
    return [
        Card(
            instance,
            summary_from(found[instance.id].summary) if instance.id in found else Summary(),
            found[instance.id].at if instance.id in found else None,
            counts.get(instance.id, 0),
        )
        for instance in instances
    ]


def database_rows(session: Session, instance: Instance, facts: dict[str, Any]) -> list[DatabaseRow] | None:
    """The databases with their applications, system databases last; None when they could not be seen."""
    databases = facts.get("databases")
    if databases is None:
        return None
    owners = {
        database.full_name.lower(): application
        for application in applications_on(session, instance.id)
        for database in application.databases
    }
    rows = [DatabaseRow(one, owners.get(one["name"].lower())) for one in databases]
    return sorted(rows, key=lambda row: (bool(row.facts.get("is_system")), row.facts["name"].lower()))


def newest_facts(session: Session, instance_id: str) -> Discovery | None:
    """The newest discovery with its facts."""
    query = select(Discovery).options(undefer(Discovery.facts)).where(Discovery.instance_id == instance_id)
    return session.scalars(query.order_by(Discovery.id.desc()).limit(1)).one_or_none()


def history(session: Session, instance_id: str) -> list[Discovery]:
    """All discoveries that are kept, the newest first, without their facts."""
    query = select(Discovery).where(Discovery.instance_id == instance_id)
    return list(session.scalars(query.order_by(Discovery.id.desc())))


def matching(names: Iterable[str], text: str) -> list[str]:
    """The names that hold every word of ``text``."""
    words = text.lower().split()
    return [name for name in names if all(word in name.lower() for word in words)]


def collations_shown(facts: dict[str, Any], text: str) -> tuple[list[str], int]:
    """The first collations that fit ``text``, and how many do."""
    found = matching(collation_names(facts), text)
    return found[:COLLATIONS_SHOWN], len(found)


def jobs_of(session: Session, instance: Instance) -> list[Job]:
    """The newest jobs about the instance."""
    query = select(Job).where(is_about("instance", instance.id)).order_by(Job.id.desc())
    return list(session.scalars(query.limit(JOBS_SHOWN)))


def all_accounts(session: Session) -> list[ElevatedAccount]:
    """All elevated accounts, without passwords, by name."""
    return list(session.scalars(select(ElevatedAccount).order_by(ElevatedAccount.name)))
