"""What a job's page says beyond the job: that nobody takes it up, and that another one goes on after it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.jobs import create_job
from tests.support.portal import Client, Portal
from tests.support.served import log_in, served
from webapp.accounts.models import PortalRole
from webapp.database import now
from webapp.jobs.models import Job, JobState, WorkerHeartbeat


def outlook(client: Client, job: Job) -> dict[str, Any]:
    """What the page asks for every now and then."""
    answer = client.get(f"/jobs/{job.id}/outlook")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


def test_a_failed_job_leads_to_the_one_that_runs_it_again(portal: Portal, operator: Client) -> None:
    failed = create_job(portal.database, state=JobState.FAILED, finished_at=now())
    before = outlook(operator, failed)
    assert before["html"].strip() == ""
    assert before["look_again_s"] > 0
    again = create_job(portal.database, relaunch_of_id=failed.id)
    found = outlook(operator, failed)["html"]
    assert f"/jobs/{again.id}" in found
    assert "Run again" in found
    assert f"/jobs/{again.id}" in operator.get(f"/jobs/{failed.id}").text


def test_a_job_that_ended_well_is_asked_about_no_more(portal: Portal, operator: Client) -> None:
    done = create_job(portal.database, state=JobState.SUCCESSFUL, finished_at=now())
    assert outlook(operator, done)["look_again_s"] == 0


def test_a_customer_is_led_to_no_job_that_is_not_theirs(portal: Portal) -> None:
    customer = portal.create_user()
    failed = create_job(portal.database, state=JobState.FAILED, finished_at=now(), customer_id=customer.id)
    create_job(portal.database, relaunch_of_id=failed.id)  # nobody's
    assert outlook(portal.client(customer), failed)["html"].strip() == ""
    stranger = portal.client(portal.create_user())
    assert stranger.get(f"/jobs/{failed.id}/outlook").status_code == 404


def test_staff_hear_that_no_worker_is_alive(portal: Portal, operator: Client) -> None:
    customer = portal.create_user()
    job = create_job(portal.database, state=JobState.PENDING, started_at=None, customer_id=customer.id)
    assert "No worker is alive" in outlook(operator, job)["html"]
    assert "worker" not in outlook(portal.client(customer), job)["html"]
    with portal.database.transaction() as session:
        session.add(
            WorkerHeartbeat(
                name="w1", kind="worker", host_name="here", pid=1, started_at=now() - timedelta(minutes=1),
                last_seen_at=now(),
            )
        )  # fmt: skip
    assert "No worker is alive" not in outlook(operator, job)["html"]


def test_who_watches_a_failed_job_sees_that_it_goes_on(portal: Portal, pages: Pages) -> None:
    failed = create_job(portal.database, state=JobState.FAILED, finished_at=now())
    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        page.goto(f"/jobs/{failed.id}")
        expect(page.locator("#job-outlook")).to_be_empty()
        again = create_job(portal.database, relaunch_of_id=failed.id, title="The second try")
        expect(page.get_by_role("link", name="The second try")).to_have_attribute("href", f"/jobs/{again.id}")
