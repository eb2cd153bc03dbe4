"""The control channel: what it changes, what it tells, and how it refuses."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pyodbc
import pytest

from simulator.server.control import Control, ControlError
from tests.support.simulators import Simulator, connect, running_simulator


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two instances; the first has a database."""
    topology = {
        "instances": [
            {"name": "sql01", "databases": [{"name": "shop", "data_mib": 64, "max_mib": 128}]},
            {"name": "sql02"},
        ]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("control")) as running:
        yield running


def test_it_answers(world: Simulator) -> None:
    world.control.ping()


def test_it_counts_batches_and_calls_of_each_instance(world: Simulator) -> None:
    connection = connect(world.instances["sql01"])
    before, other = world.control.count("sql01"), world.control.count("sql02")
    connection.execute("SELECT 1").fetchall()
    connection.execute("SELECT 2").fetchall()
    assert world.control.count("sql01") == before + 2
    assert world.control.count("sql02") == other


def test_it_tells_the_plain_truth_about_databases(world: Simulator) -> None:
    shop = next(d for d in world.control.databases("sql01") if d["name"] == "shop")
    assert (shop["state"], shop["owner"], shop["recovery_model"]) == ("ONLINE", "sa", "FULL")
    data = next(file for file in shop["files"] if file["type"] == "ROWS")
    assert (data["size_mib"], data["max_mib"]) == (64, 128)


def test_it_lists_the_open_sessions(world: Simulator) -> None:
    connection = connect(world.instances["sql02"], app="listed", database="tempdb")
    (session,) = world.control.sessions("sql02")
    assert (session["login"], session["app_name"], session["database"]) == ("sa", "listed", "tempdb")
    connection.close()


def test_it_sets_the_used_space_of_a_database(world: Simulator) -> None:
    world.control.set_used("sql01", "shop", 100)
    shop = next(d for d in world.control.databases("sql01") if d["name"] == "shop")
    data = next(file for file in shop["files"] if file["type"] == "ROWS")
    assert data["used_mib"] == 100
    assert data["size_mib"] >= 100
    with pytest.raises(ControlError, match="more than file"):
        world.control.set_used("sql01", "shop", 129)


def test_a_restart_breaks_connections_and_keeps_databases(world: Simulator) -> None:
    connection = connect(world.instances["sql01"])
    world.control.restart("sql01")
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 1")
    with connect(world.instances["sql01"]) as again:
        assert again.execute("SELECT name FROM sys.databases WHERE name = N'shop'").fetchval() == "shop"


def test_faults_are_listed_until_they_are_removed(world: Simulator) -> None:
    fault = world.control.add_fault("sql01", kind="error", number=1205, pattern="never", name="mine")
    (listed,) = world.control.faults()
    assert (listed["id"], listed["name"], listed["acted"], listed["held"]) == (fault, "mine", 0, [])
    world.control.remove_fault(fault)
    assert world.control.faults() == []


@pytest.mark.parametrize(
    ("op", "arguments", "reason"),
    [
        ("nonsense", {}, "unknown operation"),
        ("count", {}, "missing a required argument: 'instance'"),
        ("count", {"instance": "sql09"}, "there is no instance 'sql09'"),
        ("remove_fault", {"id": 999}, "there is no fault 999"),
        ("add_fault", {"instance": "sql01", "fault": {"kind": "drop", "pattern": "("}}, "regular expression"),
        ("add_fault", {"instance": "sql01", "fault": {"kind": "explode"}}, "kind"),
        ("set_volume", {"instance": "sql01", "mount_point": "Q:\\", "free_gib": 1}, "has no volume"),
        ("set_used", {"instance": "sql01", "database": "nope", "used_mib": 1}, "has no database nope"),
        ("set_cpu", {"instance": "sql01", "percent": 101}, "0 to 100"),
        ("set_memory", {"instance": "sql01", "available_mib": -1}, "from 0 to"),
    ],
)
def test_it_refuses_with_a_reason(
    world: Simulator, op: str, arguments: dict[str, object], reason: str
) -> None:
    with pytest.raises(ControlError, match=reason):
        world.control.call(op, **arguments)


def test_waiting_for_a_message_that_never_comes_ends_in_time(world: Simulator) -> None:
    fault = world.control.add_fault("sql01", kind="hold", pattern="never")
    with pytest.raises(ControlError, match="held no message"):
        world.control.wait_held(fault, timeout=0.05)
    world.control.remove_fault(fault)


def test_a_line_that_is_not_json_gets_an_answer_too(world: Simulator) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(world.control_path))
        client.sendall(b"hello\n[]\n")
        answers = client.makefile("r", encoding="utf-8")
        assert [json.loads(answers.readline())["ok"] for _ in range(2)] == [False, False]


def test_a_channel_that_nobody_answers_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no simulator answers"):
        Control(tmp_path / "nothing")


def test_only_its_owner_may_use_the_channel(world: Simulator) -> None:
    assert world.control_path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "line",
    [
        b'{"op": "set_volume", "instance": "sql01", "mount_point": 5, "free_gib": 1}',
        b'{"op": "set_volume", "instance": "sql01", "mount_point": "/var/opt/mssql/", "free_gib": 1e400}',
        b'{"op": "set_cpu", "instance": "sql01", "percent": "much"}',
        b'{"op": "count", "instance": []}',
        b'{"op": "count", "instance": "\\ud83d"}',
        b"[" * 100_000,
    ],
)
def test_it_answers_values_of_a_wrong_kind_and_goes_on(world: Simulator, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(str(world.control_path))
        lines = channel.makefile("rb")
        channel.sendall(line + b"\n")
        answer = json.loads(lines.readline())
        assert answer["ok"] is False
        assert answer["error"]
        channel.sendall(b'{"op": "ping"}\n')
        assert json.loads(lines.readline()) == {"ok": True}
