"""The shared action: in this process and on another machine, modules do and say the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._plan import plan_hash
from click.testing import CliRunner

from tests.support.modules import AnsibleRunner, ModuleRunner, local_play, login_options
from tests.support.simulators import DRIVERS, Simulator
from webapp.cli import main

IN_PROCESS_ONLY = pytest.mark.parametrize("way", ["in_process"])
FREETDS_ONLY = pytest.mark.parametrize("driver", ["freetds"])


def _database(simulator: Simulator, **options: Any) -> dict[str, Any]:
    login = login_options(simulator.instances["sql01"], "freetds")
    return {"name": "a task", "sqlhosting.mssql.mssql_database": {**login, **options}}


def _without_run(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from run to run."""
    own = ("journal", "invocation", "database", "_ansible_parsed")
    kept = {key: value for key, value in result.items() if key not in own}
    return json.loads(json.dumps(kept))


@pytest.mark.parametrize("options", [{}, {"recovery_model": "simple"}, {"collation": "Nonsense_CI_AS"}])
def test_both_ways_give_the_same(
    simulator: Simulator,
    driver: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
) -> None:
    results, texts = [], []
    for way in ("in_process", "out_of_process"):
        monkeypatch.setenv(
            "SQLHOSTING_RUN", way
        )  # a run of its own: a second one would know what the first planned
        monkeypatch.setenv("SQLHOSTING_JOURNAL", str(tmp_path / way))
        run_module = ModuleRunner(simulator, driver, way, tmp_path / way, way)
        results.append(run_module("mssql_database", name="same", diff=True, check_mode=True, **options))
        texts.append([(line["event"], line["text"]) for line in run_module.journal()])
    assert _without_run(results[0]) == _without_run(results[1])
    assert results[0]["invocation"] == results[1]["invocation"]
    assert results[0].get("database") == results[1].get("database")
    assert texts[0] == texts[1]
    assert texts[0]


def test_a_change_is_in_the_journal_of_the_controller(run_module: ModuleRunner) -> None:
    name = f"brought_{run_module.driver}_{run_module.way}"
    result = run_module("mssql_database", name=name)
    assert result["changed"] is True, result
    assert result["journal"] == str(run_module.journal_path)
    lines = run_module.journal()
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["run"] for line in lines} == {run_module.run_id}
    sent = [line for line in lines if line["event"] == "intent"]
    assert len(sent) == result["statements"]["read"] + result["statements"]["change"]
    assert any(line["kind"] == "change" and "CREATE DATABASE" in line["text"] for line in sent)
    assert run_module("mssql_database", name=name)["changed"] is False
    assert not list(Path("/tmp").glob(f"sqlhosting-{run_module.run_id}-*"))


@FREETDS_ONLY
def test_a_failure_says_the_same_and_its_lines_come_back(run_module: ModuleRunner) -> None:
    result = run_module("mssql_database", name="x", login_password="planted-wrong")
    assert result["failed"]
    assert result["error"]["number"] == 18456
    assert result["msg"].startswith("sql01 (127.0.0.1,")
    assert "planted-wrong" not in json.dumps(result)


@FREETDS_ONLY
def test_a_wrong_option_is_refused_before_anything_happens(
    run_module: ModuleRunner, simulator: Simulator
) -> None:
    before = len(simulator.trace(kinds=("login", "batch", "rpc")))
    result = run_module("mssql_database", name="x", colation="typo")
    assert result["failed"]
    assert "unknown option colation" in result["msg"]
    assert len(simulator.trace(kinds=("login", "batch", "rpc"))) == before


