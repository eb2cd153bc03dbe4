"""mssql_discover through the module: what an admin sees, and what a weak login is told it cannot see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.modules import IN_PROCESS, OUT_OF_PROCESS, ModuleRunner
from tests.support.simulators import Simulator, connect, lock_out, running_simulator

PASSWORD = "Weak-Login-1!"
TOPOLOGY: dict[str, Any] = {
    "instances": [
        {
            "name": "linux22",
            "version": 2022,
            "platform": "Linux",
            "memory_mib": 16384,
            "available_memory_mib": 9000,
            "cpus": 8,
            "volumes": [
                {"mount_point": "/", "size_gib": 50, "free_gib": 20},
                {"mount_point": "/var/opt/mssql/", "size_gib": 200, "free_gib": 120},
            ],
            "logins": [
                {"name": "weak", "password": PASSWORD},
                {"name": "watcher", "password": PASSWORD, "permissions": ["VIEW SERVER PERFORMANCE STATE"]},
                {"name": "maker", "password": PASSWORD, "server_roles": ["dbcreator"]},
            ],
            "databases": [
                {"name": "shop", "data_mib": 128, "log_mib": 64, "used_mib": 40, "max_mib": 1024},
                {"name": "closed", "state": "OFFLINE"},
                {"name": "moving", "state": "RESTORING"},
                {"name": "odd ] name's", "collation": "Latin1_General_100_BIN2"},
            ],
        },
        {
            "name": "win19",
            "version": 2019,
            "platform": "Windows",
            "edition": "Standard",
            "collation": "Latin1_General_CS_AS",
            "cpu_percent": 30,
            "hadr": True,
            "volumes": [
                {"mount_point": "C:\\", "label": "system", "size_gib": 100, "free_gib": 60},
                {"mount_point": "D:\\", "label": "data", "size_gib": 100, "free_gib": 60},
            ],
            "logins": [{"name": "weak", "password": PASSWORD}],
        },
    ]
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("discover")) as running:
        yield running


@pytest.fixture
def way() -> str:
    """In the controller's process; the tests that compare both ways say so."""
    return IN_PROCESS


@pytest.fixture
def discover(run_module: ModuleRunner) -> Callable[..., dict]:
    """Run the module on an instance; a failure fails the test unless ``may_fail``."""

    def call(name: str = "linux22", *subsets: str, may_fail: bool = False, **more: Any) -> dict:
        options = {"gather_subset": list(subsets)} if subsets else {}
        result = run_module("mssql_discover", instance=name, **options, **more)
        assert may_fail or not result["failed"], result["msg"]
        return result

    return call


def by_name(entries: list[dict]) -> dict[str, dict]:
    return {entry["name"]: entry for entry in entries}


def test_an_admin_sees_everything_in_few_statements(discover: Callable[..., dict]) -> None:
    result = discover()
    assert result["changed"] is False
    assert result["statements"]["read"] <= 12
    assert result["statements"]["change"] == 0
    instance = result["instance"]
    assert set(instance) == {
        "version", "cpu", "memory", "volumes", "configuration", "collations", "hadr", "databases", "logins",
        "availability_groups",
    }  # fmt: skip
    assert all(value is not None for value in instance.values())
    assert json.loads(json.dumps(instance)) == instance
    # Linux does not tell the load; two databases cannot be entered. Nothing else is unknown.
    assert {entry["what"] for entry in result["unknown"]} == {
        "cpu.busy_percent",
        "databases[].data_used_mib of closed",
        "databases[].data_used_mib of moving",
    }
    assert "SQL Server 2022 Developer" in result["summary"]


def test_version_and_machine_are_told_with_units(discover: Callable[..., dict]) -> None:
    instance = discover("linux22", "version", "cpu", "memory", "configuration")["instance"]
    version = instance["version"]
    assert (version["release"], version["major_version"], version["platform"]) == ("2022", 16, "linux")
    assert version["server_name"] == "linux22"
    assert version["features"]["contained_availability_groups"] is True
    assert instance["cpu"]["count"] == 8
    assert instance["cpu"]["idle_percent"] is None
    assert instance["cpu"]["sql_percent"] == 5
    assert instance["cpu"]["uptime_s"] >= 0
    assert instance["cpu"]["started_at"].endswith("Z")
    assert (instance["memory"]["total_mib"], instance["memory"]["available_mib"]) == (16384, 9000)
    assert instance["memory"]["is_low"] is False
    assert instance["configuration"]["max_server_memory_mib"] == {"configured": None, "running": None}


