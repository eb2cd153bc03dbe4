"""From registering to logging in with the password: the platform's main story, on its real pages."""

from __future__ import annotations

from tests.end_to_end.people import Town


def test_try(town: Town) -> None:
    customer = town.customer()
    customer.book("shop", reason="The web shop's orders.")
    customer.wait_for("pending", event="lan")
    print(customer.page.locator("[data-live]").inner_text())
    print(town.platform.logs())
