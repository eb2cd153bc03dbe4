"""Measure databases: how much of their limits they use."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.models import Application, ApplicationDatabase, ApplicationState
from webapp.database import now
from webapp.jobs.event_rows import module_of
from webapp.jobs.models import Job
from webapp.jobs.templates import Launch, NotLaunchable
from webapp.pools.contact import OnInstances, instance_called
from webapp.pools.inventory import run_inventory
from webapp.pools.models import Instance
from webapp.pools.subjects import subjects_in

QUOTA_MODULE = "mssql_quota"


class CheckQuota(OnInstances):
    """``parameters``: ``instance_id`` or ``pool_id``; neither for all instances."""

    name = "check_quota"
    description = "Measures how much of their limits the databases use."
    is_schedulable = True

    def prepare(self, session: Session, job: Job) -> Launch:
        """Read only: the playbook changes nothing."""
        inventory, secrets = run_inventory(
            session, job.parameters.get("pool_id"), job.parameters.get("instance_id")
        )
        if not inventory:
            raise NotLaunchable("There is no instance to measure.")
        return Launch("playbooks/check_quota.yml", inventory, secrets=secrets)

    def has_work(self, session: Session, parameters: dict[str, Any]) -> bool:
        """Whether there is a database on an open instance to measure."""
        query = (
            select(ApplicationDatabase.id)
            .join(Application, Application.id == ApplicationDatabase.application_id)
            .join(Instance, Instance.id == Application.instance_id)
            .where(ApplicationDatabase.state == ApplicationState.DEPLOYED, Instance.is_open)
        )
        if pool_id := parameters.get("pool_id"):
            query = query.where(Instance.pool_id == pool_id)
        if instance_id := parameters.get("instance_id"):
            query = query.where(Instance.id == instance_id)
        return session.scalars(query.limit(1)).first() is not None

    def subjects(self, parameters: dict[str, Any]) -> list[str]:
        """The instance or pool that is measured."""
        return subjects_in(parameters)

    def take_event(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Keep what was measured with the databases it belongs to."""
        data = event.get("event_data") or {}
        if event.get("event") != "runner_on_ok" or module_of(data) != QUOTA_MODULE:
            return
        measured = (data.get("res") or {}).get("databases") or []
        instance = instance_called(session, job, data.get("host"))
        if instance is not None:
            keep_measurement(session, instance, measured)


def keep_measurement(session: Session, instance: Instance, measured: list[dict[str, Any]]) -> None:
    """Write ``mssql_quota``'s ``databases`` to the rows of the instance's applications."""
    query = (
        select(ApplicationDatabase)
        .join(Application, Application.id == ApplicationDatabase.application_id)
        .where(Application.instance_id == instance.id, ApplicationDatabase.state == ApplicationState.DEPLOYED)
    )
    rows = {database.full_name.lower(): database for database in session.scalars(query)}
    for found in measured:
        database = rows.get(str(found.get("name", "")).lower())
        if database is None or found.get("data_used_mib") is None:
            continue  # somebody else's, or one that could not be measured
        database.data_used_mib = found["data_used_mib"]
        database.data_allocated_mib = found.get("data_allocated_mib")
        database.log_used_mib = found.get("log_used_mib")
        # What holds on the instance; without a limit of its own the asked one stays.
        database.data_limit_mib = int(found.get("data_limit_mib") or database.data_limit_mib)
        database.log_limit_mib = int(found.get("log_limit_mib") or database.log_limit_mib)
        database.measured_at = now()
