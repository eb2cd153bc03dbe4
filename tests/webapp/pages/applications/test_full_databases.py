"""A database that is filled to its limit: measured without being asked for, and called full on every page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.hosting import Hosting, staff
from tests.webapp.approvals.conftest import Story, story
from webapp.applications.fullness import is_full, size_text
from webapp.applications.job_templates import CheckQuota
from webapp.applications.measuring import SCHEDULE, measure_by_schedule
from webapp.applications.models import Application
from webapp.audit.operations import PLATFORM
from webapp.database import now
from webapp.jobs.models import Job, JobState, Schedule, ScheduleRun
from webapp.jobs.schedules import delete_schedule, launch_due
from webapp.pools.models import Instance

__all__ = ["story"]


def measured(hosting: Hosting, **figures: Any) -> None:
    """The newest measurement brought this of shop_orders, and has ended."""
    found = {"name": "shop_orders", "data_allocated_mib": figures.get("data_limit_mib"), **figures}
    event = {
        "event": "runner_on_ok",
        "event_data": {
            "task_action": "sqlhosting.mssql.mssql_quota",
            "host": "sql01",
            "res": {"databases": [found]},
        },
    }
    with hosting.portal.database.transaction() as session:
        query = select(Job).where(Job.template == CheckQuota.name).order_by(Job.id.desc()).limit(1)
        job = session.scalars(query).one()
        CheckQuota().observe(session, job, event)
        job.state = JobState.SUCCESSFUL


@pytest.mark.parametrize(
    ("used_mib", "limit_mib", "full"),
    [
        (None, 102, False),
        (102, 102, True),
        (101.0, 102, True),
        (100.9, 102, False),
        (103, 102, True),
        (10_230, 10_240, True),
        (10_200, 10_240, False),
    ],
)
def test_full_is_when_next_to_nothing_is_left(used_mib: float | None, limit_mib: int, full: bool) -> None:
    assert is_full(used_mib, limit_mib) is full


@pytest.mark.parametrize(
    ("mib", "text"),
    [
        (None, "–"),
        (0, "0 MiB"),
        (101.9, "101.9 MiB"),
        (102, "102 MiB"),
        (1024, "1.0 GiB"),
        (10_240, "10.0 GiB"),
    ],
)
def test_sizes_are_told_in_mib_where_gib_says_nothing(mib: float | None, text: str) -> None:
    assert size_text(mib) == text


def test_a_full_database_is_called_full_on_every_page_that_shows_it(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer, size_gib="0.1")
    client = hosting.client(customer)
    page = f"/applications/{application.id}/databases"
    assert client.post(f"/applications/{application.id}/measure").status_code == 302
    assert "Being\n            measured" in client.get(page).text
    assert client.get(f"/applications/{application.id}/measurement").json == {"is_running": True}
    measured(hosting, data_used_mib=101.6, data_limit_mib=102, log_used_mib=8, log_limit_mib=512)
    assert client.get(f"/applications/{application.id}/measurement").json == {"is_running": False}
    shown = client.get(page).text
    assert "It is full." in shown
    assert "101.6 MiB used, 102 MiB allocated, 102 MiB allowed" in shown
    home = " ".join(client.get("/").text.split())
    assert "shop_orders is full: 101.6 MiB of 102 MiB" in home
    assert "Ask for more space" in home
    attention = hosting.client(staff(hosting.portal)).get("/").text
    assert "shop_orders is full" in attention
    assert "101.6 MiB of 102 MiB are used." in attention
    assert "nearly full" not in attention.replace("Pool standard is nearly full", "")


def test_a_full_log_is_said_too(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer, size_gib="1")
    hosting.client(customer).post(f"/applications/{application.id}/measure")
    measured(hosting, data_used_mib=10, data_limit_mib=1024, log_used_mib=512, log_limit_mib=512)
    assert (
        "Its log is full." in hosting.client(customer).get(f"/applications/{application.id}/databases").text
    )
    assert "Log of shop_orders is full" in hosting.client(customer).get("/").text
    assert "The log of shop_orders is full" in hosting.client(staff(hosting.portal)).get("/").text


def test_databases_are_measured_as_soon_as_they_are_there(story: Story) -> None:
    plan = story.approved()
    story.deploy(plan)
    with story.portal.database.reading() as session:
        job = session.scalars(select(Job).where(Job.template == CheckQuota.name)).one()
        application = session.scalars(select(Application)).one()
        assert job.subject("application") == application.id
        assert (job.state, job.parameters) == (JobState.PENDING, {"instance_id": application.instance_id})
        assert job.customer_id == story.customer.id


def test_a_new_platform_measures_by_schedule_from_the_first_day(hosting: Hosting) -> None:
    database = hosting.portal.database
    for _ in range(2):
        with database.transaction() as session:
            measure_by_schedule(session)
    with database.reading() as session:
        (schedule,) = session.scalars(select(Schedule)).all()
        assert (schedule.name, schedule.template) == (SCHEDULE, CheckQuota.name)

    def come_due() -> int:
        with database.transaction() as session:
            session.get_one(Schedule, schedule.id).next_due_at = now() - timedelta(milliseconds=1)
        return launch_due(database)

    assert come_due() == 0  # there is nothing to measure
    with database.reading() as session:
        assert [run.job_id for run in session.scalars(select(ScheduleRun))] == [None]
    hosting.deployed_application(hosting.customer())
    assert come_due() == 1
    hosting.portal.change(hosting.instance, is_open=False)
    with database.transaction() as session:
        assert not CheckQuota().has_work(session, {})
        assert not CheckQuota().has_work(session, {"instance_id": session.scalars(select(Instance.id)).one()})
        delete_schedule(session, PLATFORM, schedule.id)
        measure_by_schedule(session)  # somebody did not want it
        assert session.scalars(select(Schedule)).all() == []
