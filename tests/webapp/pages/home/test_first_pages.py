"""What each role finds on the first page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.portal import Portal
from tests.webapp.pages.home.conftest import Rows
from webapp.accounts.models import PortalRole, UserState
from webapp.applications.models import Application, ApplicationState
from webapp.bookings.models import BookingState
from webapp.bookings.plans import PlanState
from webapp.database import now
from webapp.jobs.models import JobState
from webapp.pages.home.staff import pool_fills
from webapp.pools.models import Discovery, Instance, Reachability

STAFF = (PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.VIEWER)


def test_a_new_customer_is_told_what_an_application_is_and_offered_to_book_one(portal: Portal):
    page = portal.client(portal.create_user()).get("/").text
    assert "You have no application yet." in page
    assert 'href="/book"' in page


def test_a_customer_sees_their_applications_with_endpoint_and_fullest_limit(portal: Portal, rows: Rows):
    customer = portal.create_user()
    rows.application(customer, "shop")
    page = portal.client(customer).get("/").text
    assert 'data-copy="sql01.example.com,1433"' in page
    assert "shop_orders: 9.0 GiB of 10.0 GiB" in page
    assert 'aria-valuenow="90"' in page


def test_a_customer_sees_nothing_of_another_customer(portal: Portal, rows: Rows):
    other = portal.create_user()
    rows.booking(rows.application(other, "their_shop"), PlanState.READY)
    page = portal.client(portal.create_user()).get("/").text
    assert "their_shop" not in page


def test_applications_that_are_gone_are_not_on_the_first_page(portal: Portal, rows: Rows):
    customer = portal.create_user()
    rows.application(customer, "gone", state=ApplicationState.DELETED)
    assert "gone" not in portal.client(customer).get("/").text


@pytest.mark.parametrize(
    ("plan_state", "next_step"),
    [
        (None, "What has to be done is being worked out"),
        (PlanState.PLANNING, "What has to be done is being worked out"),
        (PlanState.READY, "An approver looks at it."),
        (PlanState.SENT_BACK, "Sent back to you: change it, or cancel it."),
        (PlanState.EXPIRED, "Nobody approved the plan in time: have it made again"),
    ],
)
def test_an_open_request_says_its_next_step(
    portal: Portal, rows: Rows, plan_state: PlanState | None, next_step: str
):
    customer = portal.create_user()
    rows.booking(rows.application(customer, "shop"), plan_state)
    page = portal.client(customer).get("/").text
    assert "Add database stock to shop" in page
    assert next_step in page


@pytest.mark.parametrize("plan_state", [PlanState.SENT_BACK, PlanState.EXPIRED])
def test_requests_that_wait_for_the_customer_come_before_everything_else(
    portal: Portal, rows: Rows, plan_state: PlanState
):
    customer = portal.create_user()
    application = rows.application(customer, "shop")
    waiting = rows.booking(application, plan_state)
    rows.booking(application, PlanState.READY)
    page = portal.client(customer).get("/").text
    assert page.index("Waiting for you") < page.index(waiting.id) < page.index("shop_orders")
    assert page.index("shop_orders") < page.index("Your requests")
    assert page.count(waiting.id) == 1
    badge = f'data-state="{plan_state}"'
    # Every list calls it the same.
    for path in (
        "/",
        "/bookings?kind=add_database",
        "/search?q=shop",
        f"/applications/{application.id}/activity",
    ):
        assert badge in portal.client(customer).get(path).text, path


def test_a_running_request_says_at_which_step_it_is(portal: Portal, rows: Rows):
    customer = portal.create_user()
    job = rows.job("Add database stock to shop", tasks_total=12, tasks_done=5)
    rows.booking(
        rows.application(customer, "shop"), PlanState.APPROVED, state=BookingState.RUNNING, job_id=job.id
    )
    assert "Being carried out: step 5 of 12." in portal.client(customer).get("/").text


def test_a_request_that_failed_long_ago_is_no_longer_on_the_first_page(portal: Portal, rows: Rows):
    customer = portal.create_user()
    application = rows.application(customer, "shop")
    rows.booking(
        application,
        None,
        state=BookingState.FAILED,
        failure="Old trouble.",
        created_at=now() - timedelta(days=8),
    )
    rows.booking(application, None, state=BookingState.FAILED, failure="New trouble.")
    page = portal.client(customer).get("/").text
    assert "New trouble." in page
    assert "Old trouble." not in page


@pytest.mark.parametrize("role", STAFF)
def test_the_hosting_team_sees_what_waits_and_what_runs(portal: Portal, rows: Rows, role: PortalRole):
    customer = portal.create_user()
    rows.booking(rows.application(customer, "shop"), PlanState.READY)
    rows.job("Discover production")
    rows.job("Check accounts", state=JobState.WAITING)
    page = portal.client(portal.create_user(role)).get("/").text
    assert "Add database stock to shop" in page
    assert customer.email in page
    assert "Discover production" in page
    assert "Check accounts" in page


def test_what_needs_attention_is_listed_with_its_reason(portal: Portal, rows: Rows):
    customer = portal.create_user()
    application = rows.application(customer, "shop")
    rows.booking(application, None, state=BookingState.FAILED, failure="sql01 did not answer.")
    rows.job("Discover production", state=JobState.PENDING)
    pool = rows.pool
    portal.create_instance(
        pool, name="sql02", reachability=Reachability.UNREACHABLE, last_error="nothing listens there"
    )
    portal.create_instance(
        pool, name="sql03", reachability=Reachability.REACHABLE,
        account_check={"ok": False, "missing": [{"right": "ALTER ANY LOGIN"}]},
    )  # fmt: skip
    page = portal.client(portal.create_user(PortalRole.OPERATOR)).get("/").text
    for text in (
        "sql01 did not answer.", "No worker is alive", "sql02 is unreachable", "nothing listens there",
        "The account on sql03 fails", "Missing: ALTER ANY LOGIN.",
    ):  # fmt: skip
        assert text in page, text


def test_a_request_whose_plan_expired_needs_attention_until_it_ends(portal: Portal, rows: Rows):
    customer, operator = portal.create_user(), portal.create_user(PortalRole.OPERATOR)
    rows.booking(rows.application(customer, "shop"), PlanState.EXPIRED)
    rows.booking(rows.application(customer, "wiki"), PlanState.EXPIRED, state=BookingState.CANCELED)
    page = portal.client(operator).get("/").text
    assert page.count("its plan expired") == 1
    assert "Have it planned again." in page


def test_an_instance_that_takes_no_bookings_needs_no_attention(portal: Portal, rows: Rows):
    portal.create_instance(rows.pool, name="sql02", reachability=Reachability.UNREACHABLE, is_open=False)
    assert "sql02 is unreachable" not in portal.client(portal.create_user(PortalRole.ADMIN)).get("/").text


def test_only_admins_are_asked_to_decide_about_new_users(portal: Portal):
    portal.create_user(state=UserState.PENDING, email="new@example.com", message="for the intranet")
    assert "new@example.com registered" in portal.client(portal.create_user(PortalRole.ADMIN)).get("/").text
    assert "new@example.com" not in portal.client(portal.create_user(PortalRole.OPERATOR)).get("/").text


def test_a_pools_fill_is_what_is_used_promised_or_reserved_of_what_it_may_promise(portal: Portal, rows: Rows):
    summary = {"disk_total_mib": 100_000, "disk_free_mib": 80_000, "promised_mib": 30_000}
    rows.add(Discovery(instance_id=rows.instance.id, facts={}, summary=summary))
    reserved = rows.application(portal.create_user(), "crm", state=ApplicationState.RESERVED)
    with portal.database.transaction() as session:
        assert session.get_one(Application, reserved.id).instance_id == rows.instance.id
        (fill,) = pool_fills(session)
    assert fill.capacity_mib == 90_000  # ten percent of the volume stay free
    # 80,000 free - 30,000 promised - 10,000 kept free - 10,752 reserved are left.
    assert fill.promised_mib == 90_000 - 29_248


def test_a_pool_that_nobody_looked_at_says_so(portal: Portal, rows: Rows):
    assert "Not discovered yet." in portal.client(portal.create_user(PortalRole.VIEWER)).get("/").text


def test_names_cannot_smuggle_markup_into_the_first_page(portal: Portal, rows: Rows):
    with portal.database.transaction() as session:
        session.get_one(Instance, rows.instance.id).last_error = "<script>alert(1)</script>"
        session.get_one(Instance, rows.instance.id).reachability = Reachability.UNREACHABLE
    page = portal.client(portal.create_user(PortalRole.ADMIN)).get("/").text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
