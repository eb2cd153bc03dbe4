"""The pages of approvals: what a reader finds, and what they do not."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest
from sqlalchemy import select

from tests.support.browser import Pages, shared_browser
from tests.support.served import log_in, served
from tests.webapp.approvals.conftest import Story, failed, line, ok
from webapp.accounts.models import PortalRole
from webapp.bookings.models import BookingState
from webapp.bookings.plans import PlanItem, PlanState
from webapp.jobs.models import Job, JobState
from webapp.pages.approvals.difference import difference, in_words
from webapp.pages.approvals.highlighting import names, sql_with_secrets


@pytest.fixture
def pages(pytestconfig: pytest.Config):
    with shared_browser(pytestconfig).pages() as pages:
        yield pages


def statement(template: str, text: str, database: str = "master"):
    return PlanItem(
        template=template,
        text=text,
        database=database,
        instance="x,1433",
        inventory_host="sql03",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


BOOKING = [
    statement("login/create", "CREATE LOGIN [shop_owner] WITH PASSWORD = N'$(x)'"),
    statement("login/disable", "ALTER LOGIN [shop_owner] DISABLE"),
    statement("database/create", "CREATE DATABASE [shop_db]"),
    statement("login/create", "CREATE LOGIN [shop_app] WITH PASSWORD = N'$(y)'"),
    statement("user/create", "CREATE USER [shop_app] FOR LOGIN [shop_app]", "shop_db"),
    statement("user/add_role", "ALTER ROLE [db_datareader] ADD MEMBER [shop_app]", "shop_db"),
    statement("user/grant", "GRANT EXECUTE TO [shop_app]", "shop_db"),
]


def test_differences_are_told_statement_by_statement():
    newer = [BOOKING[0], *BOOKING[2:], statement("user/deny", "DENY X TO [shop_app]", "shop_db")]
    lines = difference(BOOKING, newer)
    assert [one.statement.text for one in lines if one.kind == "removed"] == [BOOKING[1].text]
    assert [one.statement.text for one in lines if one.kind == "added"] == ["DENY X TO [shop_app]"]
    assert in_words(lines) == "1 statement fell away, 1 is new, 6 are as before"
    assert in_words(difference(BOOKING, BOOKING)).startswith("Nothing")
    assert in_words(difference(BOOKING, [])) == "7 statements fell away, none is as before"


def test_only_placeholders_of_secrets_are_marked_and_markup_stays_text():
    text = "CREATE LOGIN [<b>] WITH PASSWORD = N'$(secret)', X = N'$(other)'"
    shown = sql_with_secrets(text, ["secret"])
    assert "$(secret)</mark>" in shown
    assert "$(other)</mark>" not in shown
    assert "<b>" not in shown
    assert names("`<b>` & x") == "<code>&lt;b&gt;</code> &amp; x"


def test_the_page_of_a_plan_shows_what_will_be_done_and_no_secret(story: Story):
    plan = story.planned()
    with story.portal.database.reading() as session:
        secret = session.merge(plan.booking, load=True).secret
    assert secret
    page = story.client(story.admin).get(f"/approvals/{plan.id}").text
    assert "CREATE" in page
    assert '<mark class="secret"' in page
    assert "for the new shop" in page
    assert (plan.hash or "")[:12] in page
    script = story.client(story.admin).get(f"/approvals/{plan.id}/plan.sql")
    assert "CREATE DATABASE [shop_orders];\nGO" in script.text
    assert "USE [shop_orders];" in script.text
    for text in (page, script.text):
        assert secret not in text


def test_pages_of_plans_are_for_staff(story: Story):
    plan = story.planned()
    for role, expected in ((PortalRole.VIEWER, 200), (PortalRole.OPERATOR, 200), (PortalRole.CUSTOMER, 403)):
        client = story.client(story.portal.create_user(role))
        for path in ("/approvals", f"/approvals/{plan.id}", f"/approvals/{plan.id}/plan.sql"):
            assert client.get(path).status_code == expected, (role, path)
    viewer = story.client(story.portal.create_user(PortalRole.VIEWER)).get(f"/approvals/{plan.id}").text
    assert 'value="approve"' not in viewer
    assert story.client(story.admin).get("/approvals/01ABCDEFGHJKMNPQRSTVWXYZ00").status_code == 404
    assert story.client(story.customer).get(f"/bookings/{plan.booking_id}").status_code == 200


def test_the_list_says_what_waits_for_whom(story: Story):
    own = story.run_planning(story.book("own", by=story.operator), story.lines("own"))
    story.planned(name="shop")
    page = story.client(story.operator).get("/approvals").text
    mine, others = page.split("Waiting for others")
    assert "Book shop on" in mine
    assert "Book own on" not in mine
    assert "Book own on" in others
    story.decide(own, story.admin, "reject", "no")
    rejected = story.client(story.admin).get("/approvals?state=rejected").text
    assert "Book own on" in rejected
    assert "Book shop on" not in rejected
    assert story.client(story.admin).get("/approvals?state=nonsense&after=x").status_code == 200


WRONG: dict[str, tuple[Any, str]] = {
    "another instance": ({"inventory_host": "sql02"}, "statements for others than sql01"),
    "another database": ({"database": "payroll"}, "not the application's: payroll"),
    "a text that does not fit its hash": ({"sha256": "0" * 64}, "do not fit their hashes"),
    "a read": ({"kind": "read"}, "are no changes planned"),
    "the platform's password": (
        {"text": "CREATE LOGIN x WITH PASSWORD = N'Plat-form-1!'"},
        "A password is in",
    ),
    "the platform's password in words": ({"words": "use `Plat-form-1!`"}, "A password is in"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_plan_with_what_does_not_belong_into_it_fails(story: Story, what: str):
    changed, expected = WRONG[what]
    lines = story.lines()
    if "text" in changed:
        changed = {**changed, "sha256": hashlib.sha256(changed["text"].encode()).hexdigest()}
    lines[1] |= changed
    plan = story.run_planning(story.book(), lines)
    assert plan.state is PlanState.FAILED
    assert expected in (plan.failure or "")
    booking = story.booking(plan.booking_id)
    assert booking.state is BookingState.FAILED
    assert story.client(story.admin).get(f"/approvals/{plan.id}").status_code == 200
    assert "payroll" not in (booking.failure or "")


@pytest.mark.parametrize(
    ("events", "customer", "staff"),
    [
        (
            [
                ok(ansible_facts={"application_placement": {"instance": None, "cause": "no_room"}}),
                failed("sql01: cannot take it"),
            ],
            "has room for it now",
            "sql01: cannot take it",
        ),
        (
            [ok(ansible_facts={"application_cause": "no_room"}), failed("sql01: cannot get more")],
            "has room for it now",
            "sql01: cannot get more",
        ),
        (
            [
                ok(ansible_facts={"application_placement": {"instance": None, "cause": "no_answer"}}),
                failed("sql01: away"),
            ],
            "did not answer",
            "sql01: away",
        ),
        (
            [failed("sql01: no connection: nothing listens", kind="ConnectionFailed")],
            "did not answer",
            "nothing listens",
        ),
        (
            [ok(ansible_facts={"application_cause": None}), failed(["name is wrong", "size is wrong"])],
            "could not be prepared",
            "name is wrong size is wrong",
        ),
    ],
)
def test_a_failed_planning_has_words_for_customers_and_for_staff(story: Story, events, customer, staff):
    booking = story.book()
    job_id = story.plan(booking).job_id
    story.engine.claim(job_id)
    for event in events:
        story.engine.observe(job_id, event)
    story.engine.end(job_id, JobState.FAILED)
    booking = story.booking(booking.id)
    assert booking.state is BookingState.FAILED
    assert customer in (booking.failure or "")
    assert "sql01" not in (booking.failure or "")
    assert staff in story.client(story.admin).get(f"/approvals/{story.plan(booking).id}").text
    assert story.client(story.operator).post(f"/bookings/{booking.id}/plan").status_code == 302
    assert story.plan(booking).number == 2


def test_planning_that_is_tried_twice_plans_each_statement_once(story: Story):
    booking = story.book()
    job_id = story.plan(booking).job_id
    story.engine.claim(job_id)
    story.engine.observe(job_id, lines=story.lines())  # the worker dies here
    plan = story.run_planning(booking)
    assert len(plan.statements) == 3


def actions_of(story: Story, job_id: str | None) -> set[str]:
    """The buttons that an operator sees on a job's page."""
    page = story.client(story.operator).get(f"/jobs/{job_id}").text
    return set(re.findall(r'<span data-action="(\w+)"(?: data-unless="\w+")?>', page))


