"""What a new database takes over from the instance: of model, and AUTO_CLOSE of Express edition."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.modules import ModuleRunner
from tests.support.simulators import Simulator, connect, running_simulator

MODEL_MIB = 512


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """large: model of 512 MiB, its log 128 MiB; closing: model with AUTO_CLOSE; express: Express edition.

    plain: model has the recovery model SIMPLE and grows by 1 GiB.
    """
    instances = [{"name": name} for name in ("large", "closing", "plain")]
    instances.append({"name": "express", "edition": "Express"})
    with running_simulator({"instances": instances}, folder=tmp_path_factory.mktemp("new")) as running:
        large = connect(running.instances["large"])
        large.execute(f"ALTER DATABASE model MODIFY FILE (NAME = N'modeldev', SIZE = {MODEL_MIB}MB)")
        large.execute("ALTER DATABASE model MODIFY FILE (NAME = N'modellog', SIZE = 128MB)")
        connect(running.instances["closing"]).execute("ALTER DATABASE model SET AUTO_CLOSE ON")
        plain = connect(running.instances["plain"])
        plain.execute("ALTER DATABASE model SET RECOVERY SIMPLE")
        plain.execute("ALTER DATABASE model MODIFY FILE (NAME = N'modeldev', FILEGROWTH = 1GB)")
        yield running


@pytest.fixture
def name() -> str:
    return f"new_{secrets.token_hex(4)}"


def planned(runner: ModuleRunner, kind: str) -> list[str]:
    """The changes of the journal, as planned or as sent."""
    lines = runner.journal()
    return [line["text"] for line in lines if line["event"] == kind and line["kind"] == "change"]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"data_size": "64MiB", "data_max_size": "256MiB"},
            "data_max_size: 256MiB is less than a new database",
        ),
        ({"data_max_size": "511MiB"}, "the data file of its model database has 512MiB"),
        ({"log_max_size": "64MiB"}, "the log file of its model database has 128MiB"),
    ],
)
def test_a_maximum_below_model_is_refused_in_the_plan_as_in_the_run(
    run_module: ModuleRunner, name: str, options: dict[str, str], problem: str, check_mode: bool
) -> None:
    result = run_module("mssql_database", instance="large", name=name, check_mode=check_mode, **options)
    assert result["failed"]
    assert result["error"]["kind"] == "InvalidInput"
    assert problem in result["msg"]
    assert "Allow at least" in result["error"]["remedy"]
    assert planned(run_module, "intent") == planned(run_module, "planned") == []


def test_model_s_size_is_taken_where_it_is_larger(run_module: ModuleRunner, name: str) -> None:
    options = {"name": name, "data_size": "64MiB", "data_max_size": "1GiB", "log_size": "64MiB"}
    plan = run_module("mssql_database", instance="large", check_mode=True, **options)
    assert plan["changed"], plan
    assert "a new database has 512MiB, as model has" in plan["summary"]
    result = run_module("mssql_database", instance="large", **options)
    assert not result["failed"], result["msg"]
    assert planned(run_module, "planned") == planned(run_module, "intent")
    assert (result["database"]["data"]["size_mib"], result["database"]["log"]["size_mib"]) == (MODEL_MIB, 64)
    assert run_module("mssql_database", instance="large", **options)["changed"] is False


def test_model_s_recovery_model_stands_in_the_plan_and_stays(run_module: ModuleRunner, name: str) -> None:
    plan = run_module("mssql_database", instance="plain", name=name, check_mode=True)
    result = run_module("mssql_database", instance="plain", name=name)
    assert plan["database"]["recovery_model"] == result["database"]["recovery_model"] == "simple"
    assert not any("RECOVERY" in text for text in planned(run_module, "intent"))
    wish = {"instance": "plain", "name": f"{name}_full", "recovery_model": "full"}
    assert run_module("mssql_database", check_mode=True, **wish)["database"]["recovery_model"] == "full"
    assert run_module("mssql_database", **wish)["database"]["recovery_model"] == "full"
    assert planned(run_module, "planned") == planned(run_module, "intent")


def test_a_maximum_below_model_s_growth_is_what_a_new_file_grows_by(
    run_module: ModuleRunner, name: str
) -> None:
    wish = {"instance": "plain", "name": name, "data_max_size": "256MiB"}
    plan = run_module("mssql_database", check_mode=True, **wish)
    result = run_module("mssql_database", **wish)
    assert (plan["failed"], result["failed"]) == (False, False), result["msg"]
    assert planned(run_module, "planned") == planned(run_module, "intent")
    assert result["database"]["data"]["growth"] == "256MiB"
    assert run_module("mssql_database", **wish)["changed"] is False
    asked = run_module("mssql_database", **{**wish, "name": f"{name}_2", "data_growth": "1GiB"})
    assert "1GiB is more than data_max_size 256MiB" in asked["msg"]


def auto_close(simulator: Simulator, instance: str, name: str) -> Any:
    connection = connect(simulator.instances[instance])
    return connection.execute("SELECT is_auto_close_on FROM sys.databases WHERE name = ?", name).fetchval()


@pytest.mark.parametrize("instance", ["express", "closing", "large"])
def test_a_new_database_does_not_close_by_itself(
    run_module: ModuleRunner, simulator: Simulator, name: str, instance: str
) -> None:
    plan = run_module("mssql_database", instance=instance, name=name, check_mode=True)
    result = run_module("mssql_database", instance=instance, name=name)
    assert not result["failed"], result["msg"]
    assert auto_close(simulator, instance, name) is False
    sent = planned(run_module, "intent")
    assert planned(run_module, "planned") == sent
    assert any("SET AUTO_CLOSE OFF" in text for text in sent) is (instance != "large")
    assert plan["database"]["auto_close"] is result["database"]["auto_close"] is False


def test_who_asks_for_auto_close_gets_it(run_module: ModuleRunner, simulator: Simulator, name: str) -> None:
    for instance in ("express", "large"):
        run_module("mssql_database", instance=instance, name=name, auto_close=True)
        assert auto_close(simulator, instance, name) is True
        assert not run_module("mssql_database", instance=instance, name=name, auto_close=True)["changed"]
        assert run_module("mssql_database", instance=instance, name=name, auto_close=False)["changed"]
        assert auto_close(simulator, instance, name) is False


@pytest.mark.parametrize("in_use", [True, False])
def test_a_collation_that_is_not_told_is_not_changed(
    run_module: ModuleRunner, simulator: Simulator, name: str, in_use: bool
) -> None:
    wish = {"instance": "express", "name": name, "collation": "Latin1_General_100_CI_AS"}
    run_module("mssql_database", auto_close=True, **wish)
    inside = connect(simulator.instances["express"], database=name) if in_use else None
    result = run_module("mssql_database", **wish)
    assert (result["failed"], result["changed"]) == (False, False), result["msg"]
    assert ("does not tell its collation" in result["summary"]) is not in_use
    if inside is not None:
        inside.close()
