"""What pages say that fits is what is accepted, and what the playbooks' placement accepts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.placement import load_of, weigh
from sqlalchemy import delete

from tests.support.hosting import Hosting
from tests.webapp.pools.found import GIB, facts
from webapp.bookings.capacity import largest_data_mib, log_limit_mib, new_capacity_mib, pool_capacity
from webapp.bookings.models import BookingState
from webapp.database import new_id
from webapp.pools.facts import summary_of
from webapp.pools.models import Discovery, Instance, Pool, Reachability

THRESHOLDS = {"cpu_percent": 80, "memory_percent": 95, "disk_free_percent": 10, "databases": 2}


def found(hosting: Hosting, instance: Instance, **subsets: Any) -> None:
    """Discovery saw this of an instance."""
    seen = facts(**{"databases": [], **subsets})
    with hosting.portal.database.transaction() as session:
        session.execute(delete(Discovery).where(Discovery.instance_id == instance.id))
        session.add(Discovery(instance_id=instance.id, summary=summary_of(seen).as_json(), facts=seen))


def disk(free_gib: int, total_gib: int = 100) -> list[dict[str, Any]]:
    """One volume."""
    volume = {"mount_point": "/var/opt/mssql/", "total_mib": total_gib * GIB, "available_mib": free_gib * GIB}
    return [volume]


def most_of(text: str) -> float:
    """The size in GiB that a page says is the most."""
    said = set(re.findall(r"[Aa]t most\s+(\d+(?:\.\d)?)\s+GiB", text))
    assert len(said) == 1, said
    return float(said.pop())


@pytest.mark.parametrize(
    "seen",
    [
        facts(databases=[]),
        facts(),
        facts(databases=[], cpu={"busy_percent": 80}),
        facts(databases=[], cpu={"busy_percent": 79}),
        facts(databases=[], cpu=None),
        facts(databases=[], memory={"total_mib": 1000, "available_mib": 50}),
        facts(databases=[], memory={"total_mib": 1000, "available_mib": 51}),
        facts(databases=[], memory=None),
        facts(databases=[], volumes=None),
        facts(databases=[], volumes=disk(5)),
        facts(databases=[], volumes=disk(10)),
        facts(databases=[{"name": f"d{n}", "data_size_mib": 8, "log_size_mib": 8} for n in range(2)]),
        facts(databases=[{"name": "d", "data_size_mib": 8, "log_size_mib": None}]),
    ],
)
def test_the_room_that_the_portal_sees_is_the_placements(seen: dict[str, Any]) -> None:
    pool = Pool(**THRESHOLDS, largest_data_gib=1000, largest_log_gib=100)
    room = new_capacity_mib(summary_of(seen), pool)

    def against(wanted_mib: float) -> list[str]:
        return weigh("x", load_of(seen), wanted_mib=wanted_mib, thresholds=THRESHOLDS).against

    assert bool(against(room + 1))
    if room:
        assert not against(room)
        data_mib = largest_data_mib(pool, room)
        assert data_mib + log_limit_mib(data_mib, pool) <= room
        assert data_mib + 1 + log_limit_mib(data_mib + 1, pool) > room
    else:
        # The placement lets a booking of nothing pass a full disk; there is none.
        assert against(1)


def test_an_instance_over_a_threshold_promises_nothing_although_its_disk_is_the_emptiest(
    hosting: Hosting, operator: Any
) -> None:
    busy = hosting.portal.create_instance(hosting.pool, name="busy", reachability=Reachability.REACHABLE)
    found(hosting, busy, cpu={"busy_percent": 91}, volumes=disk(1000, 1000))
    found(hosting, hosting.instance, volumes=disk(30))
    customer = hosting.customer()
    hosting.try_to_book(customer, size_gib="")
    page = hosting.client(customer).get("/book/database").text
    assert most_of(page) == 16.0  # 20 GiB above what is kept free, with its log of a quarter
    refused = hosting.try_to_book(customer, size_gib="16.1")
    assert refused.status_code == 422
    assert "Ask for 16 GiB or less" in refused.text
    assert "16 GiB" in page
    assert hosting.try_to_book(customer, size_gib="16").status_code == 302
    shown = operator.get(f"/pools/{hosting.pool.id}").text
    assert "CPU 91 %, its threshold is 80" in shown


def test_where_no_instance_takes_anything_the_wizard_says_so(hosting: Hosting) -> None:
    found(hosting, hosting.instance, cpu={"busy_percent": 95})
    refused = hosting.try_to_book(hosting.customer(), size_gib="1")
    assert refused.status_code == 422
    assert "has no room for a new database now" in refused.text


def test_for_more_space_only_the_applications_own_instance_counts_and_only_what_comes_on_top(
    hosting: Hosting,
) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer, size_gib="40")
    database = application.databases[0]
    roomy = hosting.portal.create_instance(hosting.pool, name="roomy", reachability=Reachability.REACHABLE)
    found(hosting, roomy, volumes=disk(900, 1000))
    # 100 GiB, of which its own 50 are promised, 10 kept free: 20 are left; over the CPU's threshold besides.
    found(hosting, hosting.instance, volumes=disk(30), cpu={"busy_percent": 99})
    client, base = hosting.client(customer), f"/applications/{application.id}/databases"
    page = client.get(base).text
    said = re.findall(r"at most\s+(\d+(?:\.\d)?)\s+GiB", page, re.IGNORECASE)
    assert said == ["56", "16"]  # what it has, and on top; a new one
    size = f"{base}/{database.id}/size"
    refused = client.post(size, {"token": new_id(), "size_gib": "56.1"})
    assert refused.status_code == 422
    assert "Ask for 56 GiB or less" in refused.text
    refused = client.post(base, {"token": new_id(), "database": "more", "size_gib": "16.1"})
    assert refused.status_code == 422
    assert "Ask for 16 GiB or less" in refused.text
    assert client.post(size, {"token": new_id(), "size_gib": "56"}).status_code == 302


def test_a_request_that_came_to_nothing_takes_no_room_and_can_be_asked_for_smaller(hosting: Hosting) -> None:
    customer, other = hosting.customer(), hosting.customer()
    booking_id = hosting.book(customer, size_gib="60")
    assert hosting.try_to_book(other, name="blog", size_gib="60").status_code == 422
    hosting.fail(booking_id, "No database server has room.")
    with hosting.portal.database.reading() as session:
        assert pool_capacity(session, hosting.pool).largest_mib == 90 * GIB
    page = hosting.client(customer).get(f"/bookings/{booking_id}").text
    assert f"/bookings/{booking_id}/change" in page
    assert "You change it and send it again" in page
    hosting.book(other, name="blog", size_gib="60")  # 75 GiB with its log
    client = hosting.client(customer)
    form = client.get(f"/bookings/{booking_id}/change").text
    assert most_of(form) == 12.0
    typed = {"name": "shop", "kind": "standalone", "database": "orders", "collation": "", "reason": ""}
    refused = client.post(f"/bookings/{booking_id}/change", {**typed, "size_gib": "13"})
    assert refused.status_code == 422
    assert "Ask for 12 GiB or less" in refused.text
    assert hosting.booking(booking_id).state is BookingState.FAILED
    assert client.post(f"/bookings/{booking_id}/change", {**typed, "size_gib": "12"}).status_code == 302
    booking = hosting.booking(booking_id)
    assert (booking.state, booking.failure) == (BookingState.PENDING, None)
    assert booking.parameters["data_limit_mib"] == 12 * GIB


def test_what_failed_while_it_ran_keeps_its_request_as_it_was(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    hosting.approve(booking_id)
    hosting.run(booking_id)
    hosting.fail(booking_id)
    page = hosting.client(customer).get(f"/bookings/{booking_id}").text
    assert f"/bookings/{booking_id}/change" not in page
    assert hosting.client(customer).get(f"/bookings/{booking_id}/change").status_code == 409
