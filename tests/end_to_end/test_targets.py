"""Targets that are not as they were when the plan was made; a queue that is away for a while."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import Locator, expect

from tests.end_to_end.people import WAIT_MS, Customer, Town, log_in_over_odbc, path_of
from tests.end_to_end.test_decisions import assert_nothing_was_made
from tests.support.engine import wait_until
from tests.support.platform import Platform
from tests.support.simulators import connect


def instance_of(platform: Platform, application: str) -> str:
    """The instance that the newest plan for the application chose."""
    name = platform.scalar(
        "SELECT plan_targets.name FROM plans JOIN plan_targets ON plan_targets.plan_id = plans.id "
        "JOIN bookings ON bookings.plan_id = plans.id "
        "JOIN applications ON applications.id = bookings.subject_id "
        "WHERE applications.name = :name",
        name=application,
    )
    return str(name)


@contextmanager
def dead(platform: Platform, instance: str) -> Iterator[None]:
    """The instance refuses connections meanwhile."""
    control = platform.simulator.control
    fault = control.call("add_fault", instance=instance, fault={"kind": "down"})["id"]
    try:
        yield
    finally:
        control.call("remove_fault", id=fault)


def test_a_target_that_changed_after_planning_is_refused_and_approved_anew(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    request = customer.book("moved")
    customer.wait_for_plan()
    first = admin.open_plan("moved")
    make_half_of_it(town.platform, "moved")
    admin.approve_plan()
    customer.wait_for("pending", event="The instance has changed since the plan was made")
    assert_nothing_was_made(town, "moved")
    customer.see("Nothing was changed; it is planned again.")
    expect(customer.page.locator("ol.timeline li strong", has_text="Planned: ")).to_have_count(
        2, timeout=WAIT_MS
    )
    second = admin.open_plan("moved")
    assert second != first
    admin.see("What is different from plan 1")
    shown = admin.page.locator("main").inner_text()
    assert "CREATE DATABASE [moved_orders]" in shown  # as what is no longer planned
    admin.approve_plan()
    customer.wait_for("deployed", event="Done")
    customer.open(request)
    customer.follow("Open moved")
    password = customer.reveal_password()
    log_in_over_odbc(town.platform, "moved_app", password, database="moved_orders").close()


def make_half_of_it(platform: Platform, application: str) -> None:
    """Somebody makes by hand, on the instance, a part of what was planned."""
    sid = platform.scalar("SELECT owner_sid FROM applications WHERE name = :name", name=application)
    instance = platform.simulator.instances[instance_of(platform, application)]
    with closing(connect(instance)) as somebody:
        somebody.execute(
            f"CREATE LOGIN [{application}_owner] WITH PASSWORD = N'Another-1-Secret', SID = {sid}"
        )
        somebody.execute(f"CREATE DATABASE [{application}_orders]")
        somebody.execute(f"ALTER AUTHORIZATION ON DATABASE::[{application}_orders] TO [{application}_owner]")


def test_an_instance_that_dies_before_the_start_changes_nothing_and_the_approval_still_holds(
    town: Town,
) -> None:
    customer, admin = town.customer(), town.admin()
    customer.book("homeless")
    customer.wait_for_plan()
    admin.open_plan("homeless")
    with dead(town.platform, instance_of(town.platform, "homeless")):
        admin.approve_plan()
        customer.wait_for("failed", event="Failed")
        customer.see("The database server did not answer.")
        assert_nothing_was_made(town, "homeless")
        admin.page.reload()
        admin.page.locator(".plan-facts").get_by_role("link", name="job").click()
        admin.wait_for_job("failed")
        admin.see(re.compile("could not be asked: .* no connection"))
    job = path_of(admin.page)
    admin.press("Resume")
    expect(admin.page).not_to_have_url(re.compile(f"{job}$"))
    admin.wait_for_job()
    customer.page.reload()
    customer.wait_for("deployed", event="Done")


def test_requests_made_while_the_queue_is_away_are_kept_and_run_later(town: Town) -> None:
    customer = town.customer()
    banner = customer.page.locator("[data-banner=queue]")
    town.platform.redis.kill()
    try:
        wait_until(lambda: is_shown_again(customer, banner), "the banner of a queue that is away")
        customer.see("The job queue does not answer.")
        customer.see("nothing is lost")
        customer.book("patient")
        badge = customer.page.locator("[data-live] .panel-head .state")
        expect(badge).to_have_attribute("data-state", "pending")
    finally:
        town.platform.redis.start()
    customer.wait_for_plan()
    wait_until(lambda: not is_shown_again(customer, banner), "a page without the banner")


def is_shown_again(customer: Customer, what: Locator) -> bool:
    """Whether the page holds it when it is loaded once more."""
    customer.page.reload()
    return what.count() > 0
