"""Which instance of a pool gets a booking: the rules of placement.py in the collection, without a server."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.belongings import layout, login_sid
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.placement import (
    PlacementError,
    place,
)

THRESHOLDS = {"cpu_percent": 80, "memory_percent": 95, "disk_free_percent": 10, "databases": 10}
GIB = 1024


def instance(*, cpu=20, memory=50, total_gib=100, free_gib=80, databases=(), logins=("sa",)):
    """An instance as mssql_discover returns it, as far as placement looks."""
    return {
        "instance": {
            "version": {"default_data_path": "/var/opt/mssql/data/"},
            "cpu": {"busy_percent": cpu},
            "memory": {"total_mib": 1000, "available_mib": 1000 - memory * 10},
            "volumes": [
                {
                    "mount_point": "/var/opt/mssql/",
                    "total_mib": total_gib * GIB,
                    "available_mib": free_gib * GIB,
                }
            ],
            "databases": [database(name, **more) for name, more in dict(databases).items()],
            "logins": [
                {
                    "name": name,
                    "sid": login_sid(name),
                    "is_disabled": False,
                    "server_roles": ["sysadmin"] if name == "sa" else [],
                }
                for name in logins
            ],
        }
    }


def database(name, *, owner="sa", size_gib=1, max_gib=1, is_system=False):
    return {
        "name": name,
        "owner": owner,
        "is_system": is_system,
        "state": "online",
        "user_access": "multi_user",
        "data_size_mib": size_gib * GIB,
        "data_max_size_mib": None if max_gib is None else max_gib * GIB,
        "log_size_mib": 64,
        "log_max_size_mib": 64,
    }


def book(pool, *, application="shop", names=("orders",), data_limit="10GiB", thresholds=None, **more):
    wishes = layout(
        application,
        [{"name": name} for name in names],
        data_limit=data_limit,
        log_limit="1GiB",
    )
    assert wishes["problems"] == []
    return place(
        application,
        pool,
        databases=wishes["databases"],
        thresholds=thresholds or THRESHOLDS,
        platform_login="platform",
        **more,
    )


def silent(text="sql01 (127.0.0.1,1433): no connection."):
    return {"failed": True, "msg": text}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(instance(cpu=10), instance(cpu=70), id="less CPU in use"),
        pytest.param(instance(memory=30), instance(memory=90), id="less memory in use"),
        pytest.param(instance(free_gib=90), instance(free_gib=40), id="more free disk"),
        pytest.param(
            instance(), instance(databases={f"d{n}": {} for n in range(8)}), id="fewer databases"
        ),
        pytest.param(
            instance(free_gib=60), instance(free_gib=80, databases={"big": {"max_gib": 60}}),
            id="less promised to others",
        ),
    ],
)  # fmt: skip
def test_the_instance_with_most_room_gets_it(better, worse):
    assert book({"sql01": worse, "sql02": better})["instance"] == "sql02"
    assert book({"sql01": better, "sql02": worse})["instance"] == "sql01"


def test_equal_instances_are_taken_by_name_so_that_the_choice_is_the_same_every_time():
    assert book({"sql02": instance(), "sql01": instance()})["instance"] == "sql01"


@pytest.mark.parametrize(
    ("full", "why"),
    [
        (instance(cpu=80), "CPU 80 %, its threshold is 80"),
        (instance(memory=95), "memory 95 %, its threshold is 95"),
        (instance(databases={f"d{n}": {} for n in range(10)}), "databases 10, its threshold is 10"),
        (instance(free_gib=15), "11.0 GiB wanted, 15.0 GiB free"),
        (instance(databases={"big": {"size_gib": 1, "max_gib": 66}}), "65.0 GiB are promised to other"),
    ],
)
def test_an_instance_beyond_a_threshold_gets_nothing_and_the_refusal_says_why(full, why):
    assert book({"sql01": full, "sql02": instance(cpu=79, memory=94)})["instance"] == "sql02"
    with pytest.raises(PlacementError, match="No instance of the pool has room") as refusal:
        book({"sql01": full})
    assert why in str(refusal.value)
    assert refusal.value.cause == "no_room"


def test_each_instance_is_judged_by_what_its_own_pool_allows():
    small, large = {"largest_data_limit": "5GiB"}, {"thresholds": {"databases": 1}}
    pool = {"sql01": instance(), "sql02": instance()}
    assert book(pool, pools={"sql01": small, "sql02": {}}, data_limit="10GiB")["instance"] == "sql02"
    assert book(pool, pools={"sql01": small, "sql02": {}}, data_limit="5GiB")["instance"] == "sql01"
    pool["sql02"] = instance(cpu=1, databases={"a": {}})
    pools = {"sql01": {}, "sql02": large}
    assert book(pool, pools=pools, thresholds={"cpu_percent": 90})["instance"] == "sql01"
    assert book(pool, pools=pools, thresholds={"databases": 5}, named="sql02")["instance"] == "sql02"
    with pytest.raises(PlacementError, match="10GiB is more than the pool allows") as refusal:
        book(pool, pools={"sql01": small, "sql02": small})
    assert refusal.value.cause is None  # waiting for room does not help


@pytest.mark.parametrize(
    ("thresholds", "why"),
    [({"cpu": 80}, "cpu is not a threshold"), ({"cpu_percent": "much"}, "'much' is not a number")],
)
def test_a_threshold_that_is_none_is_refused(thresholds, why):
    with pytest.raises(PlacementError, match=why):
        book({"sql01": instance()}, thresholds=thresholds)


def test_system_databases_and_databases_without_a_limit_promise_nothing():
    there = {"master": {"is_system": True, "max_gib": 90}, "old": {"max_gib": None}}
    assert book({"sql01": instance(databases=there)})["instance"] == "sql01"


def test_an_unknown_load_is_said_but_does_not_exclude_while_unknown_disk_space_does():
    pool = {"sql01": instance(cpu=None)}
    assert "CPU unknown" in book(pool)["reasons"][0]
    pool["sql01"]["instance"]["volumes"] = None
    with pytest.raises(PlacementError, match="disk space is not visible"):
        book(pool)


def test_a_booking_that_began_somewhere_goes_on_there_whatever_else_is_free():
    begun = instance(cpu=99, free_gib=30, logins=("sa", "shop_owner"))
    placed = book({"sql01": instance(), "sql02": begun})
    assert placed["instance"] == "sql02"
    assert placed["exists"]
    assert placed["reasons"][1] == "sql02: holds the application already"


def test_databases_that_are_there_need_no_more_room_but_missing_ones_do():
    there = {"shop_orders": {"owner": "shop_owner", "max_gib": 10}}
    full = instance(free_gib=22, databases=there, logins=("sa", "shop_owner", "shop_app"))
    assert book({"sql01": full})["instance"] == "sql01"
    with pytest.raises(PlacementError, match="sql01 has no room"):
        book({"sql01": full}, names=("orders", "stock"))


def test_the_named_instance_gets_it_if_it_has_room():
    pool = {"sql01": instance(), "sql02": instance(cpu=70)}
    assert book(pool, named="sql02")["instance"] == "sql02"
    pool["sql02"] = instance(cpu=90)
    with pytest.raises(PlacementError, match="sql02 has no room"):
        book(pool, named="sql02")


def test_a_named_instance_must_be_of_the_pool_and_not_contradict_where_the_application_is():
    pool = {"sql01": instance(logins=("sa", "shop_owner")), "sql02": instance()}
    with pytest.raises(PlacementError, match="'sql09' is not an instance of this pool"):
        book(pool, named="sql09")
    with pytest.raises(PlacementError, match="is on sql01 already, not on sql02"):
        book(pool, named="sql02")


def test_a_silent_instance_might_hold_the_application_so_only_a_name_places_it():
    pool = {"sql01": silent(), "sql02": instance()}
    with pytest.raises(PlacementError, match="may hold the application shop already") as refusal:
        book(pool)
    assert "no connection" in str(refusal.value)
    assert book(pool, named="sql02")["instance"] == "sql02"
    assert refusal.value.cause == "no_answer"
    with pytest.raises(PlacementError, match="sql01 could not be asked") as refusal:
        book(pool, named="sql01")
    assert refusal.value.cause == "no_answer"


def test_an_instance_that_shows_no_logins_counts_as_silent():
    weak = instance()
    weak["instance"]["logins"] = None
    with pytest.raises(PlacementError, match="not visible to the platform's login"):
        book({"sql01": weak, "sql02": instance()})


def test_adding_a_database_needs_the_application_to_be_there():
    with pytest.raises(PlacementError, match=r"is on no instance of this pool\. Book it first"):
        book({"sql01": instance()}, must_exist=True)
    there = instance(logins=("sa", "shop_owner", "shop_app"))
    assert book({"sql01": instance(), "sql02": there}, must_exist=True)["instance"] == "sql02"


@pytest.mark.parametrize("owner", ["somebody", "sa", "blog_owner", None])
def test_a_database_of_somebody_else_with_the_wanted_name_is_never_taken_over(owner):
    taken = {"shop_orders": {"owner": owner}}
    with pytest.raises(PlacementError, match="a database shop_orders is there that belongs to"):
        book({"sql01": instance(databases=taken, logins=("sa", "shop_owner"))})
    assert book({"sql01": instance(databases=taken), "sql02": instance()})["instance"] == "sql02"


@pytest.mark.parametrize("name", ["shop_owner", "Shop_App"])
def test_a_login_of_somebody_else_with_the_right_name_is_in_the_way_until_its_sid_is_given(name):
    there = instance(logins=("sa", name))
    there["instance"]["logins"][1]["sid"] = "0x" + "AB" * 16
    with pytest.raises(PlacementError, match=f"a login {name} is there that no booking made"):
        book({"sql01": there, "sql02": instance()})
    if name == "shop_owner":
        assert book({"sql01": there, "sql02": instance()}, owner_sid="0x" + "ab" * 16)["exists"]


def test_a_database_that_was_created_but_not_handed_over_yet_is_the_applications():
    created = {"shop_orders": {"owner": "platform"}}
    assert book({"sql01": instance(databases=created, logins=("sa", "shop_owner"))})["exists"]
    with pytest.raises(PlacementError, match="belongs to platform"):
        book({"sql01": instance(databases=created)})


def test_another_spelling_of_what_exists_is_refused_and_the_right_one_told():
    there = {"Shop_orders": {"owner": "shop_owner"}}
    with pytest.raises(PlacementError, match="it is there as Shop_orders: spell it so"):
        book({"sql01": instance(databases=there, logins=("sa", "shop_owner"))})
    with pytest.raises(PlacementError, match="its login is spelt shop_owner there"):
        book({"sql01": instance(logins=("sa", "shop_owner"))}, application="Shop")


def test_a_deleted_database_that_is_still_kept_is_in_the_way():
    kept = {"shop_orders__del_20261121": {"owner": "shop_owner"}}
    pool = {"sql01": instance(databases=kept, logins=("sa", "shop_owner"))}
    with pytest.raises(PlacementError, match="is kept since shop_orders was deleted: purge it first"):
        book(pool)
    assert book(pool, names=("stock",))["instance"] == "sql01"


def test_placing_does_not_alter_what_was_seen():
    pool = {"sql01": instance(databases={"a": {}}), "sql02": silent()}
    before = copy.deepcopy(pool)
    book(pool, named="sql01")
    assert pool == before
