"""Run the collection's modules in tests: in this process by the shared action, or as ordinary modules."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugin_loader
from ansible.template import Templar

from tests.support.playbook_server import PlaybookServer
from tests.support.simulators import DRIVERS, ROOT, SA_PASSWORD, Instance, Simulator

IN_PROCESS = "in_process"
OUT_OF_PROCESS = "out_of_process"
NAMESPACE = "sqlhosting.mssql."


# Before any test file imports the collection: Ansible's finder must be the first to load ansible_collections,
# or it cannot resolve the modules' names later. conftest.py imports this before pytest collects the tests.
plugin_loader.init_plugin_loader([str(ROOT / "collections")])


def login_options(instance: Instance, driver: str, **more: Any) -> dict[str, Any]:
    """A module's connection options for a simulated instance, as sa. ``driver`` is a key of DRIVERS."""
    return {
        "login_host": instance.host,
        "login_port": instance.port,
        "login_user": "sa",
        "login_password": SA_PASSWORD,
        "trust_server_certificate": True,
        "login_timeout": 5,
        "odbc_driver": DRIVERS[driver],
        **more,
    }


def module_code(module: str) -> Any:
    """The code behind a module such as ``mssql_database``: ARGUMENT_SPEC, SPEC_RULES and run."""
    utils = "ansible_collections.sqlhosting.mssql.plugins.module_utils."
    return importlib.import_module(f"{utils}{module.removeprefix('mssql_')}.module")


@dataclass
class ModuleRunner:
    """Runs a module the way a task would. Its journal is ``journal_path``."""

    simulator: Simulator
    driver: str
    way: str
    journal_path: Path
    run_id: str
    variables: dict[str, Any] = field(default_factory=dict)

    def __call__(
        self,
        module: str,
        /,
        *,
        instance: str = "sql01",
        check_mode: bool = False,
        diff: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """The task's result. Connection options are filled in for ``instance`` unless given."""
        login = (
            {} if module == "mssql_plan" else login_options(self.simulator.instances[instance], self.driver)
        )
        action = self.action(module, {**login, **options}, check_mode=check_mode, diff=diff)
        result: dict[str, Any] = action.run(None, self._task_vars(instance))
        return result

    def action(self, module: str, options: dict[str, Any], *, check_mode: bool, diff: bool) -> Any:
        """The module's action, ready to run, on a local connection."""
        loader = DataLoader()
        task = Task.load({f"{NAMESPACE}{module}": options, "name": f"test {module}"}, loader=loader)
        task.check_mode, task.diff = check_mode, diff
        context = PlayContext()
        connection = plugin_loader.connection_loader.get("ansible.builtin.local", context)
        connection.set_options(var_options={})
        connection._shell.set_options(var_options={})
        action = plugin_loader.action_loader.get(
            f"{NAMESPACE}{module}",
            task=task,
            connection=connection,
            play_context=context,
            loader=loader,
            templar=Templar(loader=loader, variables=self._task_vars("")),
            shared_loader_obj=plugin_loader,
        )
        return action

    def _task_vars(self, host: str) -> dict[str, Any]:
        return {
            "inventory_hostname": host,
            "ansible_python_interpreter": sys.executable,
            "sqlhosting_in_process": self.way == IN_PROCESS,
            **self.variables,
        }

    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines so far."""
        if not self.journal_path.exists():
            return []
        return [json.loads(line) for line in self.journal_path.read_text(encoding="utf-8").splitlines()]


@dataclass
class AnsibleRun:
    """A finished ``ansible-playbook`` or ``ansible``."""

    returncode: int
    output: str
    journal_path: Path

    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines."""
        if not self.journal_path.exists():
            return []
        return [json.loads(line) for line in self.journal_path.read_text(encoding="utf-8").splitlines()]


@dataclass
class AnsibleRunner:
    """Runs real ``ansible-playbook`` and ``ansible`` commands.

    Playbooks run as forks of one process, with its ``ansible.cfg``. A run ``as_program``, one with settings
    of Ansible in its environment or without a journal in it, and ``ansible`` are processes with a file of
    the test's own.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _write_config(self.folder)

    @property
    def journal_path(self) -> Path:
        """Where the runs' journal is, unless the environment says otherwise."""
        return Path(self.environment.get("SQLHOSTING_JOURNAL", self.folder / "journal.jsonl"))

    def full_environment(self, **more: str) -> dict[str, str]:
        """The environment of the command."""
        return {
            **_kept_environment(),
            "ANSIBLE_CONFIG": str(self.folder / "ansible.cfg"),
            "LC_ALL": "C.UTF-8",
            "SQLHOSTING_JOURNAL": str(self.journal_path),
            **self.environment,
            **more,
        }

    def playbook(
        self,
        plays: list[dict[str, Any]] | Path,
        *arguments: str,
        timeout: float = 120,
        as_program: bool = False,
        **env: str,
    ) -> AnsibleRun:
        """Run plays (given as data or as a file) with ``ansible-playbook``."""
        if isinstance(plays, Path):
            file = plays
        else:
            file = self.folder / "play.yml"
            file.write_text(json.dumps(plays), encoding="utf-8")
        given = {**self.environment, **env}
        own = [name for name in given if name.startswith("ANSIBLE_") or given[name] == ""]
        arguments = ("-i", "localhost,", str(file), *arguments)
        if as_program or own:
            return self.command("ansible-playbook", *arguments, timeout=timeout, **env)
        environment = self.full_environment(**env)
        code, output = _server().run(arguments, environment=environment, folder=self.folder, timeout=timeout)
        return AnsibleRun(code, output, self.journal_path)

    def command(self, program: str, *arguments: str, timeout: float = 120, **env: str) -> AnsibleRun:
        """Run a program of the virtual environment in the folder."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=self.folder,
            env={key: value for key, value in self.full_environment(**env).items() if value != ""},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return AnsibleRun(done.returncode, done.stdout, self.journal_path)


def _write_config(folder: Path) -> Path:
    path = folder / "ansible.cfg"
    path.write_text(
        "[defaults]\n"
        f"collections_path = {ROOT / 'collections'}\n"
        f"connection_plugins = {ROOT / 'tests/collection/connection_plugins'}\n"
        "callbacks_enabled = sqlhosting.mssql.journal\n"
        "localhost_warning = False\n"
        f"local_tmp = {folder / 'tmp'}\n"
        f"remote_tmp = {folder / 'remote-tmp'}\n"
        f"interpreter_python = {sys.executable}\n",
        encoding="utf-8",
    )
    return path


def _kept_environment() -> dict[str, str]:
    return {
        key: value for key, value in os.environ.items() if not key.startswith(("SQLHOSTING_", "ANSIBLE_"))
    }


@cache
def _server() -> PlaybookServer:
    """One for each process that runs tests."""
    folder = tempfile.TemporaryDirectory()
    config = str(_write_config(Path(folder.name)))
    server = PlaybookServer({**_kept_environment(), "ANSIBLE_CONFIG": config, "LC_ALL": "C.UTF-8"})
    atexit.register(folder.cleanup)
    atexit.register(server.close)
    return server


def local_play(*tasks: dict[str, Any], **keywords: Any) -> dict[str, Any]:
    """A play on localhost with a local connection."""
    return {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": list(tasks),
        **keywords,
    }
