"""mssql_quota through the module: measured, judged and enforced, again and in check mode."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import IN_PROCESS, OUT_OF_PROCESS, ModuleRunner
from tests.support.simulators import Simulator, connect, running_simulator

PASSWORD = "Weak-Login-1!"
GROUP = {"data_mib": 100, "log_mib": 64, "max_mib": 1000}
COMMON: dict[str, Any] = {
    "version": 2022,
    "volumes": [{"mount_point": "/", "size_gib": 100, "free_gib": 50}],
    "logins": [
        {"name": "weak", "password": PASSWORD},
        {"name": "maker", "password": PASSWORD, "server_roles": ["dbcreator"]},
    ],
}
TOPOLOGY: dict[str, Any] = {
    "instances": [
        {
            **COMMON,
            "name": "measured",
            "databases": [
                {"name": "calm", **GROUP, "used_mib": 10},
                {"name": "filling", **GROUP, "data_mib": 900, "used_mib": 850},
                {"name": "nearly", **GROUP, "data_mib": 1000, "used_mib": 960},
                {"name": "full", **GROUP, "data_mib": 1000, "used_mib": 1000},
                {"name": "endless", "data_mib": 100, "used_mib": 90},
                {"name": "closed", "state": "OFFLINE"},
                {"name": "moving", "state": "RESTORING"},
            ],
        },
        {**COMMON, "name": "enforced"},
    ]
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """``measured`` is only measured; ``enforced`` is empty, and each test makes its own database."""
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("quota")) as running:
        yield running


@pytest.fixture
def way() -> str:
    """In the controller's process; the tests that compare both ways say so."""
    return IN_PROCESS


@pytest.fixture
def quota(run_module: ModuleRunner) -> Callable[..., dict]:
    return lambda **options: run_module("mssql_quota", instance="measured", **options)


@pytest.fixture
def enforce(run_module: ModuleRunner) -> Callable[..., dict]:
    return lambda **options: run_module("mssql_quota", **{"instance": "enforced", "enforce": True, **options})


@pytest.fixture
def database(simulator: Simulator) -> Iterator[str]:
    """A fresh database: data 64 MiB growing by 64, log 64 MiB, without limits. Dropped afterwards."""
    name = "shop ] o'brien"
    folder = "/var/opt/mssql/data/"
    with connect(simulator.instances["enforced"]) as connection:
        connection.execute(
            f"CREATE DATABASE [{name.replace(']', ']]')}] "
            f"ON PRIMARY (NAME=N'shop', FILENAME=N'{folder}shop.mdf', SIZE=64MB, FILEGROWTH=64MB) "
            f"LOG ON (NAME=N'shop_log', FILENAME=N'{folder}shop_log.ldf', SIZE=64MB, FILEGROWTH=64MB)"
        )
        yield name
        connection.execute("USE master")
        connection.execute(f"DROP DATABASE [{name.replace(']', ']]')}]")
    connection.close()


def by_name(result: dict) -> dict[str, dict]:
    assert not result["failed"], result["msg"]
    return {entry["name"]: entry for entry in result["databases"]}


def maxima(simulator: Simulator, name: str) -> dict[str, tuple[int, int]]:
    """(max_size, growth) in pages of each file, as the catalog has them."""
    with connect(simulator.instances["enforced"]) as connection:
        rows = connection.execute(
            "SELECT name, max_size, growth FROM sys.master_files WHERE database_id = DB_ID(?)", name
        ).fetchall()
    connection.close()
    return {row[0]: (row[1], row[2]) for row in rows}


def planned(result: dict) -> list[str]:
    """The changing statements that a check-mode run has journalled."""
    lines = map(json.loads, Path(result["journal"]).read_text(encoding="utf-8").splitlines())
    return [line["text"] for line in lines if line["event"] == "planned"]


# --- measuring -----------------------------------------------------------------------------------------


