"""Start or stop the simulated instances of a molecule scenario: ``simulator.py start|stop FOLDER``."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 5


def start(folder: Path) -> None:
    """Two instances; FOLDER gets their addresses, the platform login's password and the process id."""
    folder.mkdir(parents=True, exist_ok=True)
    password = secrets.token_urlsafe(18) + "-aA1"
    logins = [{"name": "platform", "password": password, "server_roles": ["sysadmin"]}]
    topology = {
        "instances": [
            {"name": "sql01", "version": 2022, "sa_password": password, "logins": logins},
            {"name": "sql02", "version": 2019, "sa_password": password, "logins": logins},
        ]
    }
    for name, text in (("topology.yml", yaml.safe_dump(topology)), ("platform.password", password)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text, encoding="utf-8")
    ready = folder / "ready.json"
    with ready.open("w") as stdout, (folder / "simulator.log").open("w") as stderr:
        command = [sys.executable, "-m", "simulator", "--topology", str(folder / "topology.yml")]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True
        )
    (folder / "simulator.pid").write_text(str(process.pid), encoding="utf-8")
    deadline = time.monotonic() + START_TIMEOUT_S
    while not (text := ready.read_text(encoding="utf-8")).endswith("\n"):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the simulator did not start: {(folder / 'simulator.log').read_text(encoding='utf-8')}")
        time.sleep(0.05)
    (folder / "instances.json").write_text(json.dumps(json.loads(text)["instances"]), encoding="utf-8")


def stop(folder: Path) -> None:
    """Stop what ``start`` started, if it still runs. Only a process that is a simulator is touched."""
    pid_file = folder / "simulator.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text(encoding="utf-8"))
    pid_file.unlink()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    number = signal.SIGTERM
    while _is_simulator(pid):
        os.kill(pid, number)
        time.sleep(0.05)
        if time.monotonic() > deadline:
            number = signal.SIGKILL


def _is_simulator(pid: int) -> bool:
    try:
        return b"simulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]](Path(sys.argv[2]))
