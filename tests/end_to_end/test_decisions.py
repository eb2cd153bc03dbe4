"""Requests that are not simply approved: canceled, rejected, sent back, expired, sent twice."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.end_to_end.people import APPROVE, ID, WAIT_MS, Customer, Town
from tests.support.engine import wait_until

AT_ONCE = "button => setTimeout(() => button.click(), 200)"  # two pages are told one after the other


def test_a_customer_cancels_while_it_is_pending_and_the_name_is_free_again(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    customer.book("wrong")
    customer.wait_for_plan()
    plan = admin.open_plan("wrong")
    customer.confirm("Cancel the request")
    customer.see("The request is canceled. Nothing was set up.")
    customer.wait_for("canceled", event="Canceled")
    town.pages.tolerate("status of 4(04|09)")
    admin.page.get_by_role("button", name=APPROVE).click()  # the page was open before
    admin.see(re.compile("canceled"))
    admin.open("/approvals")
    expect(admin.page.get_by_role("heading", name="All plans")).to_be_visible()
    expect(admin.page.locator(f".approval-list a[href^='{plan}']")).to_have_count(0)
    customer.open("/book")
    customer.page.get_by_label("Application name").fill("wrong")
    customer.see("wrong is free")
    assert_nothing_was_made(town, "wrong")


def test_a_customer_reads_why_a_request_was_rejected(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    customer.book("huge", size_gib="20")
    customer.wait_for_plan()
    admin.decide("huge", "Reject", "20 GiB is more than a trial gets. Ask for 5.")
    customer.wait_for("rejected", event="Rejected")
    customer.see("20 GiB is more than a trial gets. Ask for 5.")
    assert_nothing_was_made(town, "huge")


def test_a_request_that_is_sent_back_is_changed_and_approved_as_it_is_then(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    customer.book("trial", size_gib="4")
    customer.wait_for_plan()
    admin.decide("trial", "Send back", "Two GiB are enough for a trial.")
    customer.wait_for("sent_back", event="Sent back")
    customer.see("Two GiB are enough for a trial.")
    customer.follow("Change and send again")
    customer.page.get_by_label("How far it may grow").fill("2")
    customer.page.get_by_label("Reason for the approver").fill("Two GiB then.")
    customer.press("Send again")
    customer.at_request()
    customer.wait_for("pending", event="Changed and sent again")
    expect(customer.page.locator("ol.timeline li strong", has_text="Planned: ")).to_have_count(
        2, timeout=WAIT_MS
    )
    admin.open_plan("trial")
    shown = admin.page.locator("main").inner_text()
    assert "2048MB" in shown
    assert "Two GiB then." in shown
    admin.approve_plan()
    customer.wait_for("deployed", event="Done")


def test_an_expired_plan_is_not_approved_but_planned_again(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    request = customer.book("stale")
    customer.wait_for_plan()
    plan = admin.open_plan("stale")
    changed = town.platform.execute(
        "UPDATE plans SET expires_at = '2020-01-01 00:00:00.000000' WHERE id = :id",
        id=plan.rpartition("/")[2],
    )
    assert changed == 1
    town.pages.tolerate("status of 409")
    admin.page.get_by_role("button", name=APPROVE).click()
    admin.see(re.compile("expired"))
    # The dispatcher sees it too, sooner or later; from then on the request itself says what to do.
    query = "SELECT state FROM plans WHERE id = :id"
    wait_until(
        lambda: town.platform.scalar(query, id=plan.rpartition("/")[2]) == "expired", "the plan is expired"
    )
    admin.open(request)
    admin.press("Plan it again")
    expect(customer.page.locator("ol.timeline li strong", has_text="Planned: ")).to_have_count(
        2, timeout=WAIT_MS
    )
    customer.wait_for("pending")
    assert_nothing_was_made(town, "stale")
    admin.approve("stale")
    customer.wait_for("deployed", event="Done")


def test_double_clicks_book_and_approve_once(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    customer.fill_wizard("twice")
    other = Customer(town.platform, customer.page.context.new_page(), customer.email)
    other.open("/book/summary")  # the same form in a second tab
    for page in (customer.page, other.page):
        page.get_by_role("button", name="Book", exact=True).evaluate(AT_ONCE)
    paths = {one.at_request() for one in (customer, other)}
    assert len(paths) == 1, "one form sent twice became two requests"
    customer.wait_for_plan()
    admin.open_plan("twice")
    admin.page.get_by_role("button", name=APPROVE).dblclick()
    customer.wait_for("deployed", event="Done")
    expect(customer.page.locator("ol.timeline li strong", has_text=re.compile("^Approved"))).to_have_count(1)
    applied = town.platform.scalar(
        "SELECT COUNT(*) FROM jobs WHERE template = 'apply_booking' AND title LIKE :title", title="%twice%"
    )
    assert applied == 1


def test_of_two_customers_who_book_one_name_at_once_one_gets_it(town: Town) -> None:
    first, second = town.customer(), town.customer("rival")
    for one in (first, second):
        one.fill_wizard("coveted")
    town.pages.tolerate("status of 4(09|22)")
    for one in (first, second):
        one.page.get_by_role("button", name="Book", exact=True).evaluate(AT_ONCE)
    outcomes = sorted(has_booked(one.page) for one in (first, second))
    assert outcomes == [False, True]
    reserved = town.platform.scalar("SELECT COUNT(*) FROM applications WHERE name = 'coveted'")
    assert reserved == 1


def has_booked(page: Page) -> bool:
    """Whether the page shows the new request; otherwise it says that the name is taken."""
    taken = re.compile("taken|exists|already|a moment ago")
    problem = page.locator(".invalid-feedback, .alert-danger", has_text=taken)
    expect(problem.or_(page.locator("[data-live]")).first).to_be_visible()
    return re.search(f"/bookings/{ID}$", page.url) is not None


def assert_nothing_was_made(town: Town, application: str) -> None:
    """No instance has heard a changing statement about the application."""
    changes = re.compile(rf"^\s*(CREATE|ALTER|DROP|GRANT|DENY)\b.*\b{application}_", re.DOTALL)
    assert [text for text in town.platform.simulator.sent_by_modules() if changes.match(text)] == []
