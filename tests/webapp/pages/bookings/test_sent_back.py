"""A request of any kind that was sent back: its form shows what was asked for."""

from __future__ import annotations

import re

import pytest

from tests.support.hosting import Hosting
from webapp.bookings.models import BookingState
from webapp.database import new_id

# The form of an application's tab that asks for it, and what the customer types there.
ASKED = {
    "add_database": ("databases", {"database": "archive", "size_gib": "1.5", "collation": ""}),
    "resize_database": ("databases/{database}/size", {"size_gib": "12"}),
    "add_login": ("logins", {"login": "reader", "rights": "read_only", "databases": "{database}"}),
    "reset_login": ("logins/{login}/reset", {"reason": "it leaked"}),
    "delete_application": ("delete", {"confirm": "shop", "reason": "no longer needed"}),
}


def _fields(page: str) -> dict[str, str]:
    """What a browser would send of the form as it is shown: fields, what is ticked, what is chosen."""
    main = page[page.index("<main") :]
    fields = {}
    for tag in re.findall(r"<input [^>]*>", main):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_sent = attributes.get("type") not in ("radio", "checkbox") or re.search(r"\schecked", tag)
        if "name" in attributes and is_sent:
            fields[attributes["name"]] = attributes.get("value", "")
    for name, options in re.findall(r'<select [^>]*?name="([^"]*)".*?>(.*?)</select>', main, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)"[^>]*\sselected', options)
        fields[name] = chosen.group(1) if chosen else ""
    return fields


@pytest.mark.parametrize("kind", ASKED)
def test_what_is_sent_again_unchanged_asks_for_the_same(hosting: Hosting, kind: str) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    application = hosting.deployed_application(customer)
    ids = {"database": application.databases[0].id, "login": application.logins[0].id}
    path, typed = ASKED[kind]
    form = {name: text.format(**ids) for name, text in typed.items()}
    url = f"/applications/{application.id}/{path.format(**ids)}"
    answer = client.post(url, {**form, "token": new_id()})
    assert answer.status_code == 302, answer.text
    booking_id = answer.location.rpartition("/")[2]
    asked = hosting.booking(booking_id)
    assert asked.kind == kind
    hosting.send_back(booking_id)

    shown = _fields(client.get(f"/bookings/{booking_id}/change").text)
    again = client.post(f"/bookings/{booking_id}/change", {**shown, "reason": "as before"})
    assert again.status_code == 302, again.text
    changed = hosting.booking(booking_id)
    assert (changed.state, changed.reason) == (BookingState.PENDING, "as before")
    assert changed.parameters == asked.parameters
