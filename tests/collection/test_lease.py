"""The lease: without it a run reads on, and sends no change; both ways of running keep to it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import LeaseLost
from ansible_collections.sqlhosting.mssql.plugins.module_utils._lease import Lease

from simulator.server.control import ControlError
from tests.support.modules import AnsibleRunner, ModuleRunner, local_play, login_options
from tests.support.simulators import Simulator

IN_PROCESS_ONLY = pytest.mark.parametrize("way", ["in_process"])
FREETDS_ONLY = pytest.mark.parametrize("driver", ["freetds"])


@pytest.fixture
def lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this run's lease, held for another minute."""
    path = tmp_path / "lease"
    renew(path, 60)
    monkeypatch.setenv("SQLHOSTING_LEASE", str(path))
    return path


def renew(path: Path, seconds: float) -> None:
    """As a worker does it: whoever reads gets the old time or the new one."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{time.time() + seconds!r}\n")
    fresh.replace(path)


def intents(run_module: ModuleRunner, kind: str) -> list[str]:
    """The texts of the statements that were about to be sent."""
    return [
        line["text"] for line in run_module.journal() if (line["event"], line["kind"]) == ("intent", kind)
    ]


@pytest.mark.parametrize(
    "content", [b"", b"soon", b"\n", b"nan", b"inf", b"1e999", b"\xff\xfe", b"1" * 500, b"99999999999 x"]
)
def test_a_file_that_does_not_hold_a_time_is_no_lease(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lease").write_bytes(content)
    with pytest.raises(
        LeaseLost, match=r"does not hold a time\): another worker may have taken over"
    ) as lost:
        Lease(str(tmp_path / "lease")).check()
    assert not lost.value.retryable


@pytest.mark.parametrize("until", ["1700000000", "1700000000.0\n", " 1700000000.25 "])
def test_a_lease_holds_until_its_time_and_no_longer(tmp_path: Path, until: str) -> None:
    (tmp_path / "lease").write_text(until)
    Lease(str(tmp_path / "lease"), now=lambda: 1699999999.9).check()
    with pytest.raises(LeaseLost, match="it ended 5"):
        Lease(str(tmp_path / "lease"), now=lambda: float(until) + 5).check()
    with pytest.raises(LeaseLost, match=r"it ended 0\.0 s ago"):
        Lease(str(tmp_path / "lease"), now=lambda: float(until)).check()


def test_a_lease_that_cannot_be_read_is_none_and_reading_never_waits(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("missing", ".", "pipe"):
        with pytest.raises(LeaseLost, match="lost its lease"):
            Lease(str(tmp_path / name)).check()


def test_with_a_lease_changes_are_sent_as_ever(run_module: ModuleRunner, lease: Path) -> None:
    name = f"leased_{run_module.driver}_{run_module.way}"
    result = run_module("mssql_database", name=name)
    assert result["changed"] is True, result


def test_without_it_nothing_is_sent_or_journalled_but_reads(
    run_module: ModuleRunner, simulator: Simulator, lease: Path
) -> None:
    renew(lease, -1)
    before = len(simulator.trace())
    name = f"given_up_{run_module.driver}_{run_module.way}"
    result = run_module("mssql_database", name=name)
    assert result["failed"] is True
    assert result["changed"] is False
    assert result["error"]["kind"] == "LeaseLost"
    assert "another worker may have taken over. Nothing was sent by this statement" in result["msg"]
    assert intents(run_module, "change") == []
    assert not any("CREATE DATABASE" in line["text"] for line in simulator.trace()[before:])

    seen = run_module("mssql_discover", gather_subset=["databases"])
    assert name not in [database["name"] for database in seen["instance"]["databases"]]
    assert run_module("mssql_quota")["failed"] is False
    planned = run_module("mssql_database", name=name, check_mode=True)
    assert planned["statements"]["planned"] > 0


@FREETDS_ONLY
@IN_PROCESS_ONLY
def test_a_refusal_names_the_statement_and_where_it_would_have_gone(
    run_module: ModuleRunner, lease: Path
) -> None:
    lease.unlink()
    error = run_module("mssql_database", name="nowhere")["error"]
    assert (error["statement"], error["database"]) == ("database/create", "nowhere")
    assert error["instance"].startswith("127.0.0.1,")
    assert "No such file" in error["message"]


@contextmanager
def while_creating(simulator: Simulator, happens: Callable[[], None]) -> Iterator[None]:
    """Let something happen while the instance is at work on CREATE DATABASE."""
    fault = simulator.control.add_fault("sql01", kind="hold", pattern="^CREATE DATABASE", at=1)

    def wait() -> None:
        with suppress(ControlError):  # it never came to that: what the test asserts says why
            simulator.control.wait_held(fault, timeout=60)
            happens()
        simulator.control.remove_fault(fault)  # else it would hold the next test's

    other = threading.Thread(target=wait)
    other.start()
    yield
    other.join()


@FREETDS_ONLY
def test_a_lease_that_ends_within_a_task_stops_it_at_the_next_change(
    run_module: ModuleRunner, simulator: Simulator, lease: Path
) -> None:
    with while_creating(simulator, lambda: renew(lease, -1)):
        result = run_module("mssql_database", name=f"long_{run_module.way}", recovery_model="simple")
    assert result["error"]["kind"] == "LeaseLost", result
    assert result["changed"] is True
    assert [text.split()[0:2] for text in intents(run_module, "change")] == [["CREATE", "DATABASE"]]


@FREETDS_ONLY
def test_a_renewal_within_a_task_is_seen(run_module: ModuleRunner, simulator: Simulator, lease: Path) -> None:
    """However long it takes to begin: what was read before its first change has ended by its second."""
    is_creating = threading.Event()
    renew(lease, 4)

    def keep_short() -> None:
        while not is_creating.wait(0.2):
            renew(lease, 4)

    def renew_late() -> None:
        is_creating.set()
        keeper.join()
        time.sleep(max(0.0, float(lease.read_text()) - time.time()) + 0.1)
        renew(lease, 60)

    keeper = threading.Thread(target=keep_short)
    keeper.start()
    try:
        with while_creating(simulator, renew_late):
            result = run_module("mssql_database", name=f"renewed_{run_module.way}", recovery_model="simple")
    finally:
        is_creating.set()
        keeper.join()
    assert result["failed"] is False, result
    assert result["statements"]["change"] > 1


@pytest.mark.parametrize("elsewhere", [False, True])
def test_no_task_can_put_another_lease_in_its_place(
    simulator: Simulator, run_ansible: AnsibleRunner, tmp_path: Path, elsewhere: bool
) -> None:
    renew(tmp_path / "own", 60)
    renew(tmp_path / "over", -1)
    options = login_options(simulator.instances["sql01"], "freetds")
    task: dict[str, Any] = {
        "name": "a task",
        "sqlhosting.mssql.mssql_database": {**options, "name": "smuggled"},
        "environment": {"SQLHOSTING_LEASE": str(tmp_path / "own")},
        "vars": {"sqlhosting_in_process": not elsewhere},
    }
    run = run_ansible.playbook([local_play(task)], SQLHOSTING_LEASE=str(tmp_path / "over"))
    assert run.returncode != 0
    assert "this run has lost its lease" in run.output
    assert [line for line in run.journal() if line["kind"] == "change"] == []


def test_on_a_jump_host_the_controller_looks_before_the_task_starts(
    simulator: Simulator, run_ansible: AnsibleRunner, tmp_path: Path
) -> None:
    options = login_options(simulator.instances["sql01"], "freetds")
    change = {"name": "change", "sqlhosting.mssql.mssql_database": {**options, "name": "jumped"}}
    read = {"name": "read", "sqlhosting.mssql.mssql_discover": {**options, "gather_subset": ["version"]}}
    play = local_play(read, change, connection="pretended_host")
    renew(tmp_path / "lease", -1)
    run = run_ansible.playbook([play], SQLHOSTING_LEASE=str(tmp_path / "lease"))
    assert run.returncode != 0
    assert "ok=1" in run.output
    assert "this run has lost its lease" in run.output
    assert {line["kind"] for line in run.journal()} == {"read"}
    renew(tmp_path / "lease", 60)
    run_ansible.playbook([play], SQLHOSTING_LEASE=str(tmp_path / "lease"))
    assert "change" in {line["kind"] for line in run.journal()}
