"""A whole platform for tests: simulated instances, Redis, platform database, portal, worker and dispatcher.

Real processes on loopback ports. Every secret is drawn anew, and reaches the processes by files only, as
docs/settings.md advises: what is found of one elsewhere was let out by the platform itself.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psutil
from cryptography.fernet import Fernet
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session

from tests.support.engine import note_journals, wait_until
from tests.support.ports import LOOPBACK, unused_port
from tests.support.redis import Redis, running_redis
from tests.support.simulators import ROOT, SA_PASSWORD, Simulator, running_simulator
from webapp.jobs.models import ENDED_JOB_STATES, JobState

COMMAND = (sys.executable, "-c", "from webapp.cli import main; main()")
START_TIMEOUT_S = 60  # a cold start with eight test runners on two cores; some seconds are usual
STOP_TIMEOUT_S = 3
ADMIN_EMAIL = "admin@example.com"


def draw_password() -> str:
    """A password that SQL Server and the portal take, and that nothing else looks like."""
    return f"{secrets.token_urlsafe(18)}-aA1"


@dataclass(frozen=True, repr=False)
class Secrets:
    """What must never be found where it does not belong."""

    elevated_core: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    encryption_key: str = field(default_factory=lambda: Fernet.generate_key().decode("ascii"))

    @property
    def elevated(self) -> str:
        """The elevated account's password. What surrounds its core is written otherwise in every language."""
        return f"{self.elevated_core}'\"; {{{{ 7 }}}}<b>-aA1"


@dataclass(repr=False)
class Process:
    """A process of the platform; its log survives a restart."""

    name: str
    environment: dict[str, str]
    log_path: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it in a session of its own."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*COMMAND, self.name],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check_alive(self) -> None:
        """AssertionError with its log when it has ended."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the {self.name} ended with {self.process.returncode}:\n{self.log()}")

    def log(self) -> str:
        """What it has logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def stop(self) -> None:
        """End it politely, then surely, with everything that it has started."""
        if self.process is None:
            return
        family = self.family()
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for one in family[1:]:
            try:
                one.kill()
            except psutil.Error:
                continue

    def family(self) -> list[psutil.Process]:
        """It, its children and theirs."""
        try:
            own = psutil.Process(self.pid)
            return [own, *own.children(recursive=True)]
        except psutil.Error:
            return []


@dataclass(repr=False)
class Platform:
    """A running platform. ``sessions``: cookies of people who have logged in."""

    folder: Path
    simulator: Simulator
    redis: Redis
    address: str
    database_url: str
    secrets: Secrets
    admin_password: str
    environment: dict[str, str]
    processes: dict[str, Process]
    sessions: dict[str, list[object]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)  # of people, by e-mail

    @property
    def data_folder(self) -> Path:
        """SQLHOSTING_DATA_FOLDER."""
        return self.folder / "data"

    @property
    def keys_folder(self) -> Path:
        """The only folder in which secrets of the platform may stand: what the ``_FILE`` settings name."""
        return self.folder / "keys"

    @contextmanager
    def database(self) -> Iterator[Engine]:
        """The platform database as somebody sees it who can read and write its files."""
        engine = create_engine(self.database_url)
        try:
            yield engine
        finally:
            engine.dispose()

    def logs(self) -> str:
        """Everything that processes wrote to standard output and standard error."""
        return "\n".join(process.log() for process in self.processes.values()) + self.redis.log()

    def process_ids(self) -> set[int]:
        """Those of all processes of the platform, with what they have started."""
        return {one.pid for process in self.processes.values() for one in process.family()}

    def scalar(self, query: str, **parameters: object) -> Any:
        """The first value that a query of the platform database gives."""
        with self.database() as engine, engine.connect() as connection:
            return connection.execute(text(query), parameters).scalar()

    def execute(self, statement: str, **parameters: object) -> int:
        """Change the platform database behind the platform's back; how many rows."""
        with self.database() as engine, engine.begin() as connection:
            return connection.execute(text(statement), parameters).rowcount

    def jobs(self) -> str:
        """Every job with its state and what it says of itself, for messages of tests."""
        query = text("SELECT title, state, attempt, job_explanation FROM jobs ORDER BY id")
        with self.database() as engine, engine.connect() as connection:
            return "\n".join(" | ".join(map(str, row)) for row in connection.execute(query))

    def has_work(self) -> bool:
        """Whether a job waits or runs."""
        query = text("SELECT state FROM jobs")
        with self.database() as engine, engine.connect() as connection:
            return any(JobState(state) not in ENDED_JOB_STATES for state in connection.scalars(query))

    def command(self, *arguments: str) -> str:
        """What one ``sqlhosting`` command prints. AssertionError when it fails."""
        return _command(self.environment, *arguments)