def test_each_database_is_judged_by_the_limit_its_files_have(quota: Callable[..., dict]) -> None:
    result = quota()
    found = by_name(result)
    assert {name: entry["status"] for name, entry in found.items()} == {
        "calm": "ok",
        "filling": "warning",
        "nearly": "critical",
        "full": "exceeded",
        "endless": "ok",
        "closed": "unknown",
        "moving": "unknown",
    }
    assert result["worst"] == "exceeded"
    assert result["changed"] is False
    filling = found["filling"]
    assert (filling["data_used_mib"], filling["data_allocated_mib"], filling["data_limit_mib"]) == (
        850,
        900,
        1000,
    )
    assert filling["data_percent"] == filling["percent"] == 85.0
    assert found["endless"]["data_limit_mib"] is None
    assert (
        "1 exceeded (full), 1 critical (nearly), 1 warning (filling), 2 unknown (closed, moving), 2 ok"
        in (result["summary"])
    )


def test_all_databases_are_measured_in_few_statements(quota: Callable[..., dict]) -> None:
    assert quota()["statements"] == {"read": 5, "change": 0, "planned": 0}


def test_what_cannot_be_measured_is_unknown_with_its_reason(quota: Callable[..., dict]) -> None:
    found = by_name(quota())
    assert found["closed"]["reason"] == "the database is offline"
    assert found["moving"]["reason"] == "the database is restoring"
    assert found["closed"]["data_used_mib"] is None
    assert found["closed"]["data_allocated_mib"] == 64  # known all the same


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        # a batch that fails as a whole is asked again, database by database
        ({"number": 942, "times": 1}, {"ok", "warning", "critical", "exceeded", "unknown"}),
        # every database fails by itself
        ({"number": 942}, {"unknown"}),
    ],
)
def test_a_database_that_goes_offline_while_it_is_measured_hides_no_other(
    quota: Callable[..., dict], simulator: Simulator, fault: dict, statuses: set[str]
) -> None:
    simulator.control.add_fault("measured", kind="error", pattern="SpaceUsed", **fault)
    try:
        found = by_name(quota())
    finally:
        simulator.control.clear_faults("measured")
    assert {entry["status"] for entry in found.values()} == statuses
    if statuses == {"unknown"}:
        assert found["calm"]["reason"] == "the database is offline (error 942)"


def test_every_statement_that_arrived_is_in_the_journal(
    quota: Callable[..., dict], run_module: ModuleRunner, simulator: Simulator
) -> None:
    before = len(simulator.trace())
    quota()
    received = simulator.sent_by_modules(after=before)
    assert received == [line["text"] for line in run_module.journal() if line["event"] == "intent"]


def test_limits_and_levels_that_are_given_are_used(quota: Callable[..., dict]) -> None:
    result = quota(
        databases=[{"name": "calm", "data_limit": "20MiB"}, {"name": "endless"}],
        data_limit="100MiB",
        warning_percent=50,
        critical_percent=90,
    )
    found = by_name(result)
    assert list(found) == ["calm", "endless"]
    assert (found["calm"]["status"], found["calm"]["data_limit_mib"]) == ("warning", 20)
    assert (found["endless"]["status"], found["endless"]["data_limit_mib"]) == ("critical", 100)
    assert result["worst"] == "critical"


def test_a_change_of_use_is_seen(quota: Callable[..., dict], simulator: Simulator) -> None:
    simulator.control.set_used("measured", "endless", 50)
    try:
        assert by_name(quota(databases=[{"name": "endless"}]))["endless"]["data_used_mib"] == 50
    finally:
        simulator.control.set_used("measured", "endless", 90)


def test_a_system_database_is_measured_when_it_is_named(quota: Callable[..., dict]) -> None:
    assert list(by_name(quota(databases=[{"name": "tempdb"}]))) == ["tempdb"]


def test_a_name_is_compared_as_the_server_compares_it(quota: Callable[..., dict]) -> None:
    assert list(by_name(quota(databases=[{"name": "CALM"}]))) == ["calm"]


