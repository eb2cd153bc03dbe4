"""Simulated SQL Server instances for tests: start them, connect with either ODBC driver, read their trace."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import mssql_python_odbc
import pyodbc

from simulator.server.control import Control
from tests.support.grammar import RECORDED

ROOT = Path(__file__).resolve().parents[2]
SA_PASSWORD = "Sim-Admin-1!"
START_TIMEOUT_S = 30  # a cold start with eight test runners on two cores; normally one second
STOP_TIMEOUT_S = 5
MODULES = "sqlhosting"  # how the modules' connections call themselves
SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes

_OF_THE_DRIVER = re.compile(r"(\[sys\]\.)?sp_datatype_info(_100)?\b")


def _microsoft_driver() -> str:
    """Path of Microsoft's ODBC driver 18, from the wheel ``mssql-python-odbc``. Raises if missing."""
    machine = os.uname().machine
    folder = Path(mssql_python_odbc.__file__).parent / "libs" / "linux" / "debian_ubuntu" / machine / "lib"
    found = sorted(folder.glob("libmsodbcsql-18*.so*"))
    if not found:
        raise RuntimeError(f"Microsoft's ODBC driver is not in {folder}; run 'make setup'")
    return str(found[-1])


def _freetds_driver() -> str:
    """Name under which FreeTDS is registered with unixODBC. Raises when it is not registered."""
    if "FreeTDS" not in pyodbc.drivers():
        raise RuntimeError("the ODBC driver FreeTDS is not registered with unixODBC; run 'make setup'")
    return "FreeTDS"


# Tests run with both. A missing driver is a failure of the set-up and fails every test here, on purpose.
DRIVERS = {"msodbcsql18": _microsoft_driver(), "freetds": _freetds_driver()}


def is_of_the_driver(text: str) -> bool:
    """Whether no module sent it: pyodbc asks for the data types at the first connection of its process."""
    return _OF_THE_DRIVER.match(text) is not None


@dataclass(frozen=True)
class Instance:
    """Where a simulated instance listens."""

    name: str
    host: str
    port: int
    version: str


@dataclass
class Simulator:
    """A running ``python -m simulator``."""

    process: subprocess.Popen[str]
    instances: dict[str, Instance]
    control_path: Path
    trace_path: Path
    certificate: Path
    folder: Path
    _controls: list[Control] = field(default_factory=list)

    @cached_property
    def control(self) -> Control:
        """The control channel."""
        control = Control(self.control_path)
        self._controls.append(control)
        return control

    def trace(self, *, kinds: tuple[str, ...] = ("batch", "rpc")) -> list[dict[str, Any]]:
        """The messages received so far, in order of arrival; ``kinds``: also transaction, login."""
        if not self.trace_path.exists():
            return []
        lines = [json.loads(line) for line in self.trace_path.read_text(encoding="utf-8").splitlines()]
        return sorted((line for line in lines if line["kind"] in kinds), key=lambda line: line["seq"])

    def sent_by_modules(self, *, after: int = 0) -> list[str]:
        """The texts that modules sent, leaving out the trace's first ``after`` messages."""
        lines = [line for line in self.trace()[after:] if line["app_name"] == MODULES]
        return [line["text"] for line in lines if not is_of_the_driver(line["text"])]

    def stop(self) -> int:
        """Stop it with SIGTERM and give back its exit code; killed if it does not stop in time."""
        for control in self._controls:
            control.close()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        RECORDED.note_trace(self.trace(), {name: each.version for name, each in self.instances.items()})
        return self.process.returncode


def _first_line(process: subprocess.Popen[str], errors: Path) -> dict[str, Any]:
    """The line that says the simulator is ready. Raises RuntimeError with its errors when none comes."""
    assert process.stdout is not None
    deadline = time.monotonic() + START_TIMEOUT_S
    ready, _, _ = select.select([process.stdout], [], [], deadline - time.monotonic())
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        process.stdout.close()
        raise RuntimeError(f"the simulator did not start: {errors.read_text(encoding='utf-8')[-2000:]}")
    answer: dict[str, Any] = json.loads(line)
    return answer