@contextmanager
def running_platform(folder: Path, *, database_url: str | None = None) -> Iterator[Platform]:
    """A platform with an empty database (SQLite without ``database_url``) and two instances, sql01 and sql02.

    Nobody but the admin is there; pools and instances are still to be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawn, admin_password = Secrets(), draw_password()
    url = database_url or f"sqlite:///{folder / 'platform.db'}"
    with ExitStack() as stack:
        simulator = stack.enter_context(running_simulator(_topology(drawn), folder=folder / "simulator"))
        redis = stack.enter_context(running_redis(folder / "redis"))
        address = f"{LOOPBACK}:{unused_port()}"
        environment = _environment(folder, drawn, database_url=url, redis_url=redis.url, address=address)
        _command(environment, "database", "upgrade")
        _create_admin(environment, folder, admin_password)
        processes = {
            name: Process(name, environment, folder / f"{name}.log")
            for name in ("portal", "worker", "dispatcher")
        }
        for process in processes.values():
            stack.callback(process.stop)
            process.start()
        platform = Platform(
            folder, simulator, redis, f"http://{address}", url, drawn, admin_password, environment, processes
        )
        platform.passwords[ADMIN_EMAIL] = admin_password
        wait_until(lambda: _answers(platform), "an answer of the portal", timeout_s=START_TIMEOUT_S)
        yield platform
        with platform.database() as engine, Session(engine) as session:
            note_journals(session)


def _topology(drawn: Secrets) -> dict[str, object]:
    login = {"name": "platform", "password": drawn.elevated, "server_roles": ["sysadmin"]}
    return {
        "instances": [
            {"name": name, "sa_password": SA_PASSWORD, "logins": [login]} for name in ("sql01", "sql02")
        ]
    }


def _environment(
    folder: Path, drawn: Secrets, *, database_url: str, redis_url: str, address: str
) -> dict[str, str]:
    """What the processes get. Secrets are in files of mode 0600."""
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("SQLHOSTING_")}
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    files = {
        "secret_key": drawn.secret_key,
        "encryption_keys": drawn.encryption_key,
        "redis_url": redis_url,
        "database_url": database_url,
    }
    given = {}
    for name, value in files.items():
        path = keys / name
        path.touch(mode=0o600)
        path.write_text(value + "\n", encoding="utf-8")
        given[f"SQLHOSTING_{name.upper()}_FILE"] = str(path)
    return inherited | given | {
        "HOME": str(folder / "home"),  # what libraries leave there and in /tmp is to be seen
        "TMPDIR": str(folder / "tmp"),
        "SQLHOSTING_DATA_FOLDER": str(folder / "data"),
        "SQLHOSTING_LISTEN": address,
        "SQLHOSTING_PUBLIC_URL": f"http://{address}",
        "SQLHOSTING_LOGIN_RATE": "1000 per minute",  # everybody comes from one address here
        "SQLHOSTING_LEASE_S": "10",
        "SQLHOSTING_HEARTBEAT_S": "1",
        "SQLHOSTING_DISPATCH_INTERVAL_S": "0.5",
    }  # fmt: skip


def _command(environment: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=START_TIMEOUT_S,
    )
    assert done.returncode == 0, f"sqlhosting {' '.join(arguments)}: {done.stdout}"
    return done.stdout


def _create_admin(environment: dict[str, str], folder: Path, password: str) -> None:
    path = folder / "keys" / "admin_password"
    path.touch(mode=0o600)
    path.write_text(password + "\n", encoding="utf-8")
    _command(
        environment, "user", "create-admin", "--email", ADMIN_EMAIL, "--name", "Admin",
        "--password-file", str(path),
    )  # fmt: skip


def _answers(platform: Platform) -> bool:
    for process in platform.processes.values():
        process.check_alive()
    try:
        with build_opener(ProxyHandler({})).open(f"{platform.address}/login", timeout=START_TIMEOUT_S):
            return True
    except (URLError, OSError):
        return False