def test_a_database_that_the_login_may_not_enter_is_unknown(quota: Callable[..., dict]) -> None:
    result = quota(login_user="maker", login_password=PASSWORD, databases=[{"name": "calm"}])
    calm = by_name(result)["calm"]
    assert calm["status"] == "unknown"
    assert "CONNECT ANY DATABASE" in calm["reason"]
    assert calm["data_allocated_mib"] == 100
    assert result["worst"] == "unknown"


def test_a_login_that_may_not_see_files_knows_nothing(quota: Callable[..., dict]) -> None:
    calm = by_name(quota(login_user="weak", login_password=PASSWORD))["calm"]
    assert calm["status"] == "unknown"
    assert calm["data_allocated_mib"] is None
    assert "VIEW ANY DEFINITION" in calm["reason"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data_limit": "0MiB"}, "data_limit: '0MiB' is not more than zero"),
        ({"data_limit": "-5GiB"}, "data_limit: '-5GiB' is not a size"),
        ({"data_limit": "10"}, "data_limit: '10' is not a size"),
        ({"data_limit": "10GB"}, "has the unit 'GB'"),
        ({"data_limit": "0.3MiB"}, "is not a whole number of MiB"),
        ({"log_limit": "3TiB"}, "is more than a log file holds (2TiB)"),
        ({"databases": [{"name": "calm", "log_limit": "0GiB"}]}, "databases.log_limit of calm: '0GiB'"),
        ({"warning_percent": 96}, "are not 1 ≤ warning ≤ critical ≤ 100"),
        ({"warning_percent": 0}, "are not 1 ≤ warning ≤ critical ≤ 100"),
        ({"critical_percent": 101}, "are not 1 ≤ warning ≤ critical ≤ 100"),
        ({"enforce": True}, "there is no limit to enforce"),
        ({"enforce": True, "databases": [{"name": "calm"}]}, "there is no limit to enforce on [calm]"),
        (
            {"enforce": True, "data_limit": "1GiB", "databases": [{"name": "Master"}]},
            "'Master' is a system database",
        ),
        ({"databases": [{"name": "calm "}]}, "begins or ends with a blank"),
        ({"databases": [{"name": "a\nb"}]}, "control character"),
        ({"databases": [{"name": "x" * 129}]}, "129 characters"),
        ({"databases": [{"name": "nothing"}]}, "there is no database [nothing]"),
        ({"databases": [{"name": "calm"}, {"name": "Calm"}]}, "'Calm' and 'calm' are one database"),
        (
            {"enforce": True, "data_limit": "1GiB", "databases": [{"name": "closed"}]},
            "the limits cannot be enforced: the database is offline",
        ),
        (
            {"enforce": True, "data_limit": "17TiB", "databases": [{"name": "calm"}]},
            "is more than its data files can hold (16TiB)",
        ),
        (
            {"enforce": True, "data_limit": "500MiB"},
            "[filling] uses 850MiB of data, limit 500MiB; [full] uses",
        ),
    ],
)
def test_bad_input_is_refused_with_what_to_do_and_nothing_is_changed(
    quota: Callable[..., dict], options: dict, said: str
) -> None:
    result = quota(**options)
    assert result["failed"]
    assert said in result["msg"]
    assert result["statements"]["change"] == 0


# --- enforcing -----------------------------------------------------------------------------------------