def _control_path(folder: Path) -> Path:
    """A path for the control socket: in ``folder`` unless that is too long for a socket address."""
    path = folder / "control.sock"
    if len(str(path)) > SOCKET_PATH_MAX:
        path = Path(tempfile.mkdtemp(prefix="sim-")) / "control.sock"
    return path


def start_simulator(topology: dict[str, Any], *, folder: Path) -> Simulator:
    """Start a simulator; the caller stops it. See :func:`running_simulator`."""
    folder.mkdir(parents=True, exist_ok=True)
    complete = {**topology, "instances": [{"sa_password": SA_PASSWORD, **i} for i in topology["instances"]]}
    complete.setdefault("certificate", str(folder / "certificate.pem"))
    path = folder / "topology.json"
    path.write_text(json.dumps(complete, ensure_ascii=False), encoding="utf-8")
    trace = folder / "trace.jsonl"
    control = _control_path(folder)
    errors = folder / "stderr.txt"
    command = [sys.executable, "-m", "simulator", "--topology", path, "--trace", trace, "--control", control]
    with errors.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*map(str, command), "--exit-with-parent"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    answer = _first_line(process, errors)
    return Simulator(
        process=process,
        instances={
            name: Instance(name=name, host=where["host"], port=where["port"], version=where["version"])
            for name, where in answer["instances"].items()
        },
        control_path=control,
        trace_path=trace,
        certificate=Path(answer["certificate"]),
        folder=folder,
    )


@contextmanager
def running_simulator(topology: dict[str, Any], *, folder: Path) -> Iterator[Simulator]:
    """A simulator in a process of its own, stopped at the end.

    ``topology`` is what a topology file holds (see docs/simulator.md); an instance without ``sa_password``
    gets :data:`SA_PASSWORD`. Everything the simulator writes goes to ``folder``.
    """
    simulator = start_simulator(topology, folder=folder)
    try:
        yield simulator
    finally:
        simulator.stop()


def connection_string(
    instance: Instance,
    *,
    driver: str = "msodbcsql18",
    user: str = "sa",
    password: str = SA_PASSWORD,
    database: str | None = "master",
    encrypt: str = "yes",
    trust: bool = True,
    app: str = "tests",
    **more: str | int,
) -> str:
    """An ODBC connection string for ``driver``, a key of :data:`DRIVERS`.

    ``encrypt`` is Microsoft's word (yes, no, strict); FreeTDS gets its own for the same request on the wire.
    ``trust`` is TrustServerCertificate, which FreeTDS does not have: it trusts every certificate.
    """
    parts: dict[str, str | int] = {"DRIVER": f"{{{DRIVERS[driver]}}}", "UID": user, "APP": app}
    parts["PWD"] = "{" + password.replace("}", "}}") + "}"
    if database is not None:
        parts["DATABASE"] = "{" + database.replace("}", "}}") + "}"
    if driver == "freetds":
        words = {"yes": "require", "no": "request", "off": "off"}
        if encrypt not in words:
            raise ValueError(f"FreeTDS has no Encrypt={encrypt}")
        parts |= {"SERVER": instance.host, "PORT": instance.port, "TDS_Version": "7.4"}
        parts["Encryption"] = words[encrypt]
    else:
        parts |= {"SERVER": f"{instance.host},{instance.port}", "Encrypt": encrypt}
        parts["TrustServerCertificate"] = "yes" if trust else "no"
    parts |= more
    return ";".join(f"{key}={value}" for key, value in parts.items())


def connect(
    instance: Instance, *, autocommit: bool = True, timeout: int = 5, **options: Any
) -> pyodbc.Connection:
    """A connection; ``timeout``: login, in seconds; ``options`` as in :func:`connection_string`."""
    return pyodbc.connect(connection_string(instance, **options), autocommit=autocommit, timeout=timeout)


def lock_out(instance: Instance, login: str) -> None:
    """Guess wrong passwords until the server locks the login (18486), which only one on Windows does."""
    for _guess in range(20):
        try:
            connect(instance, user=login, password="wrong").close()
        except pyodbc.Error as exc:
            if "(18486)" in str(exc):
                return
    raise AssertionError(f"{login} is not locked on {instance.name}")
