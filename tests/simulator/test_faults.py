"""Faults: what a client sees when the server fails in a named way, and what the trace says then."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyodbc
import pytest

from tests.support.simulators import (
    DRIVERS,
    Instance,
    Simulator,
    connect,
    connection_string,
    running_simulator,
)

GONE_TIMEOUT_S = 10


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator of its own: its faults disturb nobody."""
    topology = {
        "instances": [
            {"name": "sql01", "encryption": "off"},
            {"name": "sql02", "faults": [{"kind": "error", "number": 9001, "pattern": "from the file"}]},
        ]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.fixture
def target(faulty: Simulator) -> Iterator[Instance]:
    """The instance that gets the faults; they are gone afterwards."""
    yield faulty.instances["sql01"]
    faulty.control.clear_faults("sql01")


def last_line(simulator: Simulator, text: str) -> dict[str, Any]:
    """The newest trace line with that text."""
    return next(line for line in reversed(simulator.trace()) if line["text"] == text)


def eventually(condition: Callable[[], object]) -> None:
    """Wait for what the server does after its client is gone, which no reply announces."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def database_names(simulator: Simulator) -> set[str]:
    """What is there, whatever any client saw."""
    return {database["name"] for database in simulator.control.databases("sql01")}


def in_background(instance: Instance, driver: str, text: str) -> tuple[threading.Thread, list[object]]:
    """Run a statement in a thread; its outcome is put into the list."""
    outcome: list[object] = []

    def work() -> None:
        connection = connect(instance, driver=driver)
        try:
            outcome.append(connection.execute(text).fetchval())
        except pyodbc.Error as exc:
            outcome.append(exc)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def killed_client(simulator: Simulator, instance: Instance, driver: str, text: str, fault: int) -> None:
    """A client process that is killed with SIGKILL while ``fault`` holds its message."""
    code = "import pyodbc, sys; pyodbc.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])"
    string = connection_string(instance, driver=driver)
    with subprocess.Popen([sys.executable, "-c", code, string, text]) as client:
        assert simulator.control.wait_held(fault) == text
        client.kill()


def test_an_error_is_answered_instead_of_running_the_message(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    faulty.control.add_fault("sql01", kind="error", number=1205, pattern="create database", name="deadlock")
    text = f"CREATE DATABASE [never_{driver}]"
    with pytest.raises(pyodbc.Error, match="1205"):
        connect(target, driver=driver).execute(text)
    assert f"never_{driver}" not in database_names(faulty)
    line = last_line(faulty, text)
    assert (line["outcome"], line["error"], line["fault"]) == ("error", 1205, "deadlock")


def test_an_error_after_the_message_hides_that_it_ran(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    faulty.control.add_fault(
        "sql01", kind="error", number=50001, message="Lost.", pattern="create database", when="after"
    )
    with pytest.raises(pyodbc.Error, match="Lost"):
        connect(target, driver=driver).execute(f"CREATE DATABASE [after_error_{driver}]")
    assert f"after_error_{driver}" in database_names(faulty)


@pytest.mark.parametrize(("when", "ran", "outcome"), [("before", False, "dropped"), ("after", True, "ok")])
def test_the_connection_drops_before_or_after_the_message_runs(  # noqa: PLR0917
    faulty: Simulator, target: Instance, driver: str, when: str, ran: bool, outcome: str
) -> None:
    name = f"drop_{when}_{driver}"
    faulty.control.add_fault("sql01", kind="drop", when=when, pattern=name)
    text = f"CREATE DATABASE [{name}]"
    with pytest.raises(pyodbc.Error):
        connect(target, driver=driver).execute(text)
    assert (name in database_names(faulty)) is ran
    line = last_line(faulty, text)
    assert (line["outcome"], line["fault"]) == (outcome, f"drop {when}")


def test_the_connection_drops_at_the_nth_matching_message(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    faulty.control.add_fault("sql01", kind="drop", at=3, pattern="^SELECT 1$", app_name="third")
    connection = connect(target, driver=driver, app="third")
    assert [connection.execute("SELECT 1").fetchval() for _ in range(2)] == [1, 1]
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 1")
    assert connect(target, driver=driver, app="third").execute("SELECT 1").fetchval() == 1


@pytest.mark.parametrize("choice", [{"login": "somebody"}, {"app_name": "else"}, {"pattern": "SELECT 3"}])
def test_a_fault_leaves_other_messages_alone(
    faulty: Simulator, target: Instance, driver: str, choice: dict[str, str]
) -> None:
    faulty.control.add_fault("sql01", kind="drop", **choice)
    assert connect(target, driver=driver).execute("SELECT 1").fetchval() == 1


def test_a_fault_acts_as_often_as_it_was_told(faulty: Simulator, target: Instance, driver: str) -> None:
    faulty.control.add_fault("sql01", kind="error", number=50002, pattern="^SELECT 1$", times=2)
    connection = connect(target, driver=driver)
    for _ in range(2):
        with pytest.raises(pyodbc.Error):
            connection.execute("SELECT 1")
    assert connection.execute("SELECT 1").fetchval() == 1


def test_a_delayed_message_can_run_into_the_clients_query_timeout(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    fault = faulty.control.add_fault("sql01", kind="delay", seconds=60, pattern="^CREATE DATABASE")
    connection = connect(target, driver=driver)
    connection.timeout = 1
    with pytest.raises(pyodbc.OperationalError, match="HYT00"):
        connection.execute(f"CREATE DATABASE [late_{driver}]")
    assert last_line(faulty, f"CREATE DATABASE [late_{driver}]")["outcome"] == "dropped"
    faulty.control.remove_fault(fault)
    connection.timeout = 0
    assert connection.execute("SELECT 1").fetchval() == 1
    assert f"late_{driver}" not in database_names(faulty)


def test_a_held_message_goes_on_when_the_fault_is_removed(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    fault = faulty.control.add_fault("sql01", kind="hold", pattern="^SELECT 42$")
    thread, outcome = in_background(target, driver, "SELECT 42")
    assert faulty.control.wait_held(fault) == "SELECT 42"
    assert connect(target, driver=driver).execute("SELECT 1").fetchval() == 1  # others are not held
    faulty.control.remove_fault(fault)
    thread.join(GONE_TIMEOUT_S)
    assert outcome == [42]


@pytest.mark.parametrize(("when", "ran", "outcome"), [("before", False, "dropped"), ("after", True, "ok")])
def test_a_client_killed_while_its_message_is_held(  # noqa: PLR0917
    faulty: Simulator, target: Instance, driver: str, when: str, ran: bool, outcome: str
) -> None:
    name = f"held_{when}_{driver}"
    text = f"CREATE DATABASE [{name}]"
    fault = faulty.control.add_fault("sql01", kind="hold", pattern=name, when=when)
    killed_client(faulty, target, driver, text, fault)
    eventually(lambda: not faulty.control.sessions("sql01"))
    faulty.control.remove_fault(fault)
    assert (name in database_names(faulty)) is ran
    assert last_line(faulty, text)["outcome"] == outcome


def test_an_instance_that_is_down_refuses_and_drops_connections(
    faulty: Simulator, target: Instance, driver: str
) -> None:
    connection = connect(target, driver=driver)
    fault = faulty.control.add_fault("sql01", kind="down")
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 1")
    with pytest.raises(pyodbc.Error):
        connect(target, driver=driver, timeout=1)
    faulty.control.remove_fault(fault)
    assert connect(target, driver=driver).execute("SELECT 1").fetchval() == 1


def test_an_instance_goes_down_at_a_message(faulty: Simulator, target: Instance, driver: str) -> None:
    fault = faulty.control.add_fault("sql01", kind="down", pattern="CREATE DATABASE", when="after")
    with pytest.raises(pyodbc.Error):
        connect(target, driver=driver).execute(f"CREATE DATABASE [down_{driver}]")
    assert f"down_{driver}" in database_names(faulty)
    with pytest.raises(pyodbc.Error):
        connect(target, driver=driver, timeout=1)
    faulty.control.remove_fault(fault)
    assert connect(target, driver=driver).execute("SELECT 1").fetchval() == 1


def test_a_throttled_login_is_answered_late(faulty: Simulator, target: Instance, driver: str) -> None:
    faulty.control.add_fault("sql01", kind="login_throttled", seconds=0.3, app_name="slow")
    started = time.monotonic()
    connect(target, driver=driver, app="quick").close()
    quick = time.monotonic() - started
    connect(target, driver=driver, app="slow").close()
    assert time.monotonic() - started - quick >= 0.3


def test_a_severe_error_ends_the_connection(faulty: Simulator, target: Instance, driver: str) -> None:
    faulty.control.add_fault("sql01", kind="error", number=596, pattern="^SELECT 7$")
    connection = connect(target, driver=driver)
    with pytest.raises(pyodbc.Error):
        connection.execute("SELECT 7")


def test_a_fault_of_the_topology_file_is_on_from_the_start(faulty: Simulator, driver: str) -> None:
    connection = connect(faulty.instances["sql02"], driver=driver)
    with pytest.raises(pyodbc.Error, match="9001"):
        connection.execute("SELECT 'from the file'")


def test_a_full_volume_is_the_real_error(faulty: Simulator, target: Instance, driver: str) -> None:
    database = f"full_{driver}"
    connection = connect(target, driver=driver)
    connection.execute(f"CREATE DATABASE [{database}]")
    faulty.control.set_volume("sql01", "/", free_gib=0.01)
    try:
        with pytest.raises(pyodbc.Error, match="5149"):
            connection.execute(f"ALTER DATABASE [{database}] MODIFY FILE (NAME = N'{database}', SIZE = 1GB)")
    finally:
        faulty.control.set_volume("sql01", "/", free_gib=50)


def test_every_driver_is_there() -> None:
    assert set(DRIVERS) == {"msodbcsql18", "freetds"}
