"""What pools still hold, and which collations they know."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.placement import load_of

from tests.support.portal import Portal
from tests.webapp.pools.conftest import Looks
from tests.webapp.pools.found import FACTS, GIB, PROMISED_MIB, discovered, facts, unanswered
from webapp.applications.models import Application, ApplicationDatabase
from webapp.bookings.capacity import free_after, pool_capacity
from webapp.pools.facts import Summary, summary_from, summary_of
from webapp.pools.listing import collations_of, newest_discovery, open_pools
from webapp.pools.models import Pool

KEPT_FREE_MIB = 10 * GIB  # 10 % of the volume
FREE_MIB = 80 * GIB - PROMISED_MIB - KEPT_FREE_MIB


def book(
    portal: Portal, pool: Pool, *, instance_id: str | None = None, gib: int = 20, **columns: Any
) -> None:
    """An application whose database is asked for and not there."""
    customer = portal.create_user()
    name = columns.pop("name", "shop")
    name_key = columns.pop("name_key", name)
    application = Application(
        name=name, name_key=name_key, customer_id=customer.id, pool_id=pool.id, instance_id=instance_id,
        owner_sid="0x" + "0" * 32, **columns,
    )  # fmt: skip
    database = ApplicationDatabase(
        name="orders", name_key="orders", data_limit_mib=gib * GIB, log_limit_mib=GIB
    )
    application.databases.append(database)
    with portal.database.transaction() as session:
        session.add(application)


VARIANTS: list[dict[str, Any]] = [
    {},
    {"cpu": None},
    {"memory": None},
    {"volumes": None},
    {"volumes": []},
    {"databases": None},
    {"databases": [{"name": "x", "is_system": False, "data_size_mib": None}]},
    {"version": {"default_data_path": "D:\\data\\"}},
    {
        "version": {"default_data_path": "D:\\DATA\\sql\\"},
        "volumes": [
            {"mount_point": "D:\\", "total_mib": 10, "available_mib": 9},
            {"mount_point": "D:\\data\\", "total_mib": 100, "available_mib": 7},
            {"mount_point": "E:\\", "total_mib": 100, "available_mib": None},
        ],
    },
]


@pytest.mark.parametrize("subsets", VARIANTS)
def test_the_portal_counts_as_the_placement_does(subsets: dict[str, Any]) -> None:
    seen = facts(**subsets)
    ours = summary_of(seen)
    try:
        load = load_of(seen)
    except TypeError:
        pytest.fail("the placement cannot read these facts")
    assert ours.cpu_percent == load.cpu_percent
    assert ours.memory_percent == load.memory_percent
    assert (ours.disk_total_mib, ours.disk_free_mib) == (load.disk_total_mib, load.disk_free_mib)
    assert ours.databases == load.databases
    if seen["databases"] is not None:  # placement refuses such an instance before it counts
        assert ours.promised_mib == load.promised_mib


def test_a_summary_survives_storing_and_keys_of_another_version() -> None:
    summary = summary_of(FACTS)
    assert summary_from({**summary.as_json(), "a_new_key": 1}) == summary
    assert summary_from(None) == Summary()


def test_reserved_space_goes_where_it_is_known_or_where_most_room_is() -> None:
    free = {"a": 100.0, "b": 60.0, "c": None}
    assert free_after(free, []) == free
    assert free_after(free, [("b", 50)]) == {"a": 100.0, "b": 10.0, "c": None}
    assert free_after(free, [(None, 50), (None, 30)]) == {"a": 50.0, "b": 30.0, "c": None}
    assert free_after({"a": 10.0}, [("a", 50)]) == {"a": 0.0}
    assert free_after({"c": None}, [(None, 50), ("gone", 5)]) == {"c": None}


def test_a_pool_holds_what_its_open_reachable_instances_may_still_promise(
    portal: Portal, looks: Looks
) -> None:
    pool = portal.create_pool()
    one, two, closed, silent, _ = (
        portal.create_instance(pool, name=name, port=port, is_open=name != "closed")
        for port, name in enumerate(("one", "two", "closed", "silent", "unseen"), start=1501)
    )
    for instance in (one, two, closed, silent):
        looks.discover(instance, discovered(instance.name, facts()))
    looks.discover(silent, unanswered(silent.name, "nothing listens"))
    with portal.database.reading() as session:
        capacity = pool_capacity(session, pool)
    assert {i.name: i.free_mib for i in capacity.instances} == {
        "one": FREE_MIB,
        "two": FREE_MIB,
        "unseen": None,
    }
    assert (capacity.largest_mib, capacity.total_mib) == (FREE_MIB, 2 * FREE_MIB)

    book(portal, pool, instance_id=one.id, gib=20)
    book(portal, pool, name="blog", gib=5)
    with portal.database.reading() as session:
        capacity = pool_capacity(session, pool)
    assert {i.name: i.free_mib for i in capacity.instances if i.free_mib is not None} == {
        "one": FREE_MIB - 21 * GIB,
        "two": FREE_MIB - 6 * GIB,
    }


def test_nothing_is_known_of_a_pool_that_nobody_looked_at(portal: Portal) -> None:
    pool = portal.create_pool()
    portal.create_instance(pool)
    with portal.database.reading() as session:
        capacity = pool_capacity(session, pool)
        assert (capacity.largest_mib, capacity.total_mib) == (None, None)
        assert collations_of(session, pool) == []


def test_collations_are_those_that_every_open_instance_knows(portal: Portal, looks: Looks) -> None:
    pool = portal.create_pool()
    for port, (name, names, is_open) in enumerate(
        (("one", ["B", "a", "c"], True), ("two", ["a", "B"], True), ("closed", ["z"], False)), start=1501
    ):
        instance = portal.create_instance(pool, name=name, port=port, is_open=is_open)
        found = facts(collations={"count": len(names), "names": names})
        looks.discover(instance, discovered(name, found))
    with portal.database.reading() as session:
        assert collations_of(session, pool) == ["a", "B"]


def test_only_open_pools_with_an_open_instance_take_bookings(portal: Portal) -> None:
    empty, closed, shut, open_pool = (
        portal.create_pool(name=name, is_open=name != "closed")
        for name in ("empty", "closed", "shut", "open")
    )
    portal.create_instance(closed)
    portal.create_instance(shut, is_open=False)
    portal.create_instance(open_pool)
    with portal.database.reading() as session:
        assert [pool.name for pool in open_pools(session)] == ["open"]
        assert newest_discovery(session, empty.id) is None
