"""New limits for one database of an application: what is set, what is refused, and by which arithmetic."""

from __future__ import annotations

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.resizing import resizing

from tests.playbooks.test_approved_plan import make_plan
from tests.playbooks.test_placement import GIB
from tests.playbooks.test_placement import instance as pool_instance
from tests.support.playbooks import Platform, unexplained
from tests.support.simulators import DRIVERS, connect

LARGEST = {"largest_data_limit": "100GiB", "largest_log_limit": "20GiB"}


def book(platform, name, **orders):
    return platform.play(
        "book_application",
        application_name=name,
        application_instance="sql01",
        application_databases=[{"name": "orders", "data_limit": "2GiB", "log_limit": "256MiB", **orders}],
    ).succeeded()


def limits(platform, name):
    """The real limits of data and log, in MiB."""
    with connect(platform.simulator.instances["sql01"], database=name) as administrator:
        rows = administrator.execute("SELECT type_desc, max_size, growth FROM sys.database_files").fetchall()
    return {kind: (size // 128, growth // 128) for kind, size, growth in rows}


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_limit_is_raised_and_lowered_and_what_is_not_given_stays(simulator, tmp_path, driver):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    name = f"resized_{driver}"
    before = len(simulator.trace())
    journals = [*book(platform, name).journal]

    def run(**wishes):
        wishes = {"application_name": name, "application_database": "orders", **wishes}
        planned = platform.play("resize_database", "--check", **wishes).succeeded()
        assert planned.statements("intent") == []
        first = platform.play("resize_database", **wishes).succeeded()
        second = platform.play("resize_database", **wishes).succeeded()
        assert first.statements("intent") == planned.statements("planned") != []
        assert second.changed == 0, second.output
        journals.extend(planned.journal + first.journal + second.journal)
        return first

    raised = run(application_data_limit="6GiB")
    assert limits(platform, f"{name}_orders") == {"ROWS": (6144, 64), "LOG": (256, 64)}
    for line in ("data_limit_before_mib: 2048", "data_limit_mib: 6144", "log_limit_mib: 256"):
        assert line in raised.output
    run(application_data_limit="128MiB", application_log_limit="1GiB")
    assert limits(platform, f"{name}_orders") == {"ROWS": (128, 64), "LOG": (1024, 64)}
    assert unexplained(simulator.trace()[before:], journals) == []


def test_what_is_approved_is_what_is_sent_and_drift_is_refused(platform, simulator, tmp_path):
    book(platform, "approved_size")
    wishes = {"application_name": "approved_size", "application_database": "orders"}
    planned = platform.play("resize_database", "--check", **wishes, application_data_limit="3GiB").succeeded()
    plan = make_plan(planned, tmp_path)
    refused = platform.play("resize_database", plan=plan, **wishes, application_data_limit="4GiB")
    assert refused.status != 0
    assert refused.statements("intent") == []
    real = platform.play("resize_database", plan=plan, **wishes, application_data_limit="3GiB").succeeded()
    assert real.statements("intent") == planned.statements("planned") != []


@pytest.mark.parametrize(
    ("wishes", "why"),
    [
        ({"application_database": "nothing"}, "has no database 'nothing' here (it has tight_orders)"),
        ({"application_database": "o]; DROP"}, "application_database 'o]; DROP' is not usable"),
        ({"application_database": None}, "application_database"),
        ({"application_data_limit": ""}, "Give application_data_limit, application_log_limit or both"),
        ({"application_data_limit": "10"}, "application_data_limit: '10' is not a size"),
        ({"application_data_limit": "17TiB"}, "application_data_limit: 17TiB is more than SQL Server allows"),
        ({"application_data_limit": "101GiB"}, "101GiB is more than the pool allows (100GiB)"),
        ({"application_data_limit": "1GiB", "application_log_limit": "21GiB"}, "allows (20GiB)"),
        ({"application_data_limit": "95GiB"}, "tight_orders cannot get more here: 93.0 GiB wanted"),
        ({"application_data_limit": "32MiB"}, "the data file of tight_orders has 64MiB already"),
        ({"application_name": "nowhere"}, "The application nowhere is not on sql01. Book it first."),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_any_change(platform, tight, wishes, why):
    options = {
        "application_name": "tight",
        "application_instance": "sql01",
        "application_database": "orders",
        "application_data_limit": "4GiB",
        **wishes,
    }
    run = platform.play("resize_database", **options)
    assert run.status != 0
    assert why in " ".join(run.output.split())
    assert run.statements("intent") == []


@pytest.fixture(scope="module")
def tight(simulator, tmp_path_factory):
    """An application that the refusals are about."""
    platform = Platform(simulator, tmp_path_factory.mktemp("tight") / "platform", driver="freetds")
    return book(platform, "tight")


def resize(*, data=None, log=None, size_gib=1, max_gib=10, pool=None, others=None, thresholds=None, **more):
    """``resizing`` of shop_orders on an instance with 100 GiB, 80 of them free."""
    there = pool_instance(
        databases={**(others or {}), "shop_orders": {"size_gib": size_gib, "max_gib": max_gib}}
    )
    owned = [{"name": "shop_orders", "state": "online", "deleted": False, **more}]
    return resizing(
        "shop", "orders", there["instance"], owned=owned, data_limit=data, log_limit=log,
        pool=pool or {}, thresholds=thresholds or {},
    )  # fmt: skip


def test_only_what_is_added_needs_room_and_what_others_may_grow_by_is_taken():
    # 80 free - 9 promised to itself - 10 kept free = 61.
    assert resize(data="71GiB")["problems"] == []
    assert resize(data="72GiB")["cause"] == "no_room"
    (problem,) = resize(data="72GiB")["problems"]
    assert "62.0 GiB wanted, 80.0 GiB free, of which 9.0 GiB are promised" in problem
    others = {"other": {"size_gib": 1, "max_gib": 31}}
    assert resize(data="41GiB", others=others)["problems"] == []
    assert resize(data="42GiB", others=others)["problems"] != []
    assert resize(data="72GiB", thresholds={"disk_free_percent": 9})["problems"] == []
    assert resize(data="72GiB", pool={"thresholds": {"disk_free_percent": 9}})["problems"] == []


def test_lowering_is_possible_on_a_volume_that_is_full():
    full = {"other": {"size_gib": 1, "max_gib": 500}}
    assert resize(data="9GiB", others=full)["problems"] == []
    assert resize(data="10GiB", others=full)["problems"] == []
    assert resize(data="11GiB", others=full)["problems"] != []


def test_a_database_without_a_limit_has_been_promised_nothing():
    assert resize(data="71GiB", max_gib=None)["problems"] == []
    assert resize(data="72GiB", max_gib=None)["problems"] != []
    assert resize(data="20GiB", max_gib=None)["limits"]["data_limit_before_mib"] is None


def test_a_limit_below_the_file_is_refused_unless_it_is_there_already():
    (problem,) = resize(data="4GiB", size_gib=5)["problems"]
    assert "the data file of shop_orders has 5GiB already, so its limit cannot be 4GiB" in problem
    assert resize(log="1GiB", size_gib=11, max_gib=10)["problems"] == []


def test_growth_never_exceeds_a_small_limit():
    done = resize(data="32MiB", log="5GiB", size_gib=1 / 64)
    assert done["set"] == {
        "data_max_size": "32MiB",
        "data_growth": "32MiB",
        "log_max_size": f"{5 * GIB}MiB",
        "log_growth": "64MiB",
    }


def test_the_pools_largest_counts_for_what_is_asked_and_not_for_what_is_there():
    assert resize(log="1GiB", pool={**LARGEST, "largest_data_limit": "5GiB"})["problems"] == []
    assert "more than the pool allows" in resize(data="101GiB", pool=LARGEST)["problems"][0]
    assert "not a size" in resize(data="1GiB", pool={"largest_data_limit": "much"})["problems"][0]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"state": "offline"}, "shop_orders is offline: bring it online first"),
        ({"deleted": True}, "has no database 'orders' here"),
    ],
)
def test_a_database_that_is_out_of_reach_is_not_resized(more, why):
    assert why in resize(data="20GiB", **more)["problems"][0]


def test_an_instance_that_does_not_show_its_disk_promises_nothing():
    there = pool_instance(databases={"shop_orders": {"max_gib": 10}})["instance"] | {"volumes": None}
    owned = [{"name": "shop_orders", "state": "online", "deleted": False}]
    options = {"owned": owned, "log_limit": None, "pool": {}, "thresholds": {}}
    (problem,) = resizing("shop", "orders", there, data_limit="11GiB", **options)["problems"]
    assert "its disk space is not visible" in problem
    assert resizing("shop", "orders", there, data_limit="9GiB", **options)["problems"] == []


def test_a_booking_that_is_run_again_with_the_new_limit_changes_nothing(platform):
    book(platform, "same_size", data_limit="32MiB")
    wishes = {"application_name": "same_size", "application_database": "orders"}
    platform.play("resize_database", **wishes, application_data_limit="32MiB").succeeded()
    assert book(platform, "same_size", data_limit="32MiB").changed == 0
