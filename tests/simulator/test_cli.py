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
from simulator.topology import load_topology
from simulator.utf16 import units
from tests.support.simulators import ROOT, SA_PASSWORD, connect, running_simulator, start_simulator

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
        ([{"name": "a", "version": 2025, "edition": "Web"}], "SQL Server 2025 has no edition 'Web'"),
        ([{"name": "a", "version": 2025, "edition": "Developer"}], "2025 has no edition 'Developer'"),
        ([{"name": "a", "edition": "EnterpriseDeveloper"}], "2022 has no edition 'EnterpriseDeveloper'"),
        ([{"name": "a", "version": 2019, "edition": "StandardDeveloper"}], "2019 has no edition"),
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


START = '{"instances": [{"name": "a", "sa_password": "Sim-Admin-1!"'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            START + ', "databases": [{"name": "\\ud83d\\udc18"}]}]}',
            r"instances.0.databases.0.name: \ud83d is half of a surrogate pair",
            id="an escaped emoji",
        ),
        pytest.param(START + ', "\\udc18": 1}]}', r"instances.0: \udc18 is half", id="half a pair in a key"),
        pytest.param(START + '}], "trace": "a\\0b"}', "trace: holds the character U+0000", id="NUL"),
        pytest.param(b"\xff\xfe{\0}\0", "is not UTF-8 (byte 0)", id="UTF-16"),
        pytest.param(b"instances: \xe4", "is not UTF-8 (byte 11)", id="Latin-1"),
        pytest.param("", "(file): Input should be a valid dictionary", id="empty"),
        pytest.param("[1]", "(file): Input should be a valid dictionary", id="a list"),
        pytest.param(START + ', "name": "b"}]}', "the key 'name' stands twice (line 1,", id="a key twice"),
        pytest.param('{"instances": ' + "[" * 5000, "nested too deeply", id="deep lists"),
        pytest.param("instances: &a [*a]", "instances.0: Input should be", id="holds itself"),
        pytest.param("instances: {? [a] : b}", "found unhashable key (line 1,", id="a list as key"),
        pytest.param("instances: 2024-99-99", "holds a date or number that cannot be one", id="no date"),
        pytest.param("instances: " + "9" * 5000, "holds a date or number that cannot", id="no number"),
        pytest.param("instances: [\n{", "is not valid YAML", id="not closed"),
        pytest.param("instances: \x07", "is not valid YAML", id="a control character"),
        pytest.param(START + ', "port": true}]}', "port: Input should be a valid integer", id="bool as port"),
        pytest.param(
            START + ', "cpus": "4"}]}', "cpus: Input should be a valid integer", id="text as number"
        ),
        pytest.param(
            START + ', "volumes": [{"mount_point": "/", "size_gib": .inf}]}]}',
            "size_gib: Input should be a finite number",
            id="infinity",
        ),
        pytest.param(
            START + ', "databases": [{"name": "x", "data_mib": 99999999999}]}]}', "data_mib", id="too large"
        ),
        pytest.param(START + ', "databases": [{"name": ""}]}]}', "databases.0.name", id="no name"),
        pytest.param(
            START + ', "databases": [{"name": "x"}, {"name": "X"}]}]}',
            "there are two databases 'X'",
            id="two databases",
        ),
        pytest.param(
            START + ', "logins": [{"name": "SA", "password": "x"}]}]}',
            "there are two logins 'SA'",
            id="two logins",
        ),
    ],
)
def test_a_file_that_is_no_topology_gives_one_line_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | bytes, problem: str
) -> None:
    path = tmp_path / "topology.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["--topology", str(path)]) == 2
    printed = capsys.readouterr()
    assert problem in printed.err
    assert printed.err.count("\n") == 1
    assert SA_PASSWORD not in printed.err
    assert printed.out == ""


def test_a_byte_order_mark_and_an_emoji_are_taken(tmp_path: Path, driver: str) -> None:
    path = tmp_path / "topology.json"
    path.write_text(START + ', "databases": [{"name": "🐘"}]}]}', encoding="utf-8-sig")
    assert load_topology(path).instances[0].databases[0].name == units("🐘")
    with running_simulator(json.loads(path.read_text("utf-8-sig")), folder=tmp_path / "run") as running:
        connection = connect(running.instances["a"], driver=driver)
        assert connection.execute("SELECT DB_ID(N'🐘')").fetchval() == 5


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
