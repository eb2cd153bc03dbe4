"""The engine in tests: jobs run in this process without Redis, or by real workers and dispatchers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.grammar import RECORDED
from tests.support.playbooks import PLATFORM_PASSWORD
from tests.support.simulators import DRIVERS, ROOT, Simulator
from webapp.jobs.models import ENDED_JOB_STATES, Job, JobState
from webapp.jobs.run import run_job
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import SecretFile
from webapp.settings import Settings
from webapp.statements.models import JobStatement
from webapp.statements.rows import journal_lines

COMMAND = "from webapp.cli import main; main()"
STOP_WITHIN_S = 20


def run_job_now(runtime: Runtime, job_id: str) -> Job:
    """Run the job in this process, with a real ansible-playbook and without Redis; the job as it is then.

    A job that loses an attempt is pending again: call it once more.
    """
    run_job(runtime, job_id, worker="this test")
    return job_of(runtime, job_id)


def note_journals(session: Session) -> None:
    """At the end of all tests, what the journals of a platform's jobs hold has to be T-SQL."""
    rows = session.scalars(select(JobStatement))
    RECORDED.note_journal(json.loads(line) for row in rows for line in journal_lines(row))


def job_of(runtime: Runtime, job_id: str) -> Job:
    """The job as the platform database has it."""
    with runtime.database.reading() as session:
        return session.get_one(Job, job_id)


def wait_for_job(
    runtime: Runtime,
    job_id: str,
    states: Collection[JobState] = ENDED_JOB_STATES,
    *,
    timeout_s: float = 60,
) -> Job:
    """Wait until the job is in one of ``states`` (default: ended). AssertionError says what it is."""
    deadline = time.monotonic() + timeout_s
    pauses = _pauses()
    while (job := job_of(runtime, job_id)).state not in states:
        if time.monotonic() > deadline:
            found = f"{job.title}, attempt {job.attempt}, is {job.state.value}: {job.job_explanation}"
            raise AssertionError(f"{found}; not {', '.join(states)} within {timeout_s:g} s")
        time.sleep(next(pauses))
    return job


def _pauses() -> Iterator[float]:
    """Seconds between two looks: who waits for long leaves the cores to what it waits for."""
    pause_s = 0.02
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.3, 0.2)


def wait_until(condition: Callable[[], Any], what: str, *, timeout_s: float = 30) -> Any:
    """Wait until ``condition`` gives something true, and give that back, or fail with ``what``."""
    deadline = time.monotonic() + timeout_s
    pauses = _pauses()
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s:g} s")
        time.sleep(next(pauses))
    return found


def simulated_inventory(
    simulator: Simulator, *, driver: str = "msodbcsql18", pool: str = "standalone", **pool_variables: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """An inventory of all simulated instances and its secrets, as ``pools.inventory.run_inventory`` does."""
    hosts = {
        name: {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "instance_customer_host": one.host,
            "instance_customer_port": one.port,
            "sqlhosting_connection": {
                "login_host": one.host,
                "login_port": one.port,
                "login_user": "platform",
                "login_password": SecretFile("platform"),
                "encrypt": "yes",
                "trust_server_certificate": True,
                "odbc_driver": DRIVERS[driver],
            },
        }
        for name, one in simulator.instances.items()
    }
    group: dict[str, Any] = {"hosts": hosts, "vars": pool_variables}
    return {"all": {"children": {pool: group}}}, {"platform": PLATFORM_PASSWORD}


@dataclass
class EngineProcess:
    """``sqlhosting worker`` or ``sqlhosting dispatcher`` as a process of its own."""

    kind: str
    settings: Settings
    folder: Path
    command: str = COMMAND
    process: subprocess.Popen[bytes] | None = None

    @property
    def log_path(self) -> Path:
        """What it has logged."""
        return self.folder / f"{self.kind}.log"

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> EngineProcess:
        """Start it; it connects by itself, so nobody has to wait."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.command, self.kind],
                cwd=ROOT,
                env=environment_of(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def kill(self) -> None:
        """SIGKILL, as a crash would; its children live on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout_s: float = STOP_WITHIN_S) -> int:
        """Its exit status, once it has ended."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def horses(self) -> list[psutil.Process]:
        """The work horses of this worker, without its keeper."""
        return [
            child
            for child in psutil.Process(self.pid).children()
            if os.getpgid(child.pid) == child.pid and child.status() != psutil.STATUS_ZOMBIE
        ]

    def keeper(self) -> psutil.Process:
        """The worker's keeper. Raises ValueError when there is none."""
        (found,) = [
            child
            for child in psutil.Process(self.pid).children()
            if os.getpgid(child.pid) != child.pid and child.status() != psutil.STATUS_ZOMBIE
        ]
        return found

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def stop(self) -> None:
        """End it at the end of a test, politely at first, with everything it has started."""
        if self.process is None:
            return
        family = _family(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for process in family:
            try:
                process.kill()
            except psutil.Error:
                continue


def _family(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment that gives a process these settings, and nothing of the caller's own platform."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SQLHOSTING_")}
    given = {
        "secret_key": settings.secret_key.get_secret_value(),
        "encryption_keys": ",".join(key.get_secret_value() for key in settings.encryption_keys),
        "database_url": settings.database_url.get_secret_value(),
        "redis_url": settings.redis_url.get_secret_value(),
    }
    plain = {name: str(getattr(settings, name)) for name in type(settings).model_fields if name not in given}
    return inherited | {f"SQLHOSTING_{name.upper()}": value for name, value in (given | plain).items()}


@contextmanager
def running_engine(
    settings: Settings,
    folder: Path,
    *,
    workers: int = 1,
    dispatchers: int = 1,
    command: str = COMMAND,
) -> Iterator[tuple[Sequence[EngineProcess], Sequence[EngineProcess]]]:
    """Real workers and dispatchers with these settings (database, Redis, folders), stopped at the end.

    ``command``: another Python command than ``sqlhosting``, such as one that knows a test's job templates.
    """
    made = [
        [EngineProcess(kind, settings, folder / f"{kind}-{number}", command) for number in range(count)]
        for kind, count in (("worker", workers), ("dispatcher", dispatchers))
    ]
    try:
        for process in (*made[0], *made[1]):
            process.start()
        yield made[0], made[1]
    finally:
        for process in (*made[1], *made[0]):
            process.stop()
