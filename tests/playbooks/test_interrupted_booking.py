"""A booking that dies at any statement is run again: it converges, and the journal explains the trace.

Either ansible-playbook is killed while a statement waits in front of the server (it never ran), each run at
the first statement at which none was killed before, until one gets through; or the connection breaks after
each change in turn (it ran, and nobody was told).
"""

from __future__ import annotations

import re
import subprocess

import psutil
import pytest

from simulator.server.control import ControlError
from tests.support.playbooks import ROOT, Platform, read_lines, unexplained
from tests.support.simulators import DRIVERS

CHANGING = r"^\s*(CREATE|ALTER|GRANT|DROP|DENY|REVOKE|EXEC)\b"
MOST_RUNS = 80  # a booking is some forty statements; more runs would mean that it does not get on
HELD_TIMEOUT_S = 30


def booking(name):
    return {
        "application_name": name,
        "application_instance": "sql01",
        "application_databases": [{"name": "orders", "data_limit": "1GiB"}],
    }


def expect_booked(platform, name):
    database = platform.databases("sql01")[f"{name}_orders"]
    assert (database["owner"], database["state"]) == (f"{name}_owner", "ONLINE")
    again = platform.play("book_application", **booking(name)).succeeded()
    assert again.changed == 0
    return again.journal


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_killed_again_and_again_it_converges_and_the_journal_explains_the_trace(simulator, tmp_path, driver):
    changes, lines = kill_until_it_gets_through(Platform(simulator, tmp_path / "platform", driver=driver), 7)
    assert changes
    assert len({line["sha256"] for line in lines if line["kind"] == "change"}) > 8


@pytest.mark.chaos
@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_killed_at_each_statement_in_turn_it_converges_and_the_journal_explains_the_trace(
    simulator, tmp_path, driver
):
    changes, lines = kill_until_it_gets_through(Platform(simulator, tmp_path / "platform", driver=driver), 1)
    assert len(changes) == len({line["sha256"] for line in lines if line["kind"] == "change"}) > 8


def kill_until_it_gets_through(platform, step):
    """Kill each run at the ``step``-th statement that no run has come to before; check what is there at last.

    Returns the changes in front of which a run was killed, and the journal's lines of all killed runs.
    """
    simulator, driver = platform.simulator, platform.driver
    name = f"killed_{driver}_{step}"
    before = len(simulator.trace())
    journal = platform.folder / "killed.jsonl"
    killed_at: list[str] = []
    for _run in range(MOST_RUNS):
        known = [line["text"] for line in simulator.trace()[before:]] + killed_at
        fault = simulator.control.add_fault(
            "sql01", kind="hold", app_name="sqlhosting", pattern=none_of(sorted(set(known))), at=step
        )
        run = start(platform, booking(name), journal)
        held = held_text(simulator, fault, run)
        if held:
            kill(run)
            killed_at.append(held)
        output, _nothing = run.communicate()
        simulator.control.remove_fault(fault)
        if not held:
            assert run.returncode == 0, output
            break
    assert len(killed_at) > 2
    changes = [text for text in killed_at if re.match(CHANGING, text)]
    assert changes == sorted(set(changes), key=changes.index)
    lines = read_lines(journal)
    explained = lines + expect_booked(platform, name)
    assert unexplained(simulator.trace()[before:], explained) == []
    return changes, lines


def none_of(texts):
    """A pattern for every statement but these, which are compared up to their masked passwords."""
    known = [re.escape(re.split(r"N'\*+'", text)[0]) for text in texts]
    # pyodbc's own question at each connection is no statement of ours.
    return rf"\A(?!{'|'.join([*known, r'.*sp_datatype_info'])})"


def start(platform, variables, journal):
    return subprocess.Popen(
        platform.command("book_application", "--limit", "sql01", **variables),
        cwd=ROOT,
        env=platform.environment(SQLHOSTING_JOURNAL=str(journal)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def kill(run):
    """As kill -9 of everything that the run is: Ansible's workers have sessions of their own."""
    main = psutil.Process(run.pid)
    main.suspend()  # so that it starts no further worker meanwhile
    for process in [*main.children(recursive=True), main]:
        process.kill()


def held_text(simulator, fault, run):
    """The message that is held, empty when the run ended without."""
    for _try in range(HELD_TIMEOUT_S * 5):
        try:
            return simulator.control.wait_held(fault, timeout=0.2)
        except ControlError:
            if run.poll() is not None:
                return ""
    raise AssertionError("the run neither reached a change nor ended")


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_cut_off_after_each_change_in_turn_it_converges_and_the_journal_explains_the_trace(
    simulator, tmp_path, driver
):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    name = f"cut_off_{driver}"
    before = len(simulator.trace())
    journals = []
    for _run in range(MOST_RUNS):
        fault = simulator.control.add_fault(
            "sql01", kind="drop", when="after", app_name="sqlhosting", pattern=CHANGING, at=1, times=1
        )
        run = platform.play("book_application", **booking(name))
        simulator.control.remove_fault(fault)
        journals += run.journal
        if run.status == 0 and run.changed == 0:
            break
    else:
        pytest.fail(run.output)
    journals += expect_booked(platform, name)
    assert unexplained(simulator.trace()[before:], journals) == []
