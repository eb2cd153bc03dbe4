"""The pages of pools in a real browser: nothing runs off narrow pages, scripts do what they shall."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.portal import Portal
from tests.support.served import log_in, served
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import checked, discovered, facts, unanswered
from webapp.accounts.models import PortalRole
from webapp.pools.models import Instance

LONG_NAME = "s" * 63
LONG_HOST = ("x" * 60 + ".") * 3 + "example.com"


@pytest.mark.parametrize("dark", [True, False], ids=["dark", "light"])
def test_long_names_and_errors_stay_on_a_narrow_page(
    portal: Portal, looks: Looks, pages: Pages, dark: bool
) -> None:
    account = portal.create_account(name="a" * 100, login_user="l" * 128)
    pool = portal.create_pool(name="p" * 63, elevated_account_id=account.id, description="d" * 500)
    instance = portal.create_instance(pool, name=LONG_NAME, host=LONG_HOST)
    found = facts()
    found["databases"].append({**found["databases"][1], "name": "n" * 128})
    looks.discover(instance, discovered(LONG_NAME, found))
    looks.observe(looks.create_job("check_account", instance_id=instance.id), checked(LONG_NAME))
    looks.discover(instance, unanswered(LONG_NAME, "e" * 2000))
    with served(portal.app) as url:
        page = pages.new_page(url, width=390, dark=dark)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        for path in (
            "/pools", f"/pools/{pool.id}", f"/pools/{pool.id}/edit",
            "/instances", f"/instances/{instance.id}",
            f"/instances/{instance.id}/edit", "/accounts", f"/accounts/{account.id}/edit",
        ):  # fmt: skip
            page.goto(path)
            beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(beyond) <= 0, path


def test_an_instance_is_added_searched_and_removed_by_typing_its_name(
    portal: Portal, looks: Looks, pages: Pages
) -> None:
    pool = portal.create_pool(name="production")
    with served(portal.app) as url:
        page = pages.new_page(url)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        page.goto(f"/pools/{pool.id}")
        page.get_by_role("link", name="Add an instance").first.click()
        page.get_by_label("Name", exact=True).fill("sql01")
        page.get_by_label("Address", exact=True).fill("sql01.example.com")
        page.get_by_label("Port", exact=True).fill("1433")
        page.get_by_label("Password of the elevated account").fill("Plat-form-1!")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("sql01")
        instance_url = page.url

        with portal.database.reading() as session:
            instance = session.get_one(Instance, instance_url.rsplit("/", 1)[1])
        looks.discover(instance, discovered("sql01", facts()))
        page.reload()
        page.get_by_role("tab", name="Databases").click()
        page.get_by_label("Search", exact=True).fill("shop")
        expect(page.get_by_role("cell", name="shop_orders")).to_be_visible()
        expect(page.get_by_role("cell", name="master")).to_be_hidden()
        page.get_by_role("tab", name="Collations").click()
        page.get_by_label("Search 3 collations").fill("utf8")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.get_by_text("Latin1_General_100_CI_AS_SC_UTF8", exact=True)).to_be_visible()
        expect(page.get_by_text("Latin1_General_100_CI_AS", exact=True)).to_have_count(0)

        page.wait_for_load_state()  # tabs open by script
        page.get_by_role("tab", name="Overview").click()
        page.get_by_role("button", name="Remove").click()
        dialog = page.locator("dialog#confirm")
        go = dialog.locator("[data-go]")
        expect(go).to_be_disabled()
        dialog.get_by_role("textbox").fill("sql01")
        go.click()
        expect(page.get_by_text("is removed from the platform")).to_be_visible()


def test_the_form_of_a_pool_offers_the_collations_that_fit(
    portal: Portal, looks: Looks, pages: Pages
) -> None:
    pool = portal.create_pool()
    instance = portal.create_instance(pool)
    looks.discover(instance, discovered(instance.name, facts()))
    with served(portal.app) as url:
        page = pages.new_page(url)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        page.goto(f"/pools/{pool.id}/edit")
        options = page.locator("#collations option")
        page.get_by_label("Default collation").focus()
        expect(options).to_have_count(3)
        page.get_by_label("Default collation").fill("utf8")
        expect(options).to_have_count(1)
        assert options.first.get_attribute("value") == "Latin1_General_100_CI_AS_SC_UTF8"
