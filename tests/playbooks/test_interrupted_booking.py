"""A booking that dies at any of its changes is run again: it converges, and every statement is explained.

Each run gets one change further and dies at the next: either ansible-playbook is killed while the statement
waits in front of the server (it never ran), or the connection breaks after it ran (nobody was told).
"""

from __future__ import annotations

import subprocess

import psutil
import pytest

from simulator.server.control import ControlError
from tests.support.playbooks import ROOT, Platform, read_lines, unexplained

CHANGING = r"^\s*(CREATE|ALTER|GRANT|DROP|DENY|REVOKE|EXEC)\b"
MOST_RUNS = 40  # a booking has some fifteen changes; more runs than this would mean that it does not get on
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


def test_killed_before_each_change_in_turn_it_converges_and_the_journal_explains_the_trace(
    simulator, tmp_path
):
    platform = Platform(simulator, tmp_path / "platform", driver="msodbcsql18")
    before = len(simulator.trace())
    journal = platform.folder / "killed.jsonl"
    kills = 0
    for _run in range(MOST_RUNS):
        # The first change of a run goes through, the second one is held until the run is dead.
        fault = simulator.control.add_fault(
            "sql01", kind="hold", app_name="sqlhosting", pattern=CHANGING, at=2 if kills else 1
        )
        run = subprocess.Popen(
            platform.command("book_application", **booking("killed")),
            cwd=ROOT,
            env=platform.environment(SQLHOSTING_JOURNAL=str(journal)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        held = is_held(simulator, fault, run)
        if held:
            kill(run)
            kills += 1
        output, _nothing = run.communicate()
        simulator.control.remove_fault(fault)
        if not held:
            assert run.returncode == 0, output
            break
    assert kills > 8
    journals = read_lines(journal) + expect_booked(platform, "killed")
    assert unexplained(simulator.trace()[before:], journals) == []


def kill(run):
    """As kill -9 of everything that the run is: Ansible's workers have sessions of their own."""
    main = psutil.Process(run.pid)
    main.suspend()  # so that it starts no further worker meanwhile
    for process in [*main.children(recursive=True), main]:
        process.kill()


def is_held(simulator, fault, run):
    """True once a message is held, False when the run ended without."""
    for _try in range(HELD_TIMEOUT_S * 5):
        try:
            simulator.control.wait_held(fault, timeout=0.2)
        except ControlError:
            if run.poll() is not None:
                return False
        else:
            return True
    raise AssertionError("the run neither reached a change nor ended")


def test_cut_off_after_each_change_in_turn_it_converges_and_the_journal_explains_the_trace(
    simulator, tmp_path
):
    platform = Platform(simulator, tmp_path / "platform", driver="freetds")
    before = len(simulator.trace())
    journals = []
    for _run in range(MOST_RUNS):
        fault = simulator.control.add_fault(
            "sql01", kind="drop", when="after", app_name="sqlhosting", pattern=CHANGING, at=1, times=1
        )
        run = platform.play("book_application", **booking("cut_off"))
        simulator.control.remove_fault(fault)
        journals += run.journal
        if run.status == 0 and run.changed == 0:
            break
    else:
        pytest.fail(run.output)
    journals += expect_booked(platform, "cut_off")
    assert unexplained(simulator.trace()[before:], journals) == []