def test_who_reads_why_a_request_failed_reads_what_helps_them(story: Story):
    plan = story.approved()
    job_id = story.booking(plan.booking_id).job_id
    story.engine.claim(job_id)
    story.engine.observe(job_id, failed("nothing listens on port 1433", kind="ConnectionFailed"))
    story.engine.end(job_id, JobState.FAILED, "sql01: nothing listens on port 1433")
    customer = story.client(story.customer).get(f"/bookings/{plan.booking_id}").text
    assert "You have nothing to do" in customer
    assert "nothing listens" not in customer
    page = story.client(story.operator).get(f"/bookings/{plan.booking_id}").text
    assert "sql01: nothing listens on port 1433" in page
    assert "The customer reads:" in page
    assert "You mend the cause" in page
    first = story.client(story.operator).get("/").text
    assert "sql01: nothing listens on port 1433" in first
    assert "You have nothing to do" not in first
    assert "is unreachable" in first


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.ERROR, JobState.CANCELED])
def test_a_failed_run_fails_the_request_and_can_be_gone_on_with(story: Story, state: JobState):
    plan = story.approved()
    job_id = story.booking(plan.booking_id).job_id
    story.engine.claim(job_id)
    event = failed("Disk full", kind="DiskFull")
    story.engine.observe(job_id, event, lines=[line("x/y", "CREATE", event="intent")])
    story.engine.end(job_id, state, "it broke")
    booking = story.booking(plan.booking_id)
    assert booking.state is BookingState.FAILED
    assert story.plan(booking).state is PlanState.APPROVED
    assert actions_of(story, job_id) == ({"relaunch"} if state is JobState.CANCELED else {"resume"})
    answer = story.client(story.operator).post(f"/jobs/{job_id}/relaunch")
    assert answer.status_code in (302, 303), answer.text
    with story.portal.database.reading() as session:
        again = session.scalars(select(Job).where(Job.relaunch_of_id == job_id)).one()
    story.engine.claim(again.id)
    story.engine.observe(again.id, ok(application_connection={"host": "h", "port": 1, "instance": "sql01"}))
    assert actions_of(story, job_id) == set()
    story.engine.end(again.id)
    assert story.booking(plan.booking_id).state is BookingState.DEPLOYED
    assert actions_of(story, job_id) == actions_of(story, again.id) == set()


