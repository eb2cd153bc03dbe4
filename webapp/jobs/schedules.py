"""Schedules: launch a job template at due times, each of them once, however many dispatchers look.

One job of a schedule waits at most: a due time that finds one waiting is merged into it, and said.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.database import Database, new_id, now
from webapp.errors import Conflict, InvalidInput, NotFound
from webapp.jobs.endings import is_changed, templates_of
from webapp.jobs.models import QUEUED_JOB_STATES, CatchUp, Job, Schedule, ScheduleRun
from webapp.jobs.operations import launch

MISSED_S = 120  # a due time that is older was missed: the catch-up policy decides
LONGEST_NAME = 100  # characters; the column's length
BATCH = 100  # schedules in one round

_log = logging.getLogger(__name__)


def next_due(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first due time later than ``after``, in UTC; None when there never is one.

    On days with a change of clocks as Debian's cron does it: an hour that is left out is made up for at once,
    an hour that comes twice counts once, except for expressions with ``*`` hours. Raises ``CronSimError``.
    """
    try:
        due: datetime = next(CronSim(cron, after.astimezone(ZoneInfo(time_zone))))
    except StopIteration:
        return None
    return due.astimezone(UTC)


def create_schedule(
    session: Session,
    actor: Actor,
    *,
    name: str,
    template: str,
    parameters: dict[str, Any],
    cron: str,
    time_zone: str = "UTC",
    catch_up: CatchUp | str = CatchUp.ONCE,
) -> Schedule:
    """A new schedule. Raises :class:`webapp.errors.InvalidInput` that names the field."""
    schedule = Schedule(
        id=new_id(), name=_checked_name(session, name), template=_checked_template(session, template),
        parameters=_checked_parameters(parameters), cron=cron.strip(), time_zone=time_zone.strip(),
        catch_up=_checked_catch_up(catch_up), created_by_id=actor.id,
    )  # fmt: skip
    schedule.next_due_at = _checked_due(schedule.cron, schedule.time_zone)
    session.add(schedule)
    session.flush()
    _record(session, actor, schedule, "created")
    return schedule


def change_schedule(session: Session, actor: Actor, schedule_id: str, **values: Any) -> Schedule:
    """Change name, parameters, cron, time_zone, catch_up or is_enabled.

    Due times that passed while it was switched off, or by the old expression, are not caught up.
    Raises :class:`webapp.errors.InvalidInput`, :class:`webapp.errors.NotFound`.
    """
    schedule = _schedule(session, schedule_id)
    for field, value in values.items():
        match field:
            case "name":
                schedule.name = _checked_name(session, value, besides=schedule.id)
            case "parameters":
                schedule.parameters = _checked_parameters(value)
            case "cron" | "time_zone":
                setattr(schedule, field, value.strip())
            case "catch_up":
                schedule.catch_up = _checked_catch_up(value)
            case "is_enabled":
                schedule.is_enabled = bool(value)
            case _:
                raise InvalidInput(field, "it cannot be changed", "Make a new schedule instead")
    due = _checked_due(schedule.cron, schedule.time_zone)
    schedule.next_due_at = due if schedule.is_enabled else None
    session.flush()
    _record(session, actor, schedule, "changed", changed=sorted(values))
    return schedule


def delete_schedule(session: Session, actor: Actor, schedule_id: str) -> None:
    """Remove a schedule with its list of runs; jobs stay. Raises :class:`webapp.errors.NotFound`."""
    schedule = _schedule(session, schedule_id)
    session.execute(delete(ScheduleRun).where(ScheduleRun.schedule_id == schedule.id))
    session.delete(schedule)
    session.flush()
    _record(session, actor, schedule, "deleted")


def launch_due(database: Database) -> int:
    """Launch every schedule that is due; how many new jobs. Each has a transaction of its own."""
    with database.reading() as session:
        query = select(Schedule.id).where(Schedule.is_enabled.is_(True), Schedule.next_due_at <= now())
        due = session.scalars(query.order_by(Schedule.next_due_at).limit(BATCH)).all()
    count = 0
    for schedule_id in due:
        try:
            with database.transaction() as session:
                count += _launch_one(session, schedule_id)
        except IntegrityError:
            _log.info("schedule_taken schedule_id=%s", schedule_id)  # another dispatcher was faster
        except Conflict as exc:
            _log.warning("schedule_refused schedule_id=%s error=%s", schedule_id, type(exc).__name__)
    return count


