"""Schedules are made, changed, switched and deleted by operators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.portal import Client, Portal
from webapp.accounts.models import PortalRole
from webapp.database import now
from webapp.jobs.models import Job, Schedule, ScheduleRun
from webapp.jobs.schedules import launch_due

GOOD = {
    "name": "Every night",
    "template": "discover",
    "scope": "all",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "catch_up": "once",
}


def schedules(portal: Portal) -> list[Schedule]:
    with portal.database.reading() as session:
        return session.query(Schedule).order_by(Schedule.name).all()


def test_a_schedule_from_its_birth_to_its_end(portal: Portal, operator: Client) -> None:
    assert "No schedule yet" in operator.get("/schedules").text
    pool = portal.create_pool(name="production")
    answer = operator.post("/schedules/new", {**GOOD, "scope": f"pool:{pool.id}"})
    assert answer.status_code == 302, answer.text
    (made,) = schedules(portal)
    assert (made.cron, made.parameters, made.is_enabled) == ("30 2 * * *", {"pool_id": pool.id}, True)
    page = operator.get("/schedules").text
    assert "Every night" in page
    assert "pool production" in page
    assert page.count("<time") >= 3
    changed = {**GOOD, "name": "Each morning", "cron": "0 6 * * 1-5", "catch_up": "skip"}
    assert operator.post(f"/schedules/{made.id}", changed).status_code == 302
    (made,) = schedules(portal)
    assert (made.name, made.cron, made.catch_up, made.parameters) == (
        "Each morning",
        "0 6 * * 1-5",
        "skip",
        {},
    )
    operator.post(f"/schedules/{made.id}/switch")
    assert not schedules(portal)[0].is_enabled
    assert "None while it is switched off" in operator.get(f"/schedules/{made.id}").text
    operator.post(f"/schedules/{made.id}/switch")
    assert schedules(portal)[0].is_enabled
    operator.post(f"/schedules/{made.id}/delete")
    assert schedules(portal) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cron": "every night"}, "cron expression"),
        ({"cron": "30 25 * * *"}, "cron expression"),
        ({"cron": "0 0 31 2 *"}, "cron expression"),
        ({"time_zone": "Middle/Earth"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "100"),
        ({"template": "apply_booking"}, "valid choice"),
        ({"scope": "pool:nope"}, "valid choice"),
        ({"catch_up": "always"}, "valid choice"),
        ({"cron": "<script>alert(1)</script>"}, "cron expression"),
    ],
)
def test_what_is_wrong_is_said_and_the_input_kept(
    portal: Portal, operator: Client, changed: dict[str, Any], words: str
) -> None:
    answer = operator.post("/schedules/new", {**GOOD, **changed})
    assert answer.status_code == 422
    assert words in answer.text
    assert "Europe/Berlin" in answer.text or "time_zone" in changed
    assert "<script>alert" not in answer.text
    assert schedules(portal) == []


def test_a_name_is_taken_once(portal: Portal, operator: Client) -> None:
    operator.post("/schedules/new", GOOD)
    answer = operator.post("/schedules/new", GOOD)
    assert answer.status_code == 422
    assert "already" in answer.text
    assert len(schedules(portal)) == 1


def test_merged_due_times_are_said_where_people_look(portal: Portal, operator: Client) -> None:
    operator.post("/schedules/new", GOOD)
    (made,) = schedules(portal)
    for number in range(3):
        with portal.database.transaction() as session:
            session.get_one(Schedule, made.id).next_due_at = now() - timedelta(seconds=30 - number)
        launch_due(portal.database)
    with portal.database.transaction() as session:
        (job,) = session.query(Job).all()
        # Due times of an expression by the minute would differ; here they are the test's own.
        runs = session.query(ScheduleRun).count()
    assert runs == 3
    page = " ".join(operator.get(f"/schedules/{made.id}").text.split())
    assert page.count("merged into the waiting <a") == 2
    assert "3 due times in one" in operator.get("/schedules").text
    assert "3 due times in one" in operator.get("/jobs/queue").text
    assert "3 due times in one" in operator.get(f"/jobs/{job.id}/details").text


def test_viewers_look_and_customers_do_not(portal: Portal, operator: Client) -> None:
    operator.post("/schedules/new", GOOD)
    (made,) = schedules(portal)
    viewer = portal.client(portal.create_user(PortalRole.VIEWER))
    assert "Every night" in viewer.get("/schedules").text
    for path in ("/schedules/new", f"/schedules/{made.id}"):
        assert viewer.get(path).status_code == 403
        assert viewer.post(path, GOOD).status_code == 403
    for verb in ("switch", "delete"):
        assert viewer.post(f"/schedules/{made.id}/{verb}").status_code == 403
        assert operator.post(f"/schedules/01ARZ3NDEKTSV4RRFFQ69G5FAV/{verb}").status_code == 404
    assert portal.client(portal.create_user()).get("/schedules").status_code == 403
    assert len(schedules(portal)) == 1
