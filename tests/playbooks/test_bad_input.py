"""Input that cannot be is refused with the field and a remedy, before anything is changed."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"application_name": "shop]; DROP DATABASE x;--"}, "is not usable: use letters"),
        ({"application_databases": [{"name": "a'b\n"}]}, "application_databases: name"),
        ({"application_databases": [{"name": "orders", "data_limit": "0MiB"}]}, "is not more than zero"),
        (
            {"application_databases": [{"name": "orders", "data_limit": "101GiB"}]},
            "more than the pool allows",
        ),
        ({"application_databases": [{"size": "1GiB"}]}, "name"),
        ({"application_databases": [{"name": "orders", "collation": "Klingon_CI"}]}, "Klingon_CI"),
        ({"application_instance": "sql09"}, "'sql09' is not an instance of this pool"),
        ({"application_password": "short"}, "application_password: the password has fewer than 8"),
        ({"application_pool": "no_such_pool"}, "no_such_pool"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_booking_that_cannot_be_is_refused_and_creates_no_database(platform, variables, told):
    booking = {"application_name": "wrong", "application_databases": [{"name": "orders"}], **variables}
    refused = platform.play("book_application", **booking)
    assert refused.status != 0
    assert told in refused.output
    assert "Traceback" not in refused.output
    assert "wrong_orders" not in {*platform.databases("sql01"), *platform.databases("sql02")}