def test_limits_become_maxsize_and_the_second_time_nothing_changes(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    wish = {"databases": [{"name": database, "data_limit": "1GiB", "log_limit": "512MiB"}]}

    checked = enforce(**wish, check_mode=True, diff=True)
    assert checked["changed"] is True
    assert checked["statements"]["planned"] == 2
    assert maxima(simulator, database)["shop"][0] == -1

    first = enforce(**wish, diff=True)
    assert first["changed"] is True
    assert first["statements"]["change"] == 2
    assert maxima(simulator, database) == {"shop": (1024 * 128, 8192), "shop_log": (512 * 128, 8192)}
    assert first["diff"] == checked["diff"]
    assert first["diff"]["before"] == {
        database: {
            "shop": {"max_size_mib": None, "growth": "64MiB"},
            "shop_log": {"max_size_mib": None, "growth": "64MiB"},
        }
    }
    assert first["diff"]["after"][database]["shop"] == {"max_size_mib": 1024, "growth": "64MiB"}
    entry = by_name(first)[database]
    assert (entry["status"], entry["data_max_mib"], entry["log_max_mib"]) == ("ok", 1024, 512)

    second = enforce(**wish)
    assert second["changed"] is False
    assert second["statements"]["change"] == 0
    assert enforce(**wish, check_mode=True)["changed"] is False


def test_check_mode_plans_exactly_what_is_sent(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    wish = {"databases": [{"name": database, "data_limit": "100MiB", "log_limit": "64MiB"}]}
    texts = planned(enforce(**wish, check_mode=True))
    quoted = database.replace("]", "]]")
    assert texts == [
        f"ALTER DATABASE [{quoted}] MODIFY FILE (NAME = N'shop', MAXSIZE = 100MB)",
        f"ALTER DATABASE [{quoted}] MODIFY FILE (NAME = N'shop_log', MAXSIZE = 64MB)",
    ]
    enforce(**wish)
    sent = [line["text"] for line in simulator.trace() if line["text"].startswith("ALTER DATABASE")]
    assert sent[-2:] == texts


def test_a_limit_is_raised_and_lowered_again(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    for limit_mib in (512, 2048, 256):
        result = enforce(databases=[{"name": database, "data_limit": f"{limit_mib}MiB"}])
        assert result["changed"] is True
        assert maxima(simulator, database)["shop"][0] == limit_mib * 128


def test_nothing_is_set_below_what_is_allocated(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    result = enforce(databases=[{"name": database, "data_limit": "40MiB"}])
    assert maxima(simulator, database)["shop"][0] == 64 * 128
    entry = by_name(result)[database]
    assert (entry["status"], entry["data_max_mib"], entry["data_limit_mib"]) == ("ok", 64, 40)
    assert "its data files take 64MiB, more than the limit 40MiB" in result["warnings"][0]
    again = enforce(databases=[{"name": database, "data_limit": "40MiB"}])
    assert again["changed"] is False


def test_a_limit_below_use_fails_unless_it_is_asked_to_hold(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    simulator.control.set_used("enforced", database, 50)
    wish = {"databases": [{"name": database, "data_limit": "20MiB", "log_limit": "1GiB"}]}

    refused = enforce(**wish)
    assert refused["failed"]
    assert refused["error"]["kind"] == "InvalidInput"
    assert "uses 50MiB of data, limit 20MiB" in refused["msg"]
    assert "limit_below_use: hold" in refused["msg"]
    assert maxima(simulator, database)["shop"][0] == -1

    held = enforce(**wish, limit_below_use="hold")
    assert by_name(held)[database]["status"] == "exceeded"
    assert maxima(simulator, database) == {"shop": (64 * 128, 8192), "shop_log": (1024 * 128, 8192)}
    assert enforce(**wish, limit_below_use="hold")["changed"] is False


def test_growth_is_lowered_before_a_maximum_below_it(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    quoted = database.replace("]", "]]")
    with connect(simulator.instances["enforced"]) as connection:
        connection.execute(f"ALTER DATABASE [{quoted}] MODIFY FILE (NAME=N'shop', FILEGROWTH=512MB)")
    connection.close()
    result = enforce(databases=[{"name": database, "data_limit": "256MiB"}])
    assert result["statements"]["change"] == 2
    assert maxima(simulator, database)["shop"] == (256 * 128, 64 * 128)


def test_several_data_files_share_the_limit(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    quoted = database.replace("]", "]]")
    with connect(simulator.instances["enforced"]) as connection:
        connection.execute(
            f"ALTER DATABASE [{quoted}] ADD FILE "
            "(NAME=N'more', FILENAME=N'/var/opt/mssql/data/more.ndf', SIZE=300MB, FILEGROWTH=64MB)"
        )
    connection.close()
    wish = {"databases": [{"name": database, "data_limit": "500MiB"}]}
    entry = by_name(enforce(**wish))[database]
    assert entry["data_max_mib"] == 500
    found = maxima(simulator, database)
    assert (found["shop"][0], found["more"][0]) == (200 * 128, 300 * 128)
    assert enforce(**wish)["changed"] is False


def test_a_split_made_by_hand_is_kept(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    quoted = database.replace("]", "]]")
    with connect(simulator.instances["enforced"]) as connection:
        connection.execute(f"ALTER DATABASE [{quoted}] MODIFY FILE (NAME=N'shop', MAXSIZE=100MB)")
        connection.execute(
            f"ALTER DATABASE [{quoted}] ADD FILE (NAME=N'more', FILENAME=N'/var/opt/mssql/data/more.ndf', "
            "SIZE=64MB, MAXSIZE=300MB, FILEGROWTH=64MB)"
        )
    connection.close()
    assert enforce(databases=[{"name": database, "data_limit": "400MiB"}])["changed"] is False


def test_a_limit_beyond_the_volume_is_set_with_a_warning(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    result = enforce(databases=[{"name": database, "data_limit": "1TiB"}])
    assert maxima(simulator, database)["shop"][0] == 1024 * 1024 * 128
    (warning,) = result["warnings"]
    assert "the data limit 1TiB needs" in warning
    assert "are free" in warning


def test_all_user_databases_get_the_limit_and_no_system_database(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    result = enforce(data_limit="10GiB")
    assert list(by_name(result)) == [database]
    assert {
        line["text"].split("]")[0] for line in simulator.trace() if "MAXSIZE = 10240MB" in line["text"]
    } == {"ALTER DATABASE [shop "}


def test_a_login_that_may_not_alter_the_database_is_told_which_right_is_missing(
    enforce: Callable[..., dict], simulator: Simulator, database: str
) -> None:
    result = enforce(
        login_user="weak", login_password=PASSWORD, databases=[{"name": database, "data_limit": "1GiB"}]
    )
    assert result["failed"]
    assert result["error"]["kind"] == "PermissionDenied"
    assert "VIEW ANY DEFINITION" in result["msg"]
    assert maxima(simulator, database)["shop"][0] == -1


def test_a_database_that_an_earlier_task_would_create_is_planned_and_unknown(
    run_module: ModuleRunner,
) -> None:
    created = run_module(
        "mssql_database", instance="enforced", name="later", data_max_size="1GiB", check_mode=True
    )
    assert not created["failed"], created["msg"]
    result = run_module(
        "mssql_quota",
        instance="enforced",
        databases=[{"name": "later", "data_limit": "1GiB"}],
        enforce=True,
        check_mode=True,
    )
    later = by_name(result)["later"]
    assert (later["status"], later["planned"]) == ("unknown", True)
    assert result["worst"] == "ok"
    assert result["statements"]["planned"] == 0


@pytest.mark.parametrize("way", [OUT_OF_PROCESS])
def test_an_ordinary_module_gives_the_same_result_and_changes_the_same(
    run_module: ModuleRunner, simulator: Simulator, database: str
) -> None:
    wish = {"databases": [{"name": database, "data_limit": "1GiB"}], "enforce": True, "diff": True}
    here, elsewhere = (
        run_module("mssql_quota", instance="enforced", check_mode=check, **wish) for check in (True, False)
    )
    assert elsewhere["changed"] is here["changed"] is True
    assert elsewhere["diff"] == here["diff"]
    assert maxima(simulator, database)["shop"][0] == 1024 * 128
    run_module.way = IN_PROCESS
    again = run_module("mssql_quota", instance="enforced", **wish)
    assert again["changed"] is False
    assert again["databases"] == elsewhere["databases"]
