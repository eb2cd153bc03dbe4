"""``python -m demo``: what it shows, what it leaves, and how it ends when something is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from demo.visitor import Visitor
from tests.support.grammar import RECORDED
from tests.support.playbooks import ROOT, read_lines, unexplained
from tests.support.simulators import DRIVERS

END_TIMEOUT_S = 400  # with both cores busy; 20 s otherwise


def start_demo(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo", "--once", "--port", "0"]
    command += ["--folder", str(folder), *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end_of(demo: subprocess.Popen[str]) -> str:
    """The rest of its output, once it has ended."""
    output, _nothing = demo.communicate(timeout=END_TIMEOUT_S)
    return output


def left_behind(folder: Path) -> list[str]:
    """Processes that belong to a demo in ``folder``: by their arguments or their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            mentions = [*process.cmdline(), process.environ().get("SQLHOSTING_DEMO", "")]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if process.pid != os.getpid() and any(str(folder) in text for text in mentions):
            found.append(" ".join(process.cmdline()))
    return found


def check_story(output: str, *more_files: str) -> None:
    """The output of a demo that went well, and the files that it left: the usual ones and ``more_files``."""
    for step in (
        "customer  booked shop",
        "request: planned",
        "admin     approved it, as the plan",
        "request: done",
    ):
        assert step in output
    assert "CREATE DATABASE [shop_orders]" in output
    assert "database shop_orders: ONLINE, owner shop_owner" in output
    assert "user  shop_app: db_datareader, db_datawriter, db_ddladmin" in output
    assert "shop_app is in shop_orders, and is not its owner" in output

    # Nothing that holds a password is left.
    names = {path.name for path in journal_and_trace(output)[0].parent.iterdir()}
    logs = {f"{name}.log" for name in ("simulator", "redis", "portal", "worker", "dispatcher")}
    assert names == {"instances.json", "journal.jsonl", "trace.jsonl", *logs, *more_files}


def journal_and_trace(output: str) -> tuple[Path, Path]:
    """The files that a demo names at its end."""
    journal_line, trace_line = output.splitlines()[-2:]
    return ROOT / journal_line.removeprefix("journal: "), ROOT / trace_line.removeprefix("trace: ")


# The demo that goes on running, below, is Microsoft's driver's.
@pytest.mark.parametrize("driver", ["freetds", pytest.param("msodbcsql18", marks=pytest.mark.matrix)])
def test_the_demo_books_an_application_and_its_journal_explains_the_whole_trace(tmp_path, driver):
    demo = start_demo(tmp_path, "--driver", DRIVERS[driver])
    output = end_of(demo)
    assert demo.returncode == 0, output
    assert left_behind(tmp_path) == []
    check_story(output)
    journal, trace = journal_and_trace(output)
    # The driver gives a prepared statement's handle back by itself; that is no statement of ours.
    messages = [
        line
        for line in read_lines(trace)
        if line["kind"] in ("batch", "rpc") and line["text"] != "sp_unprepare"
    ]
    assert [line for line in messages if line["app_name"] == "sqlhosting"] != []
    assert unexplained(messages, read_lines(journal)) == []
    instances = json.loads((journal.parent / "instances.json").read_text(encoding="utf-8"))
    RECORDED.note_journal(read_lines(journal))
    RECORDED.note_trace(messages, {name: one["version"] for name, one in instances.items()})


def test_a_step_that_fails_makes_the_demo_fail_and_leaves_no_process(tmp_path):
    demo = start_demo(tmp_path, "--driver", "no such driver")
    output = end_of(demo)
    assert demo.returncode == 1
    assert "The demo failed. platform cannot connect to master on sql" in output
    assert left_behind(tmp_path) == []
    assert [line.split(":")[0] for line in output.splitlines()[-2:]] == ["journal", "trace"]


@pytest.mark.parametrize(
    "moment",
    ["=== 1.", *(pytest.param(later, marks=pytest.mark.chaos) for later in ("=== 2.", "request: planned"))],
)
def test_an_interrupted_demo_leaves_no_process(tmp_path, moment):
    demo = start_demo(tmp_path)
    assert demo.stdout is not None
    while moment not in (line := demo.stdout.readline()):
        assert line, "the demo ended before it was interrupted"
    demo.send_signal(signal.SIGTERM)
    output = end_of(demo)
    assert demo.returncode == 128 + signal.SIGTERM, output
    assert left_behind(tmp_path) == []


def test_the_running_demo_lets_everybody_in_its_commands_work_and_ctrl_c_ends_it_without_a_trace(tmp_path):
    command = [sys.executable, "-m", "demo", "--port", "0", "--folder", str(tmp_path)]
    demo = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    passwords: list[str] = []
    try:
        lines = list(lines_until(demo, "trace: "))
        output = "".join(lines)
        address = re.search(r"^    (http://127\.0\.0\.1:\d+)$", output, re.MULTILINE)
        people = re.findall(r"^    (\w+) +(\S+@example\.com) +(\S+)$", output, re.MULTILINE)
        assert address, output
        assert [role for role, _, _ in people] == ["admin", "operator", "customer"], output
        for role, email, password in people:
            passwords.append(password)
            visitor = Visitor(address.group(1), role)
            visitor.open("/login")
            visitor.press("Log in", email=email, password=password)
            assert visitor.path == "/", visitor.said()
        suggested = [line.strip() for line in lines if line.startswith("    .venv/bin/")]
        assert len(suggested) == 4, output
        programs = f"{Path(sys.executable).parent}/"
        for text in suggested:
            done = subprocess.run(
                text.replace(".venv/bin/", programs).split(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=END_TIMEOUT_S,
            )
            assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    finally:
        demo.send_signal(signal.SIGINT)
        end_of(demo)
    assert left_behind(tmp_path) == []
    check_story("".join(lines), "platform.yml")  # the inventory of the commands that it suggests
    kept = [path for path in demo_folder(lines).rglob("*") if path.is_file()]
    assert kept != []
    for path in kept:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert [password for password in passwords if password in text] == [], path


def lines_until(demo: subprocess.Popen[str], start: str) -> Iterator[str]:
    """The demo's lines up to the one that begins with ``start``."""
    assert demo.stdout is not None
    for line in demo.stdout:
        yield line
        if line.startswith(start):
            return


def demo_folder(lines: list[str]) -> Path:
    """Where the demo keeps its files, from its closing lines."""
    return (ROOT / lines[-1].removeprefix("trace: ").strip()).parent
