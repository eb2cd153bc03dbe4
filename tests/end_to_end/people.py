"""People at their browsers: what customers and staff do on the pages, and what they wait to see there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pyodbc
from playwright.sync_api import Page, expect

from tests.support.browser import Pages
from tests.support.platform import ADMIN_EMAIL, Platform, draw_password
from tests.support.simulators import connect

ID = "[0-9A-Z]{26}"
WAIT_MS = 60_000  # for a job; some seconds are usual
POOL = "standalone"
APPROVE = re.compile(r"^Approve \d+ statement")
ENDED = "successful|failed|error|canceled"


@dataclass(repr=False)
class Person:
    """Somebody with a browser."""

    platform: Platform
    page: Page
    email: str

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(path)

    def press(self, name: str) -> None:
        """Press the button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def confirm(self, name: str) -> None:
        """Press the button, and again in the question that it asks."""
        self.press(name)
        self.page.locator("dialog#confirm").get_by_role("button", name=name).click()

    def follow(self, name: str) -> None:
        """Follow the link."""
        self.page.get_by_role("link", name=name, exact=True).click()

    def see(self, text: str | re.Pattern[str]) -> None:
        """Wait until the text is there to read."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=WAIT_MS)

    def log_in(self) -> None:
        """By the page, once; later the cookie is still there."""
        context = self.page.context
        if cookies := self.platform.sessions.get(self.email):
            context.add_cookies(cookies)
            self.open("/")
            return
        self.open("/login")
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("Password", exact=True).fill(self.platform.passwords[self.email])
        self.press("Log in")
        expect(self.page).to_have_url(re.compile(r"/$"))
        cookies: list[Any] = list(context.cookies())
        self.platform.sessions[self.email] = cookies


class Customer(Person):
    """Books, follows, changes."""

    def register(self, why: str) -> None:
        """Ask for an account."""
        self.platform.passwords[self.email] = draw_password()
        self.open("/register")
        self.page.get_by_label("Name", exact=True).fill(f"Customer {self.email.partition('@')[0]}")
        self.page.get_by_label("E-mail").fill(self.email)
        self.page.get_by_label("New password").fill(self.platform.passwords[self.email])
        self.page.get_by_label("The same again").fill(self.platform.passwords[self.email])
        self.page.get_by_label("What do you need databases for?").fill(why)
        self.press("Ask for an account")
        expect(self.page).to_have_url(re.compile("/registered$"))

    def fill_wizard(self, name: str, *, size_gib: str = "1", reason: str = "") -> None:
        """Go through four of the wizard's steps, and stand before the button of the fifth."""
        page = self.page
        self.open("/book/name")  # /book goes on where a draft was left
        page.get_by_label("Application name").fill(name)
        self.press("Next")
        page.get_by_role("radio", name=re.compile("^Stand-alone")).check()
        self.press("Next")
        expect(page.get_by_role("heading", name="How is text compared and sorted?")).to_be_visible()
        self.press("Next")
        page.get_by_label("Database name").fill("orders")
        page.get_by_label("How far it may grow").fill(size_gib)
        self.press("Next")
        page.get_by_label("Reason for the approver").fill(reason)

    def book(self, name: str, *, size_gib: str = "1", reason: str = "") -> str:
        """Book an application; the path of the request."""
        self.fill_wizard(name, size_gib=size_gib, reason=reason)
        self.press("Book")
        return self.at_request()

    def at_request(self) -> str:
        """The path of the request's page that has just opened."""
        expect(self.page).to_have_url(re.compile(f"/bookings/{ID}$"))
        return path_of(self.page)

    def wait_for(self, state: str, *, event: str | None = None) -> None:
        """Wait on the request's page, which changes by itself, until it says so."""
        live = self.page.locator("[data-live]")
        if event:
            expect(live.locator("ol.timeline li strong", has_text=event).last).to_be_visible(timeout=WAIT_MS)
        badge = live.locator(".panel-head .state")
        try:
            expect(badge).to_have_attribute("data-state", state, timeout=WAIT_MS)
        except AssertionError as error:
            error.add_note(self.platform.jobs())
            raise

    def wait_for_plan(self) -> None:
        """Wait on the request's page until an approver can look at its newest plan."""
        self.wait_for("pending", event="Planned: ")

    def open_application(self, name: str, tab: str | None = None) -> None:
        """The application's page."""
        self.open("/applications")
        self.page.get_by_role("link", name=name, exact=True).first.click()
        if tab:
            self.page.locator(".nav-tabs").get_by_role("link", name=tab).click()

    def reveal_password(self) -> str:
        """Look at the password, on the page where the button is; after this the platform has forgotten it."""
        self.confirm("Show the password once")
        return self.page.locator("[data-password]").inner_text()