def test_windows_tells_its_load_and_its_volumes(discover: Callable[..., dict]) -> None:
    result = discover("win19", "version", "cpu", "volumes", "hadr")
    instance = result["instance"]
    assert instance["cpu"]["busy_percent"] == 32  # 30 of SQL Server itself
    assert instance["version"]["features"]["availability_groups"] == "basic"
    assert instance["hadr"] == {
        "is_enabled": True,
        "manager_status": "running",
        "endpoints": [],
        "certificates": [],
    }
    volume = instance["volumes"][0]  # only volumes that hold a database file are there
    assert volume["label"] == {"C:\\": "system", "D:\\": "data"}[volume["mount_point"]]
    assert (volume["is_derived"], volume["total_mib"], volume["available_mib"]) == (False, 102400, 61440)
    assert result["unknown"] == []


def test_volumes_on_linux_are_derived_from_the_files(discover: Callable[..., dict]) -> None:
    (volume,) = discover("linux22", "volumes")["instance"]["volumes"]
    assert volume["mount_point"].startswith("/var/opt/mssql/")
    assert volume["is_derived"] is True
    assert (volume["total_mib"], volume["available_mib"]) == (204800, 122880)


def test_databases_have_files_and_space_and_say_their_state(discover: Callable[..., dict]) -> None:
    found = by_name(discover("linux22", "files", "space")["instance"]["databases"])
    shop = found["shop"]
    assert (shop["state"], shop["recovery_model"], shop["owner"]) == ("online", "full", "sa")
    assert (shop["data_size_mib"], shop["data_max_size_mib"], shop["data_used_mib"]) == (128, 1024, 40)
    assert [(file["type"], file["size_mib"]) for file in shop["files"]] == [("data", 128), ("log", 64)]
    assert shop["log_used_mib"] is not None
    assert found["closed"]["state"] == "offline"
    assert found["closed"]["data_size_mib"] == 64
    assert found["closed"]["data_used_mib"] is None
    assert found["moving"]["state"] == "restoring"
    assert found["odd ] name's"]["collation"] == "Latin1_General_100_BIN2"
    assert found["odd ] name's"]["data_used_mib"] == 3
    assert found["tempdb"]["is_system"] is True


def test_logins_have_their_sid_and_roles(discover: Callable[..., dict]) -> None:
    found = by_name(discover("linux22", "logins")["instance"]["logins"])
    assert found["maker"]["server_roles"] == ["dbcreator"]
    assert found["weak"]["server_roles"] == []
    assert len(found["weak"]["sid"]) == 34
    assert found["sa"]["server_roles"] == ["sysadmin"]


def test_a_login_that_wrong_passwords_locked_is_shown_as_locked(
    discover: Callable[..., dict], simulator: Simulator
) -> None:
    with connect(simulator.instances["win19"]) as admin:
        admin.execute(f"CREATE LOGIN [guessed] WITH PASSWORD = N'{PASSWORD}'")
        try:
            lock_out(simulator.instances["win19"], "guessed")
            found = by_name(discover("win19", "logins")["instance"]["logins"])
            assert {name for name, login in found.items() if login["is_locked"]} == {"guessed"}
        finally:
            admin.execute("DROP LOGIN [guessed]")


def test_collations_are_counted_and_named(discover: Callable[..., dict]) -> None:
    found = discover("win19", "collations")["instance"]["collations"]
    assert found["count"] == len(found["names"]) > 10
    assert "Latin1_General_CS_AS" in found["names"]


@pytest.mark.parametrize(
    ("subsets", "keys", "reads"),
    [
        (["version"], {"version"}, 1),
        (["memory"], {"memory"}, 2),
        (["databases"], {"databases"}, 2),
        (["volumes", "files"], {"volumes", "databases"}, 3),
        (["!collations", "!space"], None, 10),
    ],
)
def test_only_what_was_asked_for_is_read(
    discover: Callable[..., dict], subsets: list[str], keys: set[str] | None, reads: int
) -> None:
    result = discover("win19", *subsets)
    assert keys is None or set(result["instance"]) == keys
    assert result["statements"]["read"] == reads


