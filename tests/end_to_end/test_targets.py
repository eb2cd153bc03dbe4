"""Targets that are not as they were when the plan was made; a queue that is away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import expect

from tests.end_to_end.people import Town, log_in_over_odbc
from tests.end_to_end.test_decisions import assert_nothing_was_made
from tests.support.platform import Platform
from tests.support.simulators import connect


def instance_of(platform: Platform, application: str) -> str:
    """The instance that the newest plan for the application chose."""
    name = platform.scalar(
        "SELECT instances.name FROM plans JOIN instances ON instances.id = plans.instance_id "
        "JOIN bookings ON bookings.plan_id = plans.id "
        "JOIN applications ON applications.id = bookings.application_id "
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
    admin.press("Approve")
    customer.wait_for("pending", event="The instance has changed since the plan was made")
    assert_nothing_was_made(town, "moved")
    customer.see("Nothing was changed; it is planned again.")
    expect(customer.page.locator("ol.timeline li strong", has_text="Planned: ")).to_have_count(
        2, timeout=30_000
    )
    second = admin.open_plan("moved")
    assert second != first
    admin.see("What is different from plan 1")
    shown = admin.page.locator("main").inner_text()
    assert "CREATE DATABASE [moved_orders]" in shown  # as what is no longer planned
    admin.press("Approve")
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


def test_an_instance_that_dies_before_the_start_gives_way_to_another(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    request = customer.book("homeless")
    customer.wait_for_plan()
    chosen = instance_of(town.platform, "homeless")
    admin.open_plan("homeless")
    with dead(town.platform, chosen):
        admin.press("Approve")
        customer.wait_for("failed", event="Failed")
        customer.see("The database server did not answer.")
        assert_nothing_was_made(town, "homeless")
        admin.open(request)
        admin.see(customer.email)
        admin.confirm("Plan again")
        customer.open(request)
        expect(customer.page.locator("ol.timeline li strong", has_text="Planned: ")).to_have_count(
            2, timeout=30_000
        )
        assert instance_of(town.platform, "homeless") != chosen
        admin.approve("homeless")
        customer.wait_for("deployed", event="Done")


def test_requests_made_while_the_queue_is_away_are_kept_and_run_later(town: Town) -> None:
    customer = town.customer()
    town.platform.redis.kill()
    try:
        customer.book("patient")
        customer.see("The job queue does not answer.")
        customer.see("nothing is lost")
        expect(customer.page.locator("[data-live] .state").first).to_have_attribute("data-state", "pending")
    finally:
        town.platform.redis.start()
    customer.wait_for_plan()
    customer.page.reload()
    expect(customer.page.locator("[data-banner=queue]")).to_have_count(0)