class Staff(Person):
    """Admins and operators."""

    def admit(self, email: str, role: str = "customer") -> None:
        """Let somebody in who has registered."""
        self.open("/users")
        asked = self.page.locator("#pending article", has_text=email)
        if not asked.locator("details").evaluate("details => details.open"):
            asked.get_by_text("Decide").click()
        asked.get_by_label("Role", exact=True).select_option(role)
        asked.get_by_role("button", name="Approve").click()
        self.see(f"{email} is approved")

    def open_plan(self, application: str) -> str:
        """The page of the plan that waits for approval; its path."""
        self.open("/approvals")
        self.page.locator("main").get_by_role("link", name=re.compile(rf"\b{application}\b")).first.click()
        expect(self.page).to_have_url(re.compile(f"/approvals/{ID}"))
        self.page.wait_for_load_state()  # the address changes before the whole page is there
        return path_of(self.page)

    def approve(self, application: str) -> None:
        """Approve the plan that waits."""
        self.open_plan(application)
        self.approve_plan()

    def approve_plan(self) -> None:
        """Approve the plan that the page shows."""
        self.page.get_by_role("button", name=APPROVE).click()
        self.see("Approved. The job that carries it out is on its way.")

    def decide(self, application: str, button: str, reason: str) -> None:
        """Reject or send back the plan that waits, with a reason."""
        self.open_plan(application)
        self.page.get_by_label(re.compile("^Comment")).fill(reason)
        self.press(button)

    def wait_for_job(self, state: str = "successful") -> None:
        """Wait on a job's page, which changes by itself, until it shows this state or an end."""
        badge = self.page.locator("#job-heading .job-state .state").first
        expect(badge).to_have_attribute("data-state", re.compile(f"{state}|{ENDED}"), timeout=WAIT_MS)
        found = badge.get_attribute("data-state")
        assert found == state, f"the job is {found}:\n{self.platform.jobs()}"


def path_of(page: Page) -> str:
    """Where the page is, without the portal's address."""
    return re.sub(r"^https?://[^/]+", "", page.url)


def log_in_over_odbc(
    platform: Platform, login: str, password: str, *, database: str, driver: str = "msodbcsql18"
) -> pyodbc.Connection:
    """A customer's own client, on whichever instance the login is."""
    refused: list[pyodbc.Error] = []
    for instance in platform.simulator.instances.values():
        try:
            return connect(instance, driver=driver, user=login, password=password, database=database)
        except pyodbc.Error as exc:
            refused.append(exc)
    raise AssertionError(f"no instance lets {login} in: {refused}")


@dataclass(repr=False)
class Town:
    """Who meets at the platform in one test."""

    platform: Platform
    pages: Pages

    def customer(self, name: str = "customer") -> Customer:
        """A customer who is logged in; registered and admitted when nobody of that name was there before."""
        email = f"{name}@example.com"
        customer = Customer(self.platform, self._page(), email)
        if email not in self.platform.passwords:
            customer.register("Databases for my application.")
            self.admin().admit(email)
        customer.log_in()
        return customer

    def stranger(self, name: str) -> Customer:
        """Somebody whom the platform does not know."""
        return Customer(self.platform, self._page(), f"{name}@example.com")

    def admin(self) -> Staff:
        """The admin, logged in."""
        admin = Staff(self.platform, self._page(), ADMIN_EMAIL)
        admin.log_in()
        return admin

    def _page(self) -> Page:
        return self.pages.new_page(self.platform.address)
