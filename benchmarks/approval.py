"""(e) From the approver's click to the first event and to the end, against the same playbook run by hand."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison
from benchmarks.simulated import ROOT
from demo.__main__ import environment
from demo.instances import draw_password, make_folder, start_estate
from demo.processes import Processes
from demo.services import command, settings_for, start_platform, start_redis, wait_for_portal
from demo.story import ID, Story, draw_people

CLICK_FIRST, CLICK_DONE = "approve-click to first event", "approve-click to done"
HAND_FIRST, HAND_DONE = "by hand: start to first output", "by hand: start to done"
PLAYBOOK = "playbooks/book_application.yml"


def measure_approval(folder: Path, *, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Seconds as a person at the job's page sees them; both run the same approved plan of one database.

    Plans are made, and pages opened, before the clock starts. The platform is the demo's: portal, worker,
    dispatcher and Redis as processes on this machine, SQLite as its database.
    """
    names = (CLICK_FIRST, CLICK_DONE, HAND_FIRST, HAND_DONE)
    result = Comparison("(e) an approved booking", {name: [] for name in names})
    with Processes() as processes:
        place = make_folder(folder)
        env = environment(place, None)
        estate = start_estate(processes, place, env, driver=None)
        story = _started_platform(processes, place, env, estate)
        for number in range(rounds + 1):
            turns: list[tuple[tuple[str, str], Callable[[], tuple[float, float]]]] = [
                ((CLICK_FIRST, CLICK_DONE), _prepared_click(story, f"click{number}")),
                ((HAND_FIRST, HAND_DONE), _prepared_run(place, env, f"hand{number}")),
            ]
            for labels, run in turns if number % 2 else reversed(turns):
                progress(f"{result.title}: round {number} of {rounds}, {labels[1]}")
                for label, seconds in zip(labels, run(), strict=True):
                    if number:
                        result.seconds[label].append(seconds)
    result.ratio("first event / first output", result.median(CLICK_FIRST), result.median(HAND_FIRST))
    result.ratio("done / done by hand", result.median(CLICK_DONE), result.median(HAND_DONE))
    return result


def _started_platform(processes: Processes, folder: Path, env: dict[str, str], estate: Any) -> Story:
    settings = settings_for(folder, env, start_redis(processes, folder, env), port=0)
    command(processes, settings, "database", "upgrade")
    people = draw_people()
    admin = people["admin"]
    command(
        processes, settings, "user", "create-admin", "--email", admin.email, "--name", "Benchmark",
        "--password-file", "-", secret=admin.password,
    )  # fmt: skip
    platform = start_platform(processes, folder, settings)
    wait_for_portal(platform)
    story = Story(platform, people, lambda _text: None)
    story.discover(story.add_pool(estate))
    story.register("customer", "Measures.")
    return story


def _prepared_click(story: Story, name: str) -> Callable[[], tuple[float, float]]:
    """Book ``name``, wait for its plan, open the approver's page; what is left is the click."""
    customer, admin = story.visitor("customer"), story.visitor("admin")
    customer.open("/book")
    customer.press("Next", name=name)
    customer.press("Next", kind="standalone")
    customer.press("Next")
    customer.press("Next", database="main", size_gib="1")
    customer.press("Book", reason="")
    booking = customer.path
    story.follow(booking, "planned")
    admin.open(booking)
    admin.open(admin.links(f"/approvals/{ID}")[-1])

    def click() -> tuple[float, float]:
        started = time.perf_counter()
        admin.press("Approve")
        job = re.search(f"/jobs/{ID}", admin.open(booking))
        if job is None:
            raise RuntimeError("the request's page does not lead to its job")
        first = 0.0
        with admin.stream(f"{job.group(0)}/stream?after=0") as lines:
            for line in lines:
                if not first and line == "event: news":
                    first = time.perf_counter() - started
                if line == "event: end":
                    break
        done = time.perf_counter() - started
        story.follow(booking, "done")
        return first, done

    return click


def _prepared_run(folder: Path, env: dict[str, str], name: str) -> Callable[[], tuple[float, float]]:
    """Make the approved plan of ``name`` by a check-mode run; what is left is the run itself."""
    variables, journal, plan = (folder / f"{name}.{end}" for end in ("json", "jsonl", "plan"))
    booking = {
        "application_name": name,
        "application_databases": [{"name": "main", "data_limit": "1GiB"}],
        "application_password": draw_password(),
        "application_instance": "sql02",
    }
    variables.touch(mode=0o600)
    variables.write_text(json.dumps(booking), encoding="utf-8")
    programs = Path(sys.executable).parent
    play = [
        str(programs / "ansible-playbook"), "-i", "inventories/demo", PLAYBOOK, "-e", f"@{variables}",
        "--limit", "sql02",
    ]  # fmt: skip
    env = {**env, "SQLHOSTING_JOURNAL": str(journal)}
    subprocess.run([*play, "--check"], cwd=ROOT, env=env, check=True, capture_output=True)
    subprocess.run(
        [str(programs / "sqlhosting"), "plan", str(journal), "-o", str(plan)],
        cwd=ROOT, env=env, check=True, capture_output=True,
    )  # fmt: skip
    env = {**env, "SQLHOSTING_APPROVED_PLAN": str(plan), "SQLHOSTING_JOURNAL": f"{journal}.run"}

    def run() -> tuple[float, float]:
        started = time.perf_counter()
        with subprocess.Popen(play, cwd=ROOT, env=env, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            os.read(process.stdout.fileno(), 1)
            first = time.perf_counter() - started
            output = process.stdout.read()
        if process.returncode:
            raise RuntimeError(f"{PLAYBOOK} failed:\n{output.decode()[-3000:]}")
        return first, time.perf_counter() - started

    return run
