"""Discovery of many instances in one task: each has its own answer, and one that is dead fails alone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.playbooks import PLATFORM_PASSWORD, Platform, read_lines, unexplained
from tests.support.simulators import DRIVERS, Simulator

NOTHING_LISTENS = 1  # tcpmux: no machine of ours has it


def add_host(platform: Platform, name: str, **variables: Any) -> None:
    """One more host of the pool, with connection options of its own."""
    connection = {
        "login_host": "127.0.0.1",
        "login_user": "platform",
        "login_password": PLATFORM_PASSWORD,
        "odbc_driver": DRIVERS[platform.driver],
        "trust_server_certificate": True,
        "login_timeout": 3,
    }
    host = {"sqlhosting_connection": {**connection, **variables}}
    pool = {"all": {"children": {"standalone": {"hosts": {name: host}}}}}
    (platform.folder / "inventory" / f"{name}.yml").write_text(json.dumps(pool))


def answers_in(path: Path) -> dict[str, dict[str, Any]]:
    """The answers of a results file, by host."""
    return {line["host"]: line["result"] for line in read_lines(path)}


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_all_instances_answer_in_one_task_and_the_journal_holds_all_of_it(
    platform: Platform, simulator: Simulator, arguments: list[str]
) -> None:
    before = len(simulator.trace())
    found = platform.folder / "found.jsonl"
    run = platform.play("discover", *arguments, instance_results_file=str(found)).succeeded()
    assert run.changed == 0
    assert not unexplained(simulator.trace()[before:], run.journal)
    intents = [line for line in run.journal if line["event"] == "intent"]
    outcomes = [line for line in run.journal if line["event"] == "outcome"]
    assert {line["inventory_host"] for line in intents} == {"sql01", "sql02"}
    assert {line["statement_id"] for line in intents} == {line["statement_id"] for line in outcomes}
    assert [line["seq"] for line in run.journal] == list(range(1, len(run.journal) + 1))
    answers = answers_in(found)
    assert answers["sql01"]["instance"]["version"]["release"] == "2022"
    assert answers["sql02"]["instance"]["version"]["release"] == "2019"
    assert PLATFORM_PASSWORD not in found.read_text() + run.output
    assert found.stat().st_mode & 0o777 == 0o600


def test_an_instance_that_is_dead_or_refuses_fails_alone(platform: Platform, simulator: Simulator) -> None:
    add_host(platform, "dead", login_port=NOTHING_LISTENS)
    add_host(
        platform, "locked", login_port=simulator.instances["sql01"].port, login_password="not the password"
    )
    add_host(platform, "unsaid", login_host="{{ nowhere_to_be_found }}")
    run = platform.play("discover")
    assert run.status == 2, run.output
    failed = {name for name, counts in run.recap.items() if counts["failed"]}
    assert failed == {"dead", "locked", "unsaid"}
    assert "nothing listens on port 1" in run.output
    assert "18456" in run.output
    assert "nowhere_to_be_found" in run.output
    seen = {line["inventory_host"] for line in run.journal if line["event"] == "outcome"}
    assert seen == {"sql01", "sql02"}
    assert "not the password" not in run.output


def test_an_instance_that_hangs_is_given_up_and_delays_no_other(
    platform: Platform, simulator: Simulator
) -> None:
    simulator.control.add_fault("sql02", kind="hold", pattern="sys.databases")
    found = platform.folder / "found.jsonl"
    began = time.monotonic()
    try:
        run = platform.play(
            "discover", instance_results_file=str(found), instance_answer_timeout=4, instance_at_once=1
        )
    finally:
        simulator.control.clear_faults()
    assert run.status == 2, run.output
    assert time.monotonic() - began < 60
    assert run.recap["sql02"]["failed"] == 1
    assert "it did not answer within 4 s" in run.output
    assert [line["host"] for line in read_lines(found)] == ["sql01", "sql02"]
    assert any(  # what it did not answer stands in the journal: an intent without an outcome
        line["inventory_host"] == "sql02" and "sys.databases" in line["text"]
        for line in run.journal
        if line["event"] == "intent"
    )


def test_a_limit_leaves_the_others_alone(platform: Platform) -> None:
    run = platform.play("discover", "--limit", "sql02").succeeded()
    assert {line["inventory_host"] for line in run.journal} == {"sql02"}
    assert set(run.recap) == {"sql02"}


@pytest.mark.parametrize("lease", [False, True])
def test_each_instance_gets_a_task_of_its_own_when_asked_or_where_a_platform_listens(
    platform: Platform, tmp_path: Path, lease: bool
) -> None:
    add_host(platform, "dead", login_port=NOTHING_LISTENS)
    (tmp_path / "lease").write_text(str(time.time() + 600))
    run = platform.play(
        "discover",
        environment={"SQLHOSTING_LEASE": str(tmp_path / "lease")} if lease else {},
        **({} if lease else {"instance_hand_over": True}),
    )
    assert run.status == 2, run.output
    assert run.recap["sql02"]["ok"] == 1
    assert run.recap["dead"]["failed"] == 1
    reads = [line for line in run.journal if line["event"] == "intent"]
    assert len({(line["inventory_host"], line["sha256"], line["database"]) for line in reads}) == len(reads)


def test_an_instance_that_is_asked_from_elsewhere_gets_its_own_task(
    simulator: Simulator, tmp_path: Path
) -> None:
    platform = Platform(simulator, tmp_path / "platform", driver="msodbcsql18", in_process=False)
    run = platform.play("discover", "--limit", "sql01").succeeded()
    assert "SQL Server 2022" in run.output
    assert {line["inventory_host"] for line in run.journal} == {"sql01"}
    assert run.recap["sql01"]["failed"] == 0
