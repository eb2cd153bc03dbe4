"""The frame of every page: errors, navigation, the banner, and what its scripts do in a browser."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.support.browser import Pages
from tests.support.portal import Portal, settings_for
from tests.support.redis import running_redis
from tests.support.served import log_in, served
from tests.webapp.pages.home.conftest import Rows
from webapp.accounts.models import PortalRole
from webapp.bookings.plans import PlanState
from webapp.errors import Conflict
from webapp.web.access import PUBLIC, may


def add_page(app: Flask, path: str, template: str) -> None:
    """A page of the test's own inside the portal's frame."""
    view = may(PUBLIC)(lambda: app.jinja_env.from_string(template).render(**_context(app)))
    app.add_url_rule(path, f"test{path}", view)


def _context(app: Flask) -> dict:
    context: dict = {}
    app.update_template_context(context)
    return context


PIECES = """{% extends "base.html" %}{% from "macros/ui.html" import copyable, post_button, sql, bar %}
{% block content %}{{ copyable("sql01,1433") }}{{ sql("SELECT '<b>' AS [x]; -- why") }}
{{ bar(96, 100, "nearly full") }}
{{ post_button("/pieces-done", "Delete", style="danger", confirm="shop", question="Its databases go.") }}
<table data-sortable class="table"><thead><tr><th>Name</th><th>Size</th></tr></thead><tbody>
<tr><td>b</td><td data-sort="9">9</td></tr><tr><td>a</td><td data-sort="10">10</td></tr></tbody></table>
{% endblock %}"""


def test_the_theme_is_dark_at_first_and_the_chosen_one_is_remembered(portal: Portal, pages: Pages):
    with served(portal.app) as address:
        page = pages.new_page(address)
        page.goto("/login")
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
        page.get_by_role("button", name="Switch between dark and light").click()
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"
        page.goto("/login")
        assert page.evaluate("document.documentElement.dataset.bsTheme") == "light"


def test_pieces_work_under_the_content_security_policy(new_portal: Portal, pages: Pages):
    add_page(new_portal.app, "/pieces", PIECES)
    user = new_portal.create_user(PortalRole.ADMIN)
    with served(new_portal.app) as address:
        page = pages.new_page(address)
        log_in(page, user)
        page.goto("/pieces")
        page.get_by_role("button", name="Copy sql01,1433").click()
        expect(page.locator("#announcement")).to_have_text("Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == "sql01,1433"
        # A number sorts as a number, and again the other way round.
        sizes = page.locator("td[data-sort]")
        page.get_by_role("button", name="Size").click()
        expect(sizes).to_have_text(["9", "10"])
        page.get_by_role("button", name="Size").click()
        expect(sizes).to_have_text(["10", "9"])
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_dangerous_action_needs_the_name_typed(new_portal: Portal, pages: Pages):
    add_page(new_portal.app, "/pieces", PIECES)
    new_portal.app.add_url_rule(
        "/pieces-done",
        "done",
        may(PUBLIC)(lambda: '<link rel="icon" href="data:,">deleted'),
        methods=["POST"],
    )
    user = new_portal.create_user(PortalRole.ADMIN)
    with served(new_portal.app) as address:
        page = pages.new_page(address)
        log_in(page, user)
        page.goto("/pieces")
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Its databases go.")
        expect(dialog.get_by_role("heading")).to_have_text("Delete shop?")
        go = dialog.get_by_role("button", name="Delete")
        expect(go).to_contain_class("btn-danger")
        expect(go).to_be_disabled()
        dialog.get_by_role("textbox").fill("sho")
        expect(go).to_be_disabled()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert page.url.endswith("/pieces")
        page.get_by_role("button", name="Delete").click()
        dialog.get_by_role("textbox").fill("shop")
        go.click()
        expect(page.locator("body")).to_have_text("deleted")


def test_times_are_told_relative_with_the_exact_one_at_hand(portal: Portal, rows: Rows, pages: Pages):
    customer = portal.create_user()
    rows.booking(rows.application(customer, "shop"), PlanState.READY)
    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, customer)
        moment = page.locator("time[data-moment]").first
        expect(moment).to_have_text(re.compile(r"just now|ago"))
        exact = moment.get_attribute("title") or ""
        assert re.search(r"\d\d:\d\d:\d\d", exact)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")  # what a browser says before it prints
        expect(moment).to_have_text(exact)
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        expect(moment).to_have_text(re.compile(r"just now|ago"))


def test_a_question_without_danger_is_not_asked_in_red(new_portal: Portal, pages: Pages):
    ask = """{% extends "base.html" %}{% from "macros/ui.html" import post_button %}{% block content %}
    {{ post_button("/pieces-done", "Show it", style="primary", confirm="Show it now?") }}{% endblock %}"""
    add_page(new_portal.app, "/pieces", ask)
    with served(new_portal.app) as address:
        page = pages.new_page(address)
        log_in(page, new_portal.create_user())
        page.goto("/pieces")
        page.get_by_role("button", name="Show it").click()
        go = page.get_by_role("dialog").get_by_role("button", name="Show it")
        expect(go).to_contain_class("btn-primary")
        expect(go).not_to_contain_class("btn-danger")


def test_a_form_that_is_refused_leads_back_to_its_page(portal: Portal):
    portal.create_user(email="other@example.com")
    client = portal.client(portal.create_user())
    came_from = {"Referer": "http://localhost/account?from=menu"}
    answer = client.client.post("/account/name", data={"name": "New"}, headers=came_from)  # without a token
    assert answer.status_code == 400
    assert "This form is no longer valid" in answer.text
    assert 'href="/account?from=menu"' in answer.text


@pytest.mark.parametrize(
    "before", ["http://evil.example/account", "http://localhost//evil.example", "javascript:alert(1)", ""]
)
def test_a_refused_form_leads_nowhere_else(portal: Portal, before: str):
    client = portal.client(portal.create_user())
    answer = client.client.post("/account/name", data={"name": "New"}, headers={"Referer": before})
    assert answer.status_code == 400
    assert "Back to the page" not in answer.text
    assert "evil" not in answer.text
    assert "javascript:" not in answer.text


@pytest.mark.parametrize("width", [390, 1280])
def test_a_long_address_does_not_widen_the_menu_of_ones_account(portal: Portal, pages: Pages, width: int):
    user = portal.create_user(email=f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example.com", name="N" * 100)
    with served(portal.app) as address:
        page = pages.new_page(address, width=width)
        log_in(page, user)
        page.get_by_role("button", name="Your account").click()
        box = page.locator(".dropdown-menu.show").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width


def test_no_page_of_the_frame_is_wider_than_a_phone(portal: Portal, rows: Rows, pages: Pages):
    customer = portal.create_user()
    rows.booking(
        rows.application(customer, "a_very_long_name_that_goes_on_and_on_until_it_ends"), PlanState.READY
    )
    with served(portal.app) as address:
        for user in (customer, portal.create_user(PortalRole.ADMIN)):
            page = pages.new_page(address, width=390)
            log_in(page, user)
            for path in ("/", "/search?q=very"):
                page.goto(path)
                assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_banner_says_that_the_queue_is_away_and_goes_when_it_is_back(
    portal: Portal, tmp_path, monkeypatch
):
    monkeypatch.setattr("webapp.pages.home.frame.QUEUE_LOOK_S", 0.0)
    user = portal.create_user()
    page = portal.client(user).get("/")
    assert "The job queue does not answer." in page.text
    assert page.status_code == 200
    with running_redis(tmp_path / "redis") as redis:
        url, folder = portal.settings.database_url.get_secret_value(), portal.settings.data_folder
        there = Portal(settings_for(url, redis_url=redis.url, data_folder=folder))
        client = there.client(user)
        assert "The job queue does not answer." not in client.get("/").text
        redis.kill()
        assert "The job queue does not answer." in client.get("/").text
        there.close()


def test_without_the_database_the_page_says_so_and_does_not_fail_itself(portal: Portal):
    client = portal.client(portal.create_user(PortalRole.ADMIN))

    def refuse(*_arguments: object) -> None:
        raise OperationalError("SELECT secret", {}, Exception("gone"), connection_invalidated=True)

    event.listen(portal.database.engine, "before_cursor_execute", refuse)
    answer = client.get("/")
    event.remove(portal.database.engine, "before_cursor_execute", refuse)
    assert answer.status_code == 503
    assert "The platform database does not answer. Nothing was changed." in answer.text
    assert "secret" not in answer.text
    assert client.get("/").status_code == 200


def test_a_conflict_is_explained_inside_the_frame(new_portal: Portal):
    @may(PUBLIC)
    def late() -> str:
        raise Conflict("Somebody else approved it a moment ago.")

    new_portal.app.add_url_rule("/late", "late", late)
    answer = new_portal.client(new_portal.create_user()).get("/late")
    assert answer.status_code == 409
    assert "Not possible now" in answer.text
    assert "Somebody else approved it a moment ago." in answer.text
    assert 'aria-label="Main"' in answer.text


def test_an_unforeseen_error_shows_nothing_of_itself(new_portal: Portal):
    @may(PUBLIC)
    def broken() -> str:
        raise RuntimeError("a secret detail")

    new_portal.app.add_url_rule("/broken", "broken", broken)
    new_portal.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = new_portal.client(new_portal.create_user()).get("/broken")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "a secret detail" not in answer.text


@pytest.mark.parametrize("role", list(PortalRole))
def test_every_link_of_the_navigation_opens_for_the_role_that_sees_it(portal: Portal, role: PortalRole):
    client = portal.client(portal.create_user(role))
    page = client.get("/").text
    navigation = re.search(r'<nav class="frame-navigation.*?</nav>', page, re.DOTALL)
    assert navigation
    paths = re.findall(r'<a href="([^"]+)"', navigation.group(0))
    assert paths
    for path in paths:
        if not path.startswith("/ops/"):  # RQ's pages need a Redis
            assert client.get(path, follow_redirects=True).status_code == 200, path


def test_the_colours_of_sql_exist_for_both_themes(portal: Portal):
    answer = portal.app.test_client().get("/highlighting.css")
    assert answer.status_code == 200
    for theme in ("light", "dark"):
        assert f"[data-bs-theme={theme}] .sql .k" in answer.text
