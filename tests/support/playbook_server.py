"""Runs ``ansible-playbook`` as forks of one process that has imported Ansible: a run saves that second.

The command's own code runs, with its own arguments, environment, folder, output and exit code. Before the
fork nothing of the collection's plugins is imported, which begin a run; its ``module_utils`` are, and the
T-SQL templates compiled. Tests whose point is the process itself start the real program.

Ansible reads its configuration when it is imported, so each server is for one set of ``ANSIBLE_…`` variables.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "collections" / "sqlhosting" / "mssql"
_IMPORTED = (
    "ansible.cli.playbook",
    "ansible.executor.task_executor",
    "ansible.executor.task_queue_manager",
    "ansible.plugins.action",
    "ansible.plugins.callback",
    "ansible.plugins.connection.local",
    "ansible.plugins.strategy.linear",
    "ansible.template",
    "pyodbc",
    "yaml",
)
_PLUGINS = {
    "action": ("assert", "debug", "set_fact", "validate_argument_spec"),
    "filter": ("default", "combine"),
    "inventory": ("host_list", "script", "auto", "yaml", "ini", "toml"),
    "lookup": ("env", "file", "password"),
    "strategy": ("linear",),
    "test": ("match",),
}
_ALL = ("become", "callback", "connection", "shell")  # of these each run loads what there is
_MOST_BYTES = 1 << 20  # of a request; arguments and environment of a run have some kilobytes


class PlaybookServer:
    """The process that forks; it ends with the one that started it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._socket, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.playbook_server", str(theirs.fileno())],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path, timeout: float
    ) -> tuple[int, str]:
        """Exit code and output (stdout and stderr together) of ``ansible-playbook <arguments>``.

        Raises :class:`TimeoutError` after ``timeout`` seconds, when the run and its children are killed.
        """
        reading, writing = os.pipe()
        request = {"arguments": list(arguments), "environment": dict(environment), "folder": str(folder)}
        socket.send_fds(self._socket, [json.dumps(request).encode()], [writing])
        os.close(writing)
        pid = int(self._socket.recv(64))
        try:
            text = _read_until(reading, time.monotonic() + timeout)
        finally:
            os.close(reading)
        if text is None:
            os.killpg(pid, signal.SIGKILL)
        code = int(self._socket.recv(64))
        if text is None:
            raise TimeoutError(f"ansible-playbook {' '.join(arguments)} ran longer than {timeout} s")
        return code, text.decode("utf-8", "replace")

    def close(self) -> None:
        """End the process."""
        self._socket.close()
        self._process.wait(timeout=30)


def _read_until(output: int, deadline: float) -> bytes | None:
    """All that is written until the run closes ``output``; None when that takes too long."""
    found = bytearray()
    while select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(output, 1 << 16)
        if not part:
            return bytes(found)
        found += part
    return None


def _serve(connection: socket.socket) -> None:
    """Fork for each request, one after the other."""
    _import_ansible()
    while True:
        message, descriptors, _flags, _address = socket.recv_fds(connection, _MOST_BYTES, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            connection.close()
            _run(json.loads(message), descriptors[0])
        os.close(descriptors[0])
        connection.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        connection.send(str(os.waitstatus_to_exitcode(status)).encode())


def _run(request: dict, output: int) -> None:
    """In the fork: become ``ansible-playbook``. Never returns."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    code = 250
    try:
        from ansible.cli.playbook import main  # noqa: PLC0415

        main(["ansible-playbook", *request["arguments"]])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _import_ansible() -> None:
    """What every run imports and reads."""
    for name in _IMPORTED:
        importlib.import_module(name)
    from ansible.plugins import loader  # noqa: PLC0415

    # Each run sets up this loader again, which changes nothing and warns of it.
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
    loader.init_plugin_loader()
    importlib.import_module("ansible_collections.ansible.builtin")  # reads where thousands of modules went
    for kind in _ALL:
        list(getattr(loader, f"{kind}_loader").all(class_only=True))
    for kind, names in _PLUGINS.items():
        for name in names:
            getattr(loader, f"{kind}_loader").get(name, class_only=True)
    # Ansible compiles a collection's files in each process anew: it keeps no .pyc of them.
    for path in sorted(COLLECTION.glob("plugins/module_utils/**/[!_]*.py")):
        dotted = ".".join(path.relative_to(COLLECTION).with_suffix("").parts)
        importlib.import_module(f"ansible_collections.sqlhosting.mssql.{dotted}")
    utils = "ansible_collections.sqlhosting.mssql.plugins.module_utils"
    templates = importlib.import_module(f"{utils}._templates").FolderTemplates()
    for source, _origin in templates.texts().values():
        importlib.import_module(f"{utils}.tsql").compile_template(source)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