def test_an_unknown_subset_is_refused_with_those_that_exist(discover: Callable[..., dict]) -> None:
    result = discover("linux22", "tables", may_fail=True)
    assert result["failed"]
    assert result["error"]["kind"] == "InvalidInput"
    assert "'tables' is no subset. Known are all, version" in result["msg"]


@pytest.mark.parametrize(
    ("name", "login", "right", "unseen"),
    [
        (
            "linux22",
            "weak",
            "VIEW SERVER PERFORMANCE STATE",
            {"cpu", "memory", "volumes", "logins", "availability_groups"},
        ),
        ("win19", "weak", "VIEW SERVER STATE", {"cpu", "memory", "volumes", "logins", "availability_groups"}),
        ("linux22", "watcher", "VIEW ANY DEFINITION", {"volumes", "logins", "availability_groups"}),
        ("linux22", "maker", "VIEW SERVER PERFORMANCE STATE", {"cpu", "memory", "volumes", "logins"}),
    ],
)
def test_what_a_weak_login_cannot_see_is_unknown_and_never_empty(
    discover: Callable[..., dict], name: str, login: str, right: str, unseen: set[str]
) -> None:
    result = discover(name, login_user=login, login_password=PASSWORD)
    instance = result["instance"]
    assert {key for key, value in instance.items() if value is None} >= unseen
    assert not [key for key, value in instance.items() if value in ([], {})]
    named = {entry["what"].split(".")[0].split("[")[0] for entry in result["unknown"]}
    assert unseen <= named
    assert right in {entry["missing_right"] for entry in result["unknown"]}
    assert instance["hadr"]["endpoints"] is None
    # The names of databases are everybody's; their files and use are not.
    databases = by_name(instance["databases"])
    if login != "maker":
        assert {database["files"] is None for database in databases.values()} == {True}
        assert databases["tempdb"]["data_size_mib"] is None


def test_databases_that_a_login_may_not_enter_have_no_used_space_and_a_reason(
    discover: Callable[..., dict],
) -> None:
    result = discover("linux22", "space", login_user="maker", login_password=PASSWORD)
    assert by_name(result["instance"]["databases"])["shop"]["data_used_mib"] is None
    (entry,) = [entry for entry in result["unknown"] if "shop" in entry["what"]]
    assert "CONNECT ANY DATABASE" in entry["reason"]


@pytest.mark.parametrize("way", [OUT_OF_PROCESS])
def test_an_ordinary_module_gives_the_same_result(run_module: ModuleRunner) -> None:
    elsewhere = run_module("mssql_discover", instance="win19", gather_subset=["!cpu"])
    run_module.way = IN_PROCESS
    here = run_module("mssql_discover", instance="win19", gather_subset=["!cpu"])
    for key in ("instance", "unknown", "omitted", "summary", "statements", "changed"):
        assert elsewhere[key] == here[key]


def test_check_mode_sees_the_same(discover: Callable[..., dict]) -> None:
    usual = discover("win19", "version", "databases", "files", "logins")
    checked = discover("win19", "version", "databases", "files", "logins", check_mode=True)
    assert checked["instance"] == usual["instance"]
    assert checked["statements"] == usual["statements"]


def test_what_the_server_refuses_in_spite_of_the_rights_is_unknown_and_the_rest_is_there(
    discover: Callable[..., dict], simulator: Simulator
) -> None:
    simulator.control.add_fault("win19", kind="error", pattern="dm_os_ring_buffers", number=297)
    simulator.control.add_fault("win19", kind="error", pattern="sys.sql_logins", number=297)
    try:
        result = discover("win19")
    finally:
        simulator.control.clear_faults("win19")
    assert result["instance"]["cpu"]["count"] == 4
    assert result["instance"]["cpu"]["busy_percent"] is None
    assert result["instance"]["logins"] is None
    assert {entry["what"] for entry in result["unknown"]} == {"cpu.busy_percent", "logins"}
    assert all("the server refused" in entry["reason"] for entry in result["unknown"])


def test_every_statement_that_arrived_is_in_the_journal(
    discover: Callable[..., dict], run_module: ModuleRunner, simulator: Simulator
) -> None:
    before = len(simulator.trace())
    discover("linux22")
    received = simulator.sent_by_modules(after=before)
    intents = [line["text"] for line in run_module.journal() if line["event"] == "intent"]
    assert received == intents
    assert len(intents) == 12
