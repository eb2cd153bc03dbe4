"""Schedules: list, create, change, switch on and off, delete."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from cronsim import CronSimError
from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from wtforms.fields.choices import SelectChoice

from webapp.database import now
from webapp.errors import InvalidInput, NotFound
from webapp.jobs.models import Job, Schedule, ScheduleRun
from webapp.jobs.schedules import change_schedule, create_schedule, delete_schedule, due_times, next_due
from webapp.pages.jobs.forms import EVERYTHING, ScheduleForm
from webapp.pages.jobs.names import names_for
from webapp.pages.jobs.views import jobs
from webapp.pools.models import Instance, Pool
from webapp.web import session as web
from webapp.web.access import OPERATORS, STAFF, actor, may

NEXT_TIMES = 5
RUNS = 20


@jobs.get("/schedules")
@may(STAFF)
def schedules_page() -> ResponseReturnValue:
    """All schedules with their next times."""
    session = web.session()
    schedules = list(session.scalars(select(Schedule).order_by(Schedule.name)))
    targets = [target for schedule in schedules if (target := _target(schedule.parameters))]
    last_jobs = _last_jobs(session)
    return render_template(
        "jobs/schedules.html",
        schedules=schedules,
        scopes={schedule.id: _target(schedule.parameters) for schedule in schedules},
        names=names_for(session, [], targets),
        times={schedule.id: next_times(schedule) for schedule in schedules},
        last_jobs=last_jobs,
        due_times=due_times(session, [job.id for job in last_jobs.values()]),
    )


def next_times(schedule: Schedule) -> list[datetime]:
    """The next due times, in UTC; none when it is switched off."""
    times: list[datetime] = []
    after = now()
    try:
        while schedule.is_enabled and len(times) < NEXT_TIMES:
            due = next_due(schedule.cron, schedule.time_zone, after)
            if due is None:
                break
            times.append(due)
            after = due
    except (CronSimError, KeyError, ValueError):
        return []  # a row that no form wrote
    return times


def _last_jobs(session: Session) -> dict[str, Job]:
    newest = (
        select(func.max(Job.id).label("id"))
        .where(Job.schedule_id.is_not(None))
        .group_by(Job.schedule_id)
        .subquery()
    )
    jobs_found = session.scalars(select(Job).join(newest, newest.c.id == Job.id))
    return {job.schedule_id: job for job in jobs_found if job.schedule_id}


@jobs.route("/schedules/new", methods=["GET", "POST"])
@may(OPERATORS)
def new_schedule() -> ResponseReturnValue:
    """Create a schedule."""
    session = web.session()
    form = _form(session)
    if form.validate_on_submit():
        try:
            schedule = create_schedule(
                session,
                actor(),
                template=form.template.data,
                parameters=_parameters(form.scope.data),
                **_values(form),
            )
            session.commit()
            flash(f"The schedule {schedule.name} is saved.", "success")
            return redirect(url_for("jobs.schedules_page"))
        except InvalidInput as exc:
            session.rollback()
            _show(form, exc)
    return _form_page(form, None, [])


@jobs.route("/schedules/<schedule_id>", methods=["GET", "POST"])
@may(OPERATORS)
def schedule_page(schedule_id: str) -> ResponseReturnValue:
    """Change a schedule; its next times and last runs."""
    session = web.session()
    schedule = session.get(Schedule, schedule_id)
    if schedule is None:
        raise NotFound("There is no such schedule.")
    form = _form(session, schedule)
    if form.validate_on_submit():
        kept = {key: one for key, one in schedule.parameters.items() if key not in ("pool_id", "instance_id")}
        try:
            change_schedule(
                session,
                actor(),
                schedule.id,
                parameters={**kept, **_parameters(form.scope.data)},
                **_values(form),
            )
            session.commit()
            flash(f"The schedule {schedule.name} is saved.", "success")
            return redirect(url_for("jobs.schedules_page"))
        except InvalidInput as exc:
            session.rollback()
            schedule = session.get_one(Schedule, schedule_id)
            _show(form, exc)
    runs = session.scalars(
        select(ScheduleRun)
        .where(ScheduleRun.schedule_id == schedule.id)
        .order_by(ScheduleRun.id.desc())
        .limit(RUNS)
    ).all()
    return _form_page(form, schedule, list(runs))


@jobs.post("/schedules/<schedule_id>/switch")
@may(OPERATORS)
def switch_schedule(schedule_id: str) -> ResponseReturnValue:
    """On when it is off, and the other way round."""
    session = web.session()
    schedule = session.get(Schedule, schedule_id)
    if schedule is None:
        raise NotFound("There is no such schedule.")
    change_schedule(session, actor(), schedule.id, is_enabled=not schedule.is_enabled)
    session.commit()
    flash(f"The schedule {schedule.name} is switched {'on' if schedule.is_enabled else 'off'}.", "success")
    return redirect(url_for("jobs.schedules_page"))


@jobs.post("/schedules/<schedule_id>/delete")
@may(OPERATORS)
def remove_schedule(schedule_id: str) -> ResponseReturnValue:
    """Delete a schedule; the jobs that it launched stay."""
    session = web.session()
    delete_schedule(session, actor(), schedule_id)
    session.commit()
    flash("The schedule is deleted. The jobs that it launched stay.", "success")
    return redirect(url_for("jobs.schedules_page"))


def _form(session: Session, schedule: Schedule | None = None) -> ScheduleForm:
    form = ScheduleForm(obj=schedule)
    schedulable = sorted(
        (one for one in web.runtime().templates.values() if one.is_schedulable), key=lambda one: one.name
    )
    form.template.choices = [
        SelectChoice(one.name, f"{one.name.replace('_', ' ')}: {one.description}") for one in schedulable
    ]
    pools = session.execute(select(Pool.id, Pool.name).order_by(Pool.name)).all()
    instances = session.execute(select(Instance.id, Instance.name).order_by(Instance.name)).all()
    form.scope.choices = [
        SelectChoice(EVERYTHING, "All instances"),
        *(SelectChoice(f"pool:{row.id}", f"The pool {row.name}") for row in pools),
        *(SelectChoice(f"instance:{row.id}", f"The instance {row.name}") for row in instances),
    ]
    if schedule is not None:
        del form.template  # another template is another schedule
        if not form.is_submitted():
            form.scope.data = _target(schedule.parameters) or EVERYTHING
            form.catch_up.data = schedule.catch_up.value
    return form


def _form_page(form: ScheduleForm, schedule: Schedule | None, runs: list[ScheduleRun]) -> ResponseReturnValue:
    begun = _launching(web.session(), schedule.id) if schedule else set()
    page = render_template(
        "jobs/schedule.html",
        form=form,
        schedule=schedule,
        runs=runs,
        merged={run.id for run in runs if run.job_id and run.id not in begun},
        times=next_times(schedule) if schedule else [],
        zones=sorted(available_timezones()),
    )
    return page, 422 if form.errors else 200


def _launching(session: Session, schedule_id: str) -> set[str]:
    """The due times that launched a job. The others with the same job were merged into it."""
    query = (
        select(func.min(ScheduleRun.id))
        .where(ScheduleRun.schedule_id == schedule_id, ScheduleRun.job_id.is_not(None))
        .group_by(ScheduleRun.job_id)
    )
    return set(session.scalars(query))


def _target(parameters: dict[str, Any]) -> str | None:
    for kind in ("instance", "pool"):
        if key := parameters.get(f"{kind}_id"):
            return f"{kind}:{key}"
    return None


def _parameters(scope: str) -> dict[str, Any]:
    kind, _, key = scope.partition(":")
    return {f"{kind}_id": key} if key else {}


def _values(form: ScheduleForm) -> dict[str, Any]:
    return {
        "name": form.name.data,
        "cron": form.cron.data,
        "time_zone": form.time_zone.data,
        "catch_up": form.catch_up.data,
    }


def _show(form: ScheduleForm, problem: InvalidInput) -> None:
    field = getattr(form, problem.field, None) or form.name
    text = str(problem)
    field.errors = [*field.errors, text[:1].upper() + text[1:]]
