"""Schedules: each due time once, whoever looks; what was missed is caught up or not; clocks that change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from webapp.audit.operations import PLATFORM, Actor
from webapp.database import new_id, now
from webapp.errors import InvalidInput, NotFound
from webapp.jobs.claim import claim
from webapp.jobs.models import CatchUp, Job, JobState, Schedule, ScheduleRun
from webapp.jobs.operations import queue_position
from webapp.jobs.runtime import Runtime
from webapp.jobs.schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    due_times,
    launch_due,
    next_due,
)
from webapp.jobs.settling import Verdict, settle
from webapp.jobs.turns import queued_in_turn, whose_turn

SOMEBODY = Actor("user", "operator@example.com", "01J00000000000000000000000")
EVERY_MINUTE = "* * * * *"


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def schedule(runtime: Runtime) -> Callable[..., Schedule]:
    """Makes a schedule; keywords as of ``create_schedule``, and ``next_due_at``."""

    def make(*, next_due_at: datetime | None = None, **values: Any) -> Schedule:
        given: dict[str, Any] = {"name": "Look", "template": "play", "parameters": {}, "cron": EVERY_MINUTE}
        with runtime.database.transaction() as session:
            made = create_schedule(session, SOMEBODY, **{**given, **values})
            if next_due_at is not None:
                made.next_due_at = next_due_at
        return made

    return make


def jobs_of(runtime: Runtime, schedule: Schedule) -> list[Job]:
    """What it has launched."""
    with runtime.database.reading() as session:
        return list(session.scalars(select(Job).where(Job.schedule_id == schedule.id)))


def test_a_due_time_is_launched_once_by_many_dispatchers(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    began = now()
    made = schedule(next_due_at=began - timedelta(seconds=1), parameters={"pool_id": "01P"})
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(launch_due(runtime.database))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(counts) == [0] * 7 + [1]
    (job,) = jobs_of(runtime, made)
    assert (job.template, job.title, job.parameters, job.subject("pool")) == (
        "play",
        "Look",
        {"pool_id": "01P"},
        "01P",
    )
    with runtime.database.reading() as session:
        (run,) = session.scalars(select(ScheduleRun)).all()
        assert run.job_id == job.id
        due = session.get_one(Schedule, made.id).next_due_at
    assert due is not None
    assert due > began


def test_what_is_not_due_or_switched_off_is_not_launched(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    schedule(name="later")
    off = schedule(name="off", next_due_at=now() - timedelta(seconds=1))
    with runtime.database.transaction() as session:
        change_schedule(session, SOMEBODY, off.id, is_enabled=False)
    assert launch_due(runtime.database) == 0
    began = now()
    with runtime.database.transaction() as session:
        due = change_schedule(session, SOMEBODY, off.id, is_enabled=True).next_due_at
    assert due is not None
    assert due > began, "what passed while it was off is not caught up"


@pytest.mark.parametrize(("catch_up", "jobs"), [(CatchUp.ONCE, 1), (CatchUp.SKIP, 0)])
def test_days_that_were_missed_are_caught_up_once_or_skipped(
    runtime: Runtime, schedule: Callable[..., Schedule], catch_up: CatchUp, jobs: int
) -> None:
    hour = (now().hour + 12) % 24  # half a day ago: long missed, whenever the test runs
    made = schedule(cron=f"0 {hour} * * *", catch_up=catch_up, next_due_at=now() - timedelta(days=5))
    assert launch_due(runtime.database) == jobs
    assert launch_due(runtime.database) == 0
    assert len(jobs_of(runtime, made)) == jobs


def test_a_schedule_that_was_down_for_months_does_not_count_through_every_minute(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    made = schedule(next_due_at=now() - timedelta(days=200))
    assert launch_due(runtime.database) == 1
    assert launch_due(runtime.database) == 0
    assert len(jobs_of(runtime, made)) == 1


def come_due(runtime: Runtime, schedule: Schedule, times: int) -> int:
    """Let the schedule be due so often, each a little later than the one before; how many jobs that made."""
    made = 0
    for _ in range(times):
        # The time itself, and not a full minute: the next one of the expression is in the future.
        with runtime.database.transaction() as session:
            session.get_one(Schedule, schedule.id).next_due_at = now() - timedelta(milliseconds=1)
        made += launch_due(runtime.database)
    return made


def test_due_times_that_nobody_could_run_wait_as_one_job(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    made = schedule()
    assert come_due(runtime, made, 30) == 1
    (job,) = jobs_of(runtime, made)
    with runtime.database.reading() as session:
        runs = session.scalars(select(ScheduleRun).where(ScheduleRun.schedule_id == made.id)).all()
        assert {run.job_id for run in runs} == {job.id}
        assert due_times(session, [job.id]) == {job.id: len(runs)}


def test_while_its_job_runs_a_schedule_has_one_more_that_waits(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    made = schedule()
    assert come_due(runtime, made, 1) == 1
    (job,) = jobs_of(runtime, made)
    claimed = claim(runtime.database, runtime.settings, job.id, worker="w")
    assert claimed is not None
    assert come_due(runtime, made, 5) == 1
    assert [job.state for job in sorted(jobs_of(runtime, made), key=lambda one: one.id)] == [
        JobState.RUNNING,
        JobState.PENDING,
    ]


def test_a_waiting_job_becomes_what_its_schedule_is_now(
    runtime: Runtime, schedule: Callable[..., Schedule]
) -> None:
    made = schedule(parameters={"pool_id": "01P"})
    come_due(runtime, made, 1)
    with runtime.database.transaction() as session:
        change_schedule(session, SOMEBODY, made.id, name="Other", parameters={"pool_id": "01Q"})
    come_due(runtime, made, 1)
    (job,) = jobs_of(runtime, made)
    assert (job.title, job.parameters, job.subjects) == ("Other", {"pool_id": "01Q"}, ["pool:01Q"])


def test_what_people_ask_for_goes_before_what_schedules_launched(
    runtime: Runtime, schedule: Callable[..., Schedule], launched: Callable[..., Job]
) -> None:
    for number in range(3):
        come_due(runtime, schedule(name=f"Look {number}"), 1)
    people = [launched(targets=["instance:1"]), launched(targets=["instance:2"])]
    with runtime.database.reading() as session:
        waiting = list(session.scalars(queued_in_turn()))
        scheduled = [job for job in waiting if job.schedule_id]
        assert [job.id for job in waiting] == [job.id for job in (*people, *scheduled)]
        assert [queue_position(session, job) for job in waiting] == [1, 2, 3, 4, 5]
        # A ring for a scheduled job starts a person's; a ring for that one, once it runs, a scheduled one.
        assert whose_turn(session, scheduled[0].id) == people[0].id
        assert whose_turn(session, people[1].id) == people[1].id
    assert claim(runtime.database, runtime.settings, people[0].id, worker="w") is not None
    with runtime.database.reading() as session:
        assert whose_turn(session, people[0].id) == scheduled[0].id
        assert whose_turn(session, scheduled[2].id) == people[1].id


def test_for_a_lock_a_scheduled_job_waits_until_people_are_served(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    scheduled = launched(targets=["instance:1"], schedule_id=new_id())
    person = launched(targets=["instance:1"])
    assert claim(runtime.database, runtime.settings, scheduled.id, worker="w") is None
    claimed = claim(runtime.database, runtime.settings, person.id, worker="w")
    assert claimed is not None
    settle(runtime.database, runtime.settings, claimed, Verdict(JobState.SUCCESSFUL, None, 0))
    assert claim(runtime.database, runtime.settings, scheduled.id, worker="w") is not None


def test_a_ring_for_what_is_no_job_starts_what_was_overtaken_or_nothing(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    with runtime.database.reading() as session:
        assert whose_turn(session, "01ARZ3NDEKTSV4RRFFQ69G5FAV") == "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    launched()
    with runtime.database.reading() as session:
        assert whose_turn(session, "01ARZ3NDEKTSV4RRFFQ69G5FAV") == "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    ("cron", "after", "due"),
    [
        ("30 2 * * *", "2026-03-28 12:00", "2026-03-29 01:00"),  # 2:30 does not exist that night: at 3:00
        ("30 2 * * *", "2026-10-24 12:00", "2026-10-25 00:30"),  # 2:30 comes twice: the first one
        ("30 2 * * *", "2026-10-25 00:30", "2026-10-26 01:30"),  # and not the second
        ("0 4 * * *", "2026-03-28 12:00", "2026-03-29 02:00"),  # 4:00 in summer is 2:00 UTC
        ("0 4 * * *", "2026-11-01 12:00", "2026-11-02 03:00"),  # in winter 3:00
    ],
)
def test_due_times_follow_the_clocks_of_their_time_zone(cron: str, after: str, due: str) -> None:
    assert next_due(cron, "Europe/Berlin", at(after)) == at(due)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "x" * 101}),
        ("name", {"name": "taken"}),
        ("template", {"template": "apply_booking"}),
        ("template", {"template": "'; DROP TABLE jobs; --"}),
        ("parameters", {"parameters": ["a"]}),
        ("cron", {"cron": "every day"}),
        ("cron", {"cron": "61 * * * *"}),
        ("cron", {"cron": "0 0 31 2 *"}),
        ("cron", {"cron": ""}),
        ("time_zone", {"time_zone": "Europe/Nowhere"}),
        ("time_zone", {"time_zone": "../../etc/passwd"}),
        ("catch_up", {"catch_up": "twice"}),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_field(
    runtime: Runtime, schedule: Callable[..., Schedule], field: str, values: dict[str, Any]
) -> None:
    schedule(name="taken")
    with pytest.raises(InvalidInput) as caught:
        schedule(**values)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_schedule_is_changed_and_deleted(runtime: Runtime, schedule: Callable[..., Schedule]) -> None:
    made = schedule(next_due_at=now() - timedelta(seconds=1))
    assert launch_due(runtime.database) == 1
    with runtime.database.transaction() as session:
        changed = change_schedule(
            session, SOMEBODY, made.id, cron="0 4 * * *", time_zone="Europe/Berlin", name="Look"
        )
        assert (changed.cron, changed.time_zone) == ("0 4 * * *", "Europe/Berlin")
    with runtime.database.transaction() as session, pytest.raises(InvalidInput, match="cannot be changed"):
        change_schedule(session, SOMEBODY, made.id, template="other")
    with runtime.database.transaction() as session:
        delete_schedule(session, PLATFORM, made.id)
    with runtime.database.transaction() as session, pytest.raises(NotFound):
        delete_schedule(session, PLATFORM, made.id)
    assert len(jobs_of(runtime, made)) == 1
