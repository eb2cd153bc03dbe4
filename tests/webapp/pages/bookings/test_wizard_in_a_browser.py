"""The wizard in a real browser: live availability, the browser's back button, booking, the request's page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Pages, shared_browser
from tests.support.hosting import Hosting
from tests.support.portal import PASSWORD
from tests.support.served import served
from webapp.accounts.models import User


@pytest.fixture
def pages(pytestconfig: pytest.Config) -> Iterator[Pages]:
    """Pages of a real browser; what goes wrong in them fails the test."""
    with shared_browser(pytestconfig).pages() as pages:
        yield pages


def log_in(page: Page, user: User) -> None:
    """Through the log-in page."""
    page.goto("/login")
    page.get_by_label("E-mail").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


def next_step(page: Page) -> None:
    """Press Next; come back when the whole page that follows is there."""
    with page.expect_navigation():
        page.get_by_role("button", name="Next").click()


def test_a_customer_books_with_detours(hosting: Hosting, pages: Pages) -> None:
    customer, rival = hosting.customer(), hosting.customer()
    hosting.book(rival, name="crm", size_gib="1")
    pages.tolerate(r"status of 422")
    with served(hosting.portal.app) as address:
        page = pages.new_page(address)
        log_in(page, customer)
        page.goto("/book")
        name = page.get_by_label("Application name")
        name.fill("crm")
        expect(page.locator("#availability")).to_contain_text("is taken")
        next_step(page)
        expect(page.locator(".invalid-feedback")).to_contain_text("The name crm is taken")
        name.fill("shop")
        expect(page.locator("#availability")).to_contain_text("shop is free")
        expect(page.locator("[data-names]")).to_contain_text("shop_owner")
        next_step(page)
        next_step(page)
        page.get_by_label("Search the collations").fill("swedish")
        page.get_by_text("Finnish_Swedish_100_CI_AS").click()
        next_step(page)
        page.get_by_label("Database name").fill("orders")
        page.get_by_label("How far it may grow").fill("10")
        expect(page.locator("[data-share]")).to_contain_text("14 % of it")
        page.go_back()  # without having pressed anything
        expect(page.get_by_role("radio", name="Finnish_Swedish_100_CI_AS")).to_be_checked()
        next_step(page)
        expect(page.get_by_label("Database name")).to_have_value("orders")
        next_step(page)
        page.get_by_label("Reason for the approver").fill("The summer sale")
        page.get_by_role("button", name="Edit the database").click()
        page.get_by_label("How far it may grow").fill("20")
        next_step(page)
        expect(page.get_by_label("Reason for the approver")).to_have_value("The summer sale")
        expect(page.locator(".summary")).to_contain_text("20.0 GiB of data")
        page.get_by_role("button", name="Book", exact=True).dblclick()
        page.wait_for_url("**/bookings/*")
        expect(page.get_by_role("heading", level=1)).to_have_text("Book shop on standard")
        booking_id = page.url.rpartition("/")[2]
        hosting.approve(booking_id)
        expect(page.locator(".timeline")).to_contain_text("Approved")  # by itself
    assert hosting.booking(booking_id).reason == "The summer sale"
    assert hosting.application_of(booking_id).databases[0].collation == "Finnish_Swedish_100_CI_AS"
