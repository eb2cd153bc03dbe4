"""(a) What a module task costs: in-process, out of process, and with the peers of community.general."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Comparison, compare
from benchmarks.simulated import (
    LOGIN,
    PASSWORD,
    ROOT,
    run_playbook,
    running_estate,
    write_inventory,
    write_playbook,
)

TASKS = 20
ANSIBLE_PACKAGE = "ansible==12.3.0"  # carries community.general with the peers; for ansible-core 2.19
PEERS = ROOT / ".cache" / "benchmarks" / "ansible-12.3.0"


def peer_collections() -> Path:
    """The folder with community.general, unpacked from the package ``ansible`` at the first use."""
    if not (PEERS / "ansible_collections" / "community" / "general").is_dir():
        PEERS.mkdir(parents=True, exist_ok=True)
        pip = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(PEERS),
            ANSIBLE_PACKAGE,
        ]
        subprocess.run(pip, check=True)
        with zipfile.ZipFile(next(PEERS.glob("ansible-*.whl"))) as wheel:
            wanted = [
                name for name in wheel.namelist() if name.startswith("ansible_collections/community/general/")
            ]
            wheel.extractall(PEERS, wanted)
    return PEERS


def measure_tasks(folder: Path, *, rounds: int, progress: Callable[[str], None]) -> Comparison:
    """Seconds for a playbook of 20 tasks that find everything as it should be (a second run)."""
    with running_estate(1, folder) as estate:
        inventory = write_inventory(estate)
        environment = {
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'collections'}:{peer_collections()}",
            "ANSIBLE_PIPELINING": "0",  # Ansible's default, and a little faster for local modules
        }
        port = estate.instances["sql01"]["port"]
        names = [f"bench_{n:02d}" for n in range(TASKS)]
        login = {
            "login_host": "127.0.0.1",
            "login_port": port,
            "login_user": LOGIN,
            "login_password": PASSWORD,
        }
        own = {**login, "odbc_driver": estate.driver, "trust_server_certificate": True}
        ours = [{"sqlhosting.mssql.mssql_database": {"name": n, **own}} for n in names]
        script = "SELECT name, recovery_model_desc, collation_name FROM sys.databases WHERE name = N'{}'"
        playbooks = {
            "no tasks": write_playbook(folder, "none.yml", []),
            "mssql_database in-process": write_playbook(folder, "ours.yml", ours),
            "mssql_database out of process": write_playbook(
                folder, "out.yml", ours, vars={"sqlhosting_in_process": False}
            ),
            "community.general.mssql_db": write_playbook(
                folder,
                "db.yml",
                [{"community.general.mssql_db": {"name": n, "state": "present", **login}} for n in names],
            ),
            "community.general.mssql_script": write_playbook(
                folder,
                "script.yml",
                [{"community.general.mssql_script": {"script": script.format(n), **login}} for n in names],
            ),
        }
        run_playbook(
            playbooks["mssql_database in-process"], inventory, environment=environment
        )  # creates them

        def contestant(path: Path) -> Callable[[int], None]:
            return lambda number: _run(path, inventory, folder / f"{path.stem}-{number}.jsonl", environment)

        result = compare(
            f"(a) {TASKS} tasks, second run",
            {name: contestant(path) for name, path in playbooks.items()},
            rounds=rounds,
            progress=progress,
        )
    nothing = result.median("no tasks")
    mine = (result.median("mssql_database in-process") - nothing) / TASKS
    others = {name: (result.median(name) - nothing) / TASKS for name in list(playbooks)[2:]}
    for name, seconds in others.items():
        result.ratio(f"{name} / in-process, per task", seconds, mine)
    result.ratio("fastest other / in-process, per task", min(others.values()), mine)
    result.notes.append(f"in-process: {mine * 1000:.1f} ms a task above a play without tasks")
    return result


def _run(path: Path, inventory: Path, journal: Path, environment: dict[str, str]) -> None:
    run_playbook(path, inventory, journal=journal, environment=environment)