def _launch_one(session: Session, schedule_id: str) -> int:
    schedule = session.get(Schedule, schedule_id)
    moment = now()
    if schedule is None or schedule.next_due_at is None or schedule.next_due_at > moment:
        return 0
    first = schedule.next_due_at
    due, following = _newest_due(schedule, moment)
    result = session.execute(
        update(Schedule)
        .where(Schedule.id == schedule.id, Schedule.next_due_at == first, Schedule.is_enabled.is_(True))
        .values(next_due_at=following)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[Any]", result).rowcount == 0:
        return 0
    run = ScheduleRun(id=new_id(), schedule_id=schedule.id, due_at=due)
    session.add(run)
    session.flush()
    is_missed = (moment - due).total_seconds() > MISSED_S
    parameters = dict(schedule.parameters)
    is_skipped = is_missed and schedule.catch_up is CatchUp.SKIP
    if is_skipped or not _has_work(session, schedule.template, parameters):
        _log.info("schedule_skipped schedule_id=%s", schedule.id)
        return 0
    subjects = _subjects(session, schedule.template, parameters)
    if waiting := _merged(session, schedule, parameters, subjects):
        run.job_id = waiting.id
        session.flush()
        _log.info("schedule_merged schedule_id=%s job_id=%s", schedule.id, waiting.id)
        return 0
    try:
        with session.begin_nested():
            job = launch(
                session, template=schedule.template, title=schedule.name, parameters=parameters,
                subjects=subjects, schedule_id=schedule.id,
                launched_by=Actor("platform", f"schedule {schedule.name}"),
            )  # fmt: skip
    except InvalidInput as exc:  # its template is gone; the due time is used up all the same
        _log.error("schedule_not_launched schedule_id=%s field=%s", schedule.id, exc.field)
        return 0
    run.job_id = job.id
    session.flush()
    _log.info("schedule_launched schedule_id=%s job_id=%s", schedule.id, job.id)
    return 1


def _merged(
    session: Session, schedule: Schedule, parameters: dict[str, Any], subjects: list[str]
) -> Job | None:
    """The schedule's job that still waits, which stands for this due time, too; as the schedule is today.

    So what nobody could run does not pile up: one job of a schedule waits at most.
    """
    query = select(Job).where(Job.schedule_id == schedule.id, Job.state.in_(QUEUED_JOB_STATES))
    waiting = session.scalars(query.order_by(Job.id.desc()).limit(1)).one_or_none()
    if waiting is None or not is_changed(
        session, waiting.id, Job.state.in_(QUEUED_JOB_STATES), title=schedule.name, parameters=parameters
    ):
        return None
    session.refresh(waiting)
    if waiting.subjects != subjects:
        waiting.subjects = subjects
        session.flush()
    return waiting


def due_times(session: Session, job_ids: Collection[str]) -> dict[str, int]:
    """For how many due times each of these jobs stands; jobs of no schedule are left out."""
    query = (
        select(ScheduleRun.job_id, func.count())
        .where(ScheduleRun.job_id.in_(job_ids))
        .group_by(ScheduleRun.job_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def _has_work(session: Session, template: str, parameters: dict[str, Any]) -> bool:
    known = templates_of(session).get(template)
    return known is None or known.has_work(session, parameters)


def _subjects(session: Session, template: str, parameters: dict[str, Any]) -> list[str]:
    known = templates_of(session).get(template)
    return [] if known is None else known.subjects(parameters)


def _newest_due(schedule: Schedule, moment: datetime) -> tuple[datetime, datetime | None]:
    """The newest due time that has passed, and the next. Looks back little, not through months of minutes."""
    assert schedule.next_due_at is not None
    due = schedule.next_due_at
    for back in (timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366)):
        start = moment - back
        if start <= due:
            break
        later = next_due(schedule.cron, schedule.time_zone, start)
        if later is not None and later <= moment:
            due = later
            break
    following = next_due(schedule.cron, schedule.time_zone, due)
    while following is not None and following <= moment:
        due, following = following, next_due(schedule.cron, schedule.time_zone, following)
    return due, following


def _checked_due(cron: str, time_zone: str) -> datetime:
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            "time_zone", f"{time_zone!r} is no time zone", "Write for instance Europe/Berlin or UTC"
        ) from None
    remedy = "Write minute, hour, day, month and weekday, for instance 30 2 * * *"
    try:
        due = next_due(cron, time_zone, now())
    except CronSimError as exc:
        raise InvalidInput("cron", f"{cron!r} is no cron expression: {exc}", remedy) from None
    if due is None:
        raise InvalidInput("cron", f"{cron!r} is never due", remedy)
    return due


def _checked_name(session: Session, name: str, *, besides: str | None = None) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput("name", f"it has {len(name)} characters", f"Use 1 to {LONGEST_NAME}")
    other = session.scalar(select(Schedule.id).where(Schedule.name == name))
    if other is not None and other != besides:
        raise InvalidInput("name", f"there is a schedule {name} already", "Choose another name")
    return name


def _checked_template(session: Session, template: str) -> str:
    known = {name for name, one in templates_of(session).items() if one.is_schedulable}
    if template not in known:
        raise InvalidInput(
            "template", f"{template!r} cannot be scheduled", f"Choose one of {', '.join(sorted(known))}"
        )
    return template


def _checked_parameters(parameters: Any) -> dict[str, Any]:
    if not isinstance(parameters, Mapping):
        raise InvalidInput("parameters", "they are no set of names and values", "Write a JSON object")
    return dict(parameters)


def _checked_catch_up(value: CatchUp | str) -> CatchUp:
    try:
        return CatchUp(value)
    except ValueError:
        raise InvalidInput("catch_up", f"{value!r} is unknown", "Choose once or skip") from None


def _schedule(session: Session, schedule_id: str) -> Schedule:
    schedule = session.get(Schedule, schedule_id)
    if schedule is None:
        raise NotFound("There is no such schedule.")
    return schedule


def _record(session: Session, actor: Actor, schedule: Schedule, verb: str, **details: Any) -> None:
    record(
        session, actor, f"schedule:{verb}", object_kind="schedule", object_id=schedule.id,
        object_name=schedule.name, cron=schedule.cron, template=schedule.template, **details,
    )  # fmt: skip
