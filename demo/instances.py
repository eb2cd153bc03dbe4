"""The simulated instances of the demo: passwords, topology, start, and what the inventory needs to know."""

from __future__ import annotations

import json
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.processes import Processes

ROOT = Path(__file__).resolve().parents[1]
PLATFORM_LOGIN = "platform"  # as in inventories/demo/group_vars/all.yml
START_TIMEOUT_S = 30  # a cold start on a busy machine; normally one second


class DemoError(Exception):
    """A step of the demo failed. The text says which, and where to look."""


@dataclass(frozen=True)
class Estate:
    """The running instances and the files of this demo."""

    folder: Path
    process: subprocess.Popen[str]
    instances: dict[str, dict[str, Any]]
    platform_password: str
    driver: str | None = None  # the ODBC driver to use; None: the one that is installed

    @property
    def trace(self) -> Path:
        return self.folder / "trace.jsonl"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"


def make_folder(parent: Path) -> Path:
    """A folder for one demo, readable by its owner only, and ``parent/current`` pointing at it."""
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}"
    folder = parent / name
    folder.mkdir(parents=True, mode=0o700)
    link = parent / f"current.{os.getpid()}"
    link.symlink_to(name)
    link.replace(parent / "current")
    return folder


def start_estate(
    processes: Processes, folder: Path, env: dict[str, str], *, driver: str | None = None
) -> Estate:
    """Start the simulator and wait until it accepts connections. Raises :class:`DemoError`."""
    platform_password = draw_password()
    topology = yaml.safe_load((ROOT / "demo" / "topology.yml").read_text(encoding="utf-8"))
    for instance in topology["instances"]:
        instance["sa_password"] = draw_password()
        instance["logins"] = [
            {"name": PLATFORM_LOGIN, "password": platform_password, "server_roles": ["sysadmin"]}
        ]
    write_private(folder / "topology.yml", yaml.safe_dump(topology))
    write_private(folder / "platform.password", platform_password + "\n")
    errors = folder / "simulator.log"
    with errors.open("w", encoding="utf-8") as stderr:
        command: list[str | Path] = [sys.executable, "-m", "simulator", "--exit-with-parent"]
        command += ["--topology", folder / "topology.yml", "--trace", folder / "trace.jsonl"]
        process = processes.start(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=stderr)
    ready = _first_line(process)
    if not ready:
        said = errors.read_text(encoding="utf-8").strip() or f"nothing within {START_TIMEOUT_S} s"
        raise DemoError(f"The simulated instances did not start. They said: {said}")
    (folder / "topology.yml").unlink()  # it has been read, and holds every password
    instances = json.loads(ready)["instances"]
    write_private(folder / "instances.json", json.dumps(instances, indent=2) + "\n")
    return Estate(folder, process, instances, platform_password, driver)


def forget_passwords(folder: Path) -> None:
    """Remove what only the running demo needs: every secret, and what is sealed with them. The rest stays."""
    for name in ("platform.password", "topology.yml", "inventory.token"):
        (folder / name).unlink(missing_ok=True)
    for path in folder.glob("platform.db*"):
        path.unlink(missing_ok=True)
    for name in ("credentials", "keys", "work"):
        shutil.rmtree(folder / name, ignore_errors=True)


def draw_password() -> str:
    """A password that SQL Server and the portal take."""
    # The fixed end makes sure of SQL Server's three kinds of characters.
    return secrets.token_urlsafe(18) + "-aA1"


def write_private(path: Path, text: str) -> None:
    """Write a new file, in a folder made where it is missing, that only its owner can read."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


def _first_line(process: subprocess.Popen[str]) -> str:
    """The line that says that the instances are ready; empty when they ended or took too long."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(START_TIMEOUT_S):
            return ""
    return process.stdout.readline()
