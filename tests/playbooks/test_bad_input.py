"""Input that cannot be is refused with the field and a remedy, before anything is changed."""

from __future__ import annotations

import pytest

from tests.support.simulators import connect


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


def test_nobody_books_a_way_into_a_database_that_is_there_already(platform, simulator):
    name = {"application_name": "crm", "application_instance": "sql01"}
    platform.play("book_application", application_databases=[{"name": "own"}], **name).succeeded()
    somebody = connect(simulator.instances["sql01"])
    try:
        somebody.execute("CREATE DATABASE [crm_contacts]")
    finally:
        somebody.close()

    refused = platform.play("add_database", application_databases=[{"name": "contacts"}], **name)
    assert refused.status != 0
    assert "a database crm_contacts is there that belongs to sa" in refused.output
    assert platform.databases("sql01")["crm_contacts"]["owner"] == "sa"
