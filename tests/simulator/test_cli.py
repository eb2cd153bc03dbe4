"""The command line: one line when ready, a clean stop, one clear line when it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyodbc
import pytest

from simulator.__main__ import main
from tests.support.simulators import ROOT, SA_PASSWORD, connect, start_simulator

TIMEOUT_S = 30


def run_simulator(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end, which comes at once when it cannot start."""
    return subprocess.run(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def write_topology(folder: Path, *instances: dict[str, Any], **more: Any) -> Path:
    """A topology file in YAML's JSON subset."""
    path = folder / "topology.yml"
    complete = [{"sa_password": SA_PASSWORD, **instance} for instance in instances]
    path.write_text(json.dumps({"instances": complete, **more}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("instances", "problem"),
    [
        ([], "instances: List should have at least 1 item"),
        ([{"name": "a", "port": 99999}], "instances.0.port"),
        ([{"name": "a", "colour": "red"}], "instances.0.colour"),
        ([{"name": "a"}, {"name": "A"}], "two instances have the same name"),
        ([{"name": "a", "collation": "Klingon_CI_AS"}], "Klingon_CI_AS"),
        ([{"name": "a", "faults": [{"kind": "error"}]}], "kind 'error' needs it"),
    ],
)
def test_a_bad_topology_is_named_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], instances: list[dict[str, Any]], problem: str
) -> None:
    assert main(["--topology", str(write_topology(tmp_path, *instances))]) == 2
    printed = capsys.readouterr()
    assert problem in printed.err
    assert SA_PASSWORD not in printed.err
    assert printed.out == ""


def test_a_topology_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = run_simulator("--topology", str(tmp_path / "none.yml"))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "none.yml: cannot be read" in ended.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_simulator("--topology", str(write_topology(tmp_path, {"name": "a", "port": port})))
    assert ended.returncode == 2
    assert f"port {port} cannot be used" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_one_line_and_stops_cleanly_with_a_client_connected(tmp_path: Path, number: int) -> None:
    control = tmp_path / "c.sock"
    topology = write_topology(tmp_path, {"name": "a"}, {"name": "b"}, trace="trace.jsonl")
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--topology", topology, "--control", control],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    answer = json.loads(process.stdout.readline())
    assert set(answer["instances"]) == {"a", "b"}
    assert answer["instances"]["a"].keys() >= {"host", "port", "version"}
    assert answer["control"] == str(control)
    assert answer["trace"] == str(tmp_path / "trace.jsonl")
    with socket.create_connection((answer["instances"]["a"]["host"], answer["instances"]["a"]["port"])):
        started = time.monotonic()
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, output, errors) == (0, "", "")
    assert time.monotonic() - started < 2
    assert not control.exists()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    topology = write_topology(tmp_path, {"name": "a"})
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'simulator', '--topology', "
        "sys.argv[1], '--exit-with-parent'], stdout=subprocess.PIPE); p.stdout.readline(); "
        "print(p.pid, flush=True); sys.stdin.read()"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code, str(topology)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    child = int(starter.stdout.readline())
    starter.kill()
    starter.communicate()
    deadline = time.monotonic() + TIMEOUT_S
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Is the process still running? One that nobody has waited for yet counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_restarted_simulator_still_has_its_databases(tmp_path: Path, driver: str) -> None:
    topology = {"instances": [{"name": "sql01"}], "state": str(tmp_path / "state")}
    first = start_simulator(topology, folder=tmp_path / "first")
    try:
        connect(first.instances["sql01"], driver=driver).execute("CREATE DATABASE [kept]")
    finally:
        first.stop()
    second = start_simulator(topology, folder=tmp_path / "second")
    try:
        connection = connect(second.instances["sql01"], driver=driver, database="kept")
        assert connection.execute("SELECT DB_NAME()").fetchval() == "kept"
    finally:
        second.stop()


def test_what_ran_is_in_the_trace_even_if_the_simulator_is_killed(tmp_path: Path) -> None:
    running = start_simulator({"instances": [{"name": "sql01"}]}, folder=tmp_path)
    connection = connect(running.instances["sql01"])
    connection.execute("SELECT 1").fetchall()
    os.kill(running.process.pid, signal.SIGKILL)
    running.stop()
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 2")
    assert running.trace()[-1]["text"] == "SELECT 1"
