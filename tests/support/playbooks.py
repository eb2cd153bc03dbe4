"""Real ansible-playbook runs against simulated instances, and what they left: output, recap, journal."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.grammar import RECORDED
from tests.support.playbook_server import PlaybookServer
from tests.support.simulators import DRIVERS, MODULES, SA_PASSWORD, Simulator, is_of_the_driver

ROOT = Path(__file__).resolve().parents[2]
LONGEST_RUN_S = 120
PLATFORM_PASSWORD = "Platform-Password-1!"
_RECAP = re.compile(r"^(\S+)\s+: (ok=\d+.*)$", re.MULTILINE)


def instance(name: str, **more: Any) -> dict[str, Any]:
    """An instance of a topology with the platform's login."""
    platform = {"name": "platform", "password": PLATFORM_PASSWORD, "server_roles": ["sysadmin"]}
    return {"name": name, "sa_password": SA_PASSWORD, "logins": [platform], **more}


@dataclass(frozen=True)
class Run:
    """A finished ansible-playbook run."""

    status: int
    output: str
    journal: list[dict[str, Any]]

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """The counts of each host: ok, changed, unreachable, failed, skipped, rescued, ignored."""
        return {
            host: {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", counts)}
            for host, counts in _RECAP.findall(self.output)
        }

    @property
    def changed(self) -> int:
        """How many tasks reported a change, on all hosts."""
        return sum(counts["changed"] for counts in self.recap.values())

    def statements(self, event: str, kind: str = "change") -> list[tuple[str, str, str]]:
        """(instance, database, sha256) of the journal's lines of one event, in order."""
        return [
            (line["instance"], line["database"], line["sha256"])
            for line in self.journal
            if line["event"] == event and line["kind"] == kind
        ]

    def succeeded(self) -> Run:
        """Itself. Fails the test with the run's output when the run failed."""
        assert self.status == 0, self.output
        return self


class Platform:
    """An inventory of simulated instances, all in the pool ``standalone``, and the playbooks run with it.

    It has the demo's variables. Those that the demo looks up in files stand in it as they are, as in the
    inventory of a job.
    """

    def __init__(self, simulator: Simulator, folder: Path, *, driver: str, in_process: bool = True) -> None:
        self.simulator = simulator
        self.folder = folder
        self.driver = driver
        self.in_process = in_process
        inventory = folder / "inventory"
        inventory.mkdir(parents=True)
        (inventory / "group_vars").symlink_to(ROOT / "inventories" / "demo" / "group_vars")
        (folder / "platform.password").write_text(PLATFORM_PASSWORD + "\n")
        self.write_instances()

    def write_instances(self) -> None:
        """The inventory's hosts, and what inventories/demo reads; again after instances were started anew."""
        addresses = {
            name: {"host": one.host, "port": one.port} for name, one in self.simulator.instances.items()
        }
        (self.folder / "instances.json").write_text(json.dumps(addresses))
        hosts = {name: self._host(**address) for name, address in addresses.items()}
        pool: dict[str, Any] = {"hosts": hosts, "vars": {"sqlhosting_in_process": self.in_process}}
        (self.folder / "inventory" / "hosts.yml").write_text(
            json.dumps({"all": {"children": {"standalone": pool}}})
        )

    def _host(self, *, host: str, port: int) -> dict[str, Any]:
        password = self.folder / "platform.password"
        return {
            "sqlhosting_connection": {
                "login_host": host,
                "login_port": port,
                "login_user": "platform",
                "login_password": f"{{{{ lookup('ansible.builtin.file', '{password}') }}}}",
                "odbc_driver": DRIVERS[self.driver],
                "trust_server_certificate": True,
            },
            "instance_customer_host": host,
            "instance_customer_port": port,
            "application_credentials_folder": str(self.folder / "credentials"),
        }

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a run; nothing of the caller's own runs gets in."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("SQLHOSTING_")}
        return {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "LC_ALL": "C.UTF-8",
            "SQLHOSTING_DEMO": str(self.folder),
            "SQLHOSTING_DEMO_DRIVER": DRIVERS[self.driver],
            **more,
        }

    def command(self, playbook: str, *arguments: str, **variables: Any) -> list[str]:
        """The command line of a run."""
        program = shutil.which("ansible-playbook", path=self.environment()["PATH"])
        assert program, "ansible-playbook is not installed"
        wishes = ["-e", json.dumps(variables)] if variables else []
        return [
            program,
            "-i",
            str(self.folder / "inventory"),
            f"playbooks/{playbook}.yml",
            *wishes,
            *arguments,
        ]

    def play(
        self,
        playbook: str,
        *arguments: str,
        plan: Path | None = None,
        environment: dict[str, str] | None = None,
        **variables: Any,
    ) -> Run:
        """Run ``playbooks/<playbook>.yml`` with a journal of its own."""
        journal = self.folder / f"journal-{len(list(self.folder.glob('journal-*'))) + 1}.jsonl"
        env = self.environment(SQLHOSTING_JOURNAL=str(journal), **(environment or {}))
        if plan is not None:
            env["SQLHOSTING_APPROVED_PLAN"] = str(plan)
        command = self.command(playbook, *arguments, **variables)
        if any(name.startswith("ANSIBLE_") for name in environment or {}):  # read when Ansible is imported
            status, output = _run_program(command, env)
        else:
            status, output = _server().run(command[1:], environment=env, folder=ROOT, timeout=LONGEST_RUN_S)
        lines = read_lines(journal)
        RECORDED.note_journal(lines)
        return Run(status, output, lines)

    def databases(self, instance_name: str) -> dict[str, dict[str, Any]]:
        """The user databases that the instance really has, by name."""
        return {
            entry["name"]: entry
            for entry in self.simulator.control.call("databases", instance=instance_name)["databases"]
            if entry["name"] not in ("master", "model", "msdb", "tempdb")
        }


def _run_program(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LONGEST_RUN_S,
    )
    return done.returncode, done.stdout


@cache
def _server() -> PlaybookServer:
    """One for each process that runs tests. All platforms share the repository's ansible.cfg."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SQLHOSTING_")}
    server = PlaybookServer({**inherited, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "LC_ALL": "C.UTF-8"})
    atexit.register(server.close)
    return server


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON lines, [] when there is none."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def unexplained(trace: list[dict[str, Any]], journal: list[dict[str, Any]]) -> list[str]:
    """Texts that the modules sent and that no intent of the journal explains; secrets compare as equal.

    pyodbc itself asks for the server's data types when it connects (SQLGetTypeInfo); no module sends that.
    """
    sent = Counter(
        _comparable(line["text"])
        for line in trace
        if line["app_name"] == MODULES and not is_of_the_driver(line["text"])
    )
    intended = Counter(_comparable(line["text"]) for line in journal if line["event"] == "intent")
    return sorted((sent - intended).elements())


def _comparable(text: str) -> str:
    """A secret is ``N'$(name)'`` in journals and asterisks in traces, a parameter ``?`` and ``@P1``."""
    return re.sub(r"@P\d+", "?", re.sub(r"N?'(\$\(\w+\)|\*+)'", "'secret'", text)).strip()
