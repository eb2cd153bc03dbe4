"""mssql_database and mssql_login give the same in the controller's process and as ordinary modules."""

from __future__ import annotations

from typing import Any

from tests.support.modules import ModuleRunner

PASSWORD = "Correct-Horse-7"
SID = "7a9619ff-8b86-d011-b42d-00c04fc9{:04x}"


def outcomes(run_module: ModuleRunner, module: str, **options: Any) -> list[dict[str, Any]]:
    """What a task gives in check mode, for real and again; the journal must tell the same story."""
    planned = run_module(module, check_mode=True, diff=True, **options)
    done = run_module(module, diff=True, **options)
    again = run_module(module, diff=True, **options)
    for result in (planned, done, again):
        assert not result.get("failed"), result
    assert (planned["changed"], done["changed"], again["changed"]) == (True, True, False)
    lines = run_module.journal()
    texts = {
        event: [line["sha256"] for line in lines if line["event"] == event and line["kind"] == "change"]
        for event in ("planned", "intent", "outcome")
    }
    assert texts["planned"] == texts["intent"] == texts["outcome"]
    assert PASSWORD not in run_module.journal_path.read_text(encoding="utf-8")
    assert PASSWORD not in str([planned, done, again])
    return [planned, done, again]


def test_a_database(run_module: ModuleRunner, driver: str, way: str) -> None:
    name = f"both_{driver}_{way}"
    _planned, done, _again = outcomes(
        run_module, "mssql_database", name=name, recovery_model="simple", data_size="64MiB", log_growth="10%"
    )
    assert done["database"]["recovery_model"] == "simple"
    assert done["diff"]["after"]["log"]["growth"] == "10%"
    assert done["summary"].startswith(f"Database [{name}] changed: create database `{name}`")
    outcome = run_module("mssql_database", name=name, state="absent")
    assert (outcome["changed"], outcome["statements"]["change"]) == (True, 1)


def test_a_login_with_a_user(run_module: ModuleRunner, driver: str, way: str) -> None:
    name = f"both_l_{driver}_{way}"
    sid = SID.format(len(driver) * 16 + len(way))
    _planned, done, _again = outcomes(
        run_module,
        "mssql_login",
        name=name,
        password=PASSWORD,
        sid=sid,
        databases=[{"name": "msdb", "roles": ["db_datareader"], "permissions": ["EXECUTE"]}],
    )
    assert done["login"]["databases"][0]["roles"] == ["db_datareader"]
    assert "password" not in done["diff"]["after"]
    outcome = run_module("mssql_login", name=name, state="absent")
    assert (outcome["changed"], outcome["statements"]["change"]) == (True, 2)


def test_a_refusal(run_module: ModuleRunner) -> None:
    for module, options in (
        ("mssql_database", {"name": "master", "state": "absent"}),
        ("mssql_login", {"name": "app", "password": "weak"}),
    ):
        result = run_module(module, **options)
        assert result["failed"], result
        assert result["error"]["kind"] == "InvalidInput"
        assert result["statements"]["change"] == 0