@FREETDS_ONLY
def test_an_unwritable_journal_stops_both_ways(
    run_module: ModuleRunner, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLHOSTING_JOURNAL", "/proc/nowhere/j.jsonl")
    before = len(simulator.trace(kinds=("login", "batch", "rpc")))
    result = run_module("mssql_database", name="never")
    assert result["failed"]
    assert "Nothing is sent without it" in result["msg"]
    assert len(simulator.trace(kinds=("login", "batch", "rpc"))) == before


@FREETDS_ONLY
def test_the_approved_plan_binds_both_ways(
    run_module: ModuleRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, simulator: Simulator
) -> None:
    name = f"planned_{run_module.way}"
    assert run_module("mssql_database", name=name, check_mode=True)["statements"]["planned"] > 0

    made = CliRunner().invoke(main, ["plan", str(run_module.journal_path), "-o", str(tmp_path / "plan.json")])
    assert made.exit_code == 0, made.output
    monkeypatch.setenv("SQLHOSTING_APPROVED_PLAN", str(tmp_path / "plan.json"))
    assert run_module("mssql_plan")["verified"] is True
    before = len(simulator.trace())
    refused = run_module("mssql_database", name="not_planned")
    assert refused["error"]["kind"] == "PlanRefused", refused["msg"]
    assert not any("CREATE" in line["text"] for line in simulator.trace()[before:])
    assert run_module("mssql_database", name=name)["changed"] is True


@IN_PROCESS_ONLY
@FREETDS_ONLY
def test_a_rehearsal_of_something_else_is_refused(
    run_module: ModuleRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plan.json").write_text(
        json.dumps(
            {
                "version": 1,
                "hash": "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
                "statements": [],
            }
        )
    )
    run_module("mssql_database", name="surprise", check_mode=True)
    monkeypatch.setenv("SQLHOSTING_APPROVED_PLAN", str(tmp_path / "plan.json"))
    result = run_module("mssql_plan")
    assert result["failed"]
    assert "CREATE DATABASE [surprise]" in result["msg"]
    assert result["error"]["differences"]


@pytest.mark.parametrize("other", ["", "/another/plan.json"])
def test_no_task_puts_another_plan_in_the_place_of_the_approved_one(
    run_ansible: AnsibleRunner, simulator: Simulator, tmp_path: Path, other: str
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "hash": plan_hash([]), "statements": []}))
    task = _database(simulator, name="not_approved")
    task["environment"] = {"SQLHOSTING_APPROVED_PLAN": other}
    run = run_ansible.playbook([local_play(task)], SQLHOSTING_APPROVED_PLAN=str(plan))
    assert run.returncode == 2, run.output
    assert "the approved plan does not hold this statement" in run.output
    assert not any(line["kind"] == "change" for line in run.journal())


def test_a_play_uses_module_defaults_vault_and_environment(
    run_ansible: AnsibleRunner, simulator: Simulator
) -> None:
    login = login_options(simulator.instances["sql01"], "freetds")
    other = run_ansible.folder / "other.jsonl"
    run = run_ansible.playbook(
        [
            local_play(
                {"sqlhosting.mssql.mssql_database": {"name": "defaults"}},
                {
                    "sqlhosting.mssql.mssql_database": {"name": "{{ item }}"},
                    "loop": ["defaults", "master2"],
                    "check_mode": True,
                    "environment": {"SQLHOSTING_JOURNAL": str(other)},
                },
                module_defaults={"group/sqlhosting.mssql.all": login},
            )
        ],
        "--diff",
    )
    assert run.returncode == 0, run.output
    assert f"journal: {run.journal_path}" in run.output or "journal: journal.jsonl" in run.output
    assert other.exists()


@pytest.mark.parametrize("pipelining", ["True", "False"])
def test_a_module_on_another_host_brings_its_lines_back(
    run_ansible: AnsibleRunner, simulator: Simulator, pipelining: str
) -> None:
    play = local_play(_database(simulator, name=f"far_{pipelining}"))
    play["connection"] = "pretended_host"
    run = run_ansible.playbook([play], ANSIBLE_PIPELINING=pipelining)
    assert run.returncode == 0, run.output
    assert "changed=1" in run.output
    assert any(f"CREATE DATABASE [far_{pipelining}]" in line["text"] for line in run.journal())


def test_a_killed_module_leaves_its_intent_in_the_controllers_journal(
    run_ansible: AnsibleRunner, simulator: Simulator
) -> None:
    fault = simulator.control.add_fault("sql01", kind="hold", pattern=r"CREATE DATABASE \[killed\]")
    play = local_play(_database(simulator, name="killed"))
    play["connection"] = "pretended_host"
    file = run_ansible.folder / "play.yml"
    file.write_text(json.dumps([play]))
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", str(file)],
        cwd=run_ansible.folder,
        env=run_ansible.full_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        simulator.control.wait_held(fault, timeout=30)
        for pid in _module_processes(process.pid):
            os.kill(pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=30)
    finally:
        simulator.control.clear_faults()
        process.kill()
        process.wait()
    assert "failed=1" in output
    lines = [json.loads(line) for line in run_ansible.journal_path.read_text().splitlines()]
    assert lines[-1]["event"] == "intent"
    assert "CREATE DATABASE [killed]" in lines[-1]["text"]
    assert "1 unknown" in output


def _module_processes(ancestor: int) -> list[int]:
    """Descendants of ``ancestor`` that run a module's payload."""

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = [
            process.pid
            for process in psutil.Process(ancestor).children(recursive=True)
            if "AnsiballZ_mssql_database" in " ".join(process.cmdline()) and "python" in process.name()
        ]
        if found:
            return found
    raise AssertionError("no module process")


def test_the_drivers_are_those_of_the_tests() -> None:
    assert set(DRIVERS) == {"freetds", "msodbcsql18"}