def test_a_target_that_keeps_changing_ends_at_people(story: Story):
    story.policy(approvals=0)
    plan = story.planned()
    for _ in range(3):
        job_id = story.booking(plan.booking_id).job_id
        story.engine.claim(job_id)
        story.engine.observe(job_id, failed("not what was approved", kind="PlanRefused"))
        story.engine.end(job_id, JobState.FAILED)
        booking = story.booking(plan.booking_id)
        if booking.state is BookingState.PENDING:
            plan = story.run_planning(booking)
    assert booking.state is BookingState.FAILED
    assert "several times" in (booking.failure or "")


def test_an_approver_reads_and_approves_in_a_browser(story: Story, pages: Pages):
    plan = story.planned()
    with served(story.portal.app) as address:
        page = pages.new_page(address, width=390)
        log_in(page, story.operator)
        page.goto("/approvals")
        page.get_by_role("link", name="Book shop on").first.click()
        page.get_by_text("create login shop_app").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        pages.tolerate("status of 422")
        page.get_by_role("button", name="Reject").click()
        page.get_by_text("not rejected without a reason").wait_for()
        page.get_by_label("Comment").fill("looks right")
        page.get_by_role("button", name="Approve 3 statements").click()
        page.get_by_text("Approved. The job that carries it out is on its way.").wait_for()
    assert story.booking(plan.booking_id).state is BookingState.APPROVED


def test_an_approver_hears_that_somebody_else_decided_meanwhile(story: Story, pages: Pages):
    plan = story.planned()
    before = story.client(story.admin).get(f"/approvals/{plan.id}/version").get_json()
    assert before["state"] == "ready"
    with served(story.portal.app) as address:
        page = pages.new_page(address)
        log_in(page, story.operator)
        page.goto(f"/approvals/{plan.id}")
        page.get_by_label("Comment").fill("still reading")
        story.decide(plan, story.admin)
        page.locator("#content").get_by_text("Something has happened since this page was loaded").wait_for()
        assert page.get_by_label("Comment").input_value() == "still reading"
    after = story.client(story.admin).get(f"/approvals/{plan.id}/version").get_json()
    assert after["version"] != before["version"]
    assert after["state"] == "approved"
