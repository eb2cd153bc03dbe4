"""When databases are measured: after each request that changed one, when somebody asks, and by schedule."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.applications.job_templates import CheckQuota
from webapp.applications.models import Application, ApplicationState
from webapp.audit.models import AuditEntry
from webapp.audit.operations import PLATFORM, Actor
from webapp.errors import Conflict
from webapp.jobs.models import ENDED_JOB_STATES, Job
from webapp.jobs.operations import launch
from webapp.jobs.schedules import create_schedule
from webapp.jobs.subjects import is_about, references

SCHEDULE = "Measure all databases"
EVERY = "7,22,37,52 * * * *"


def measure(session: Session, actor: Actor, application: Application) -> Job:
    """Have the application's databases measured now. Raises :class:`Conflict` where there is none.

    A measurement that has not ended is not asked for twice.
    """
    if application.state is not ApplicationState.DEPLOYED or application.instance_id is None:
        raise Conflict(f"{application.name} is {application.state.value}: there is nothing to measure.")
    if job := measurement_of(session, application):
        return job
    return launch(
        session,
        template=CheckQuota.name,
        title=f"Measure {application.name}",
        parameters={"instance_id": application.instance_id},
        subjects=references(application=application.id, instance=application.instance_id),
        customer_id=application.customer_id,
        launched_by=actor,
    )


def measurement_of(session: Session, application: Application) -> Job | None:
    """The job that measures the application and has not ended."""
    query = select(Job).where(
        Job.template == CheckQuota.name,
        is_about("application", application.id),
        Job.state.not_in(ENDED_JOB_STATES),
    )
    if application.instance_id:
        query = query.where(is_about("instance", application.instance_id))
    return session.scalars(query.limit(1)).first()


def measure_by_schedule(session: Session) -> None:
    """Give a new platform the schedule that measures; one that somebody changed or removed is left so."""
    made = select(AuditEntry.number).where(
        AuditEntry.action == "schedule:created", AuditEntry.object_name == SCHEDULE
    )
    if session.scalars(made.limit(1)).first() is None:
        create_schedule(session, PLATFORM, name=SCHEDULE, template=CheckQuota.name, parameters={}, cron=EVERY)
