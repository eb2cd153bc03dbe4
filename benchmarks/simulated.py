"""The simulated instances and the Ansible runs that the benchmarks measure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mssql_python_odbc
import yaml

ROOT = Path(__file__).resolve().parents[1]
LOGIN = "sa"
PASSWORD = "Bench-Mark-1!"  # of simulated instances on the loopback interface that live for one benchmark


@dataclass(frozen=True)
class Estate:
    """Running simulated instances (name → host, port) and a folder to work in."""

    instances: Mapping[str, Mapping[str, Any]]
    folder: Path
    driver: str

    def connection_string(self, name: str) -> str:
        """What a bare pyodbc program connects with, encrypted as the modules do."""
        at = self.instances[name]
        return (
            f"DRIVER={self.driver};Server=tcp:{at['host']},{at['port']};UID={LOGIN};PWD={PASSWORD};"
            "Encrypt=yes;TrustServerCertificate=yes;APP=bare"
        )


def microsoft_driver() -> str:
    """The path of Microsoft's ODBC driver 18 that the wheel ``mssql-python-odbc`` carries."""
    folder = (
        Path(mssql_python_odbc.__file__).parent
        / "libs"
        / "linux"
        / "debian_ubuntu"
        / os.uname().machine
        / "lib"
    )
    return str(sorted(folder.glob("libmsodbcsql-18*.so*"))[-1])


@contextmanager
def running_estate(count: int, folder: Path) -> Iterator[Estate]:
    """``count`` simulated instances in one process, for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    topology = {"instances": [{"name": f"sql{n:02d}", "sa_password": PASSWORD} for n in range(1, count + 1)]}
    path = folder / "topology.yml"
    path.write_text(yaml.safe_dump(topology), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--topology", str(path), "--exit-with-parent"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Estate(ready["instances"], folder, microsoft_driver())
    finally:
        process.terminate()
        process.wait(10)


def write_inventory(estate: Estate, **variables: Any) -> Path:
    """An inventory of the estate's instances, in the pool ``standalone``, as the platform writes it for jobs.

    What differs from host to host stands there as it is, the password is looked up in a file.
    """
    password = estate.folder / "password"
    password.touch(mode=0o600)
    password.write_text(PASSWORD + "\n", encoding="utf-8")
    hosts = {
        name: {
            "sqlhosting_connection": {
                "login_host": at["host"],
                "login_port": at["port"],
                "login_user": LOGIN,
                "login_password": f"{{{{ lookup('ansible.builtin.file', '{password}') }}}}",
                "odbc_driver": estate.driver,
                "trust_server_certificate": True,
            },
            "instance_customer_host": at["host"],
            "instance_customer_port": at["port"],
        }
        for name, at in estate.instances.items()
    }
    shared = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "application_credentials_folder": str(estate.folder / "credentials"),
        "pool_thresholds": {
            "cpu_percent": 100,
            "memory_percent": 100,
            "disk_free_percent": 1,
            "databases": 10000,
        },
        "pool_largest_data_limit": "100GiB",
        "pool_largest_log_limit": "20GiB",
        **variables,
    }
    path = estate.folder / "inventory.yml"
    inventory = {"all": {"children": {"standalone": {"hosts": hosts}}, "vars": shared}}
    path.write_text(yaml.safe_dump(inventory), encoding="utf-8")
    return path


def write_playbook(folder: Path, name: str, tasks: Sequence[Mapping[str, Any]], **play: Any) -> Path:
    """A playbook of one play with these tasks, on the first instance unless ``hosts`` says otherwise."""
    path = folder / name
    content = [
        {
            "hosts": "sql01",
            "gather_facts": False,
            "module_defaults": {"group/sqlhosting.mssql.all": "{{ sqlhosting_connection }}"},
            **play,
            "tasks": list(tasks),
        }
    ]
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def run_playbook(
    playbook: Path,
    inventory: Path,
    *,
    journal: Path | None = None,
    extra: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run ``ansible-playbook`` as a user would; gives its output. Raises RuntimeError when it fails."""
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        **(environment or {}),
    }
    if journal is not None:
        env["SQLHOSTING_JOURNAL"] = str(journal)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(inventory), str(playbook)]
    if extra:
        command += ["-e", json.dumps(dict(extra))]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{playbook.name} failed:\n{done.stdout[-3000:]}\n{done.stderr[-1000:]}")
    return done.stdout
