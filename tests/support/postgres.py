"""A real PostgreSQL for tests: a server of its own on loopback, removed without a trace.

The server may not run as root; a root user's server runs as ``postgres`` or ``nobody``. It goes away with the
process that started it, however that ends: the kernel then sends it SIGQUIT, and a guard removes its folder.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.support.ports import LOOPBACK, unused_port

USER = "platform"
PACKAGED = Path("/usr/lib/postgresql")  # Debian keeps the server's programs here, off the PATH
START_TIMEOUT_S = 60  # a cold start on a busy machine; normally two seconds
STOP_TIMEOUT_S = 10
_ATTEMPTS = 5  # at a port that nobody else takes meanwhile
_SERVER_USERS = ("postgres", "nobody")
# Everything here may be lost, so nothing waits for the disk.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
# They hold a database's shape: a change of any kind leaves a newer row, or one row less.
_CATALOGS = (
    "pg_class", "pg_attribute", "pg_attrdef", "pg_constraint", "pg_index", "pg_rewrite", "pg_trigger",
    "pg_type", "pg_proc",
)  # fmt: skip
_SHAPE = " UNION ALL ".join(
    f"SELECT '{catalog}', count(*), max(xmin::text::bigint) FROM {catalog}" for catalog in _CATALOGS
)
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
# Only tables with rows are touched; foreign keys are not asked meanwhile.
_EMPTY = f"""
SET session_replication_role = replica;
DO $$
DECLARE
    name text;
    has_rows boolean;
BEGIN
    FOR name IN {_TABLES} LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO has_rows;
        IF has_rows THEN
            EXECUTE format('DELETE FROM %I', name);
        END IF;
    END LOOP;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence;
END
$$
"""
_ROWS = "SELECT json_agg(one)::text FROM {} AS one"
_FILL = "INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, {1})"
# Waits for the end of its input, which is the end of the tests' process; then up to 10 s for the server's.
_GUARD = """
cat >/dev/null
waited=0
while [ -e "$1/data/postmaster.pid" ] && [ $waited -lt 200 ]; do sleep 0.05; waited=$((waited + 1)); done
rm -rf "$1"
"""


def binaries() -> Path:
    """The folder with ``initdb`` and ``postgres``: that on the PATH, else Debian's newest. Raises if none."""
    found = shutil.which("postgres")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(PACKAGED.glob("*/bin"), key=_version, reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError(
        f"no PostgreSQL server found, neither on the PATH nor in {PACKAGED}: "
        "run 'make setup', or install the package 'postgresql'"
    )


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", folder.parent.name))


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None: as whoever runs the tests. Raises when root has nobody else."""
    if os.geteuid() != 0:
        return None
    for name in _SERVER_USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError(f"PostgreSQL does not run as root, and there is no user {' or '.join(_SERVER_USERS)}")


def _as_server_user() -> list[str]:
    """The start of a command that runs as the server's user and ends with the process that starts it."""
    command = ["setpriv", "--pdeathsig", "QUIT"]
    if user := _server_user():
        command += ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    return command


@dataclass
class Postgres:
    """A running server. ``start_time_s``: from nothing to the first answer, in seconds."""

    folder: Path
    port: int
    password: str = field(repr=False)
    process: subprocess.Popen[bytes]
    start_time_s: float = 0.0
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)
    _idle: dict[str, list[str]] = field(default_factory=dict, repr=False)
    _contents: dict[str, tuple[list[tuple[Any, ...]], dict[str, str]]] = field(
        default_factory=dict, repr=False
    )

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of ``database``, over TCP with a password."""
        return f"postgresql+psycopg://{USER}:{self.password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str | None = None, *, template: str | None = None) -> str:
        """The URL of a fresh database: empty, or a copy of ``template`` (see :meth:`create_template`).

        Without ``name`` it gets a number. Raises ``psycopg.errors.DuplicateDatabase`` for a name in use.
        """
        name = name or f"test_{next(self._numbers)}"
        self._execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return self.url(name)

    def create_template(self, name: str, fill: Callable[[str], object]) -> str:
        """Give back ``name``, a database that the first call makes and has filled by ``fill(url)``.

        ``fill`` must close its connections (``engine.dispose()``): PostgreSQL copies no database in use.
        """
        if not self.has_database(name):
            url = self.create_database(name)
            try:
                fill(url)
            except BaseException:
                self.drop_database(name)
                raise
        return name

    @contextmanager
    def lent_database(self, template: str) -> Iterator[str]:
        """The URL of a copy of ``template``, for one test at a time.

        One that an earlier test had serves again, with the template's rows, which takes a fifth of making
        one: unless that test changed more than rows, or left somebody connected who might go on writing.
        """
        idle = self._idle.setdefault(template, [])
        if idle:
            name = idle.pop()
        else:
            name = f"test_{next(self._numbers)}"
            self.create_database(name, template=template)
        yield self.url(name)
        if self._renewed(name, template):
            idle.append(name)
        else:
            self.drop_database(name)

    def _renewed(self, name: str, template: str) -> bool:
        shape, rows = self._content_of(template)
        with self._connection(name) as connection, connection.transaction():
            others = connection.execute(
                "SELECT FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'", (name,),
            )  # fmt: skip
            if others.rowcount or connection.execute(_SHAPE).fetchall() != shape:
                return False
            connection.execute(_EMPTY)
            for table, found in rows.items():
                connection.execute(sql.SQL(_FILL).format(sql.Identifier(table), sql.Literal(found)))
            return True

    def _content_of(self, template: str) -> tuple[list[tuple[Any, ...]], dict[str, str]]:
        """The shape of ``template``, and its rows by table as JSON."""
        if template not in self._contents:
            with self._connection(template) as connection:
                shape = connection.execute(_SHAPE).fetchall()
                rows = {}
                for (table,) in connection.execute(_TABLES).fetchall():
                    found = connection.execute(sql.SQL(_ROWS).format(sql.Identifier(table))).fetchone()
                    if found and found[0]:
                        rows[table] = found[0]
            self._contents[template] = shape, rows
        return self._contents[template]

    def has_database(self, name: str) -> bool:
        """Whether there is a database ``name``."""
        with self._connection() as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
            return found.fetchone() is not None

    def drop_database(self, name: str) -> None:
        """Remove database ``name`` if it exists, ending the connections that use it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def log(self) -> str:
        """What the server has logged so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with self._connection() as connection:
            connection.execute(statement)

    @contextmanager
    def _connection(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        with psycopg.connect(
            host=LOOPBACK,
            port=self.port,
            user=USER,
            password=self.password,
            dbname=database,
            autocommit=True,
        ) as connection:
            yield connection

    def wait_until_ready(self, deadline: float) -> bool:
        """Whether the server answers before ``deadline`` (of ``time.monotonic``); False when it ended."""
        while self.process.poll() is None:
            try:
                self._execute(sql.SQL("SELECT 1"))
                return True
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL does not answer: {self.log()[-2000:]}") from None
                time.sleep(0.02)
        return False

    def stop(self) -> None:
        """End the server at once: its data is thrown away."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _initialise(folder: Path, password: str) -> None:
    """Make the server's data folder. Raises RuntimeError with what initdb says."""
    secret = folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    if user := _server_user():
        os.chown(folder, user.pw_uid, user.pw_gid)
        os.chown(secret, user.pw_uid, user.pw_gid)
    command = [*_as_server_user(), binaries() / "initdb", "--pgdata", folder / "data", "--username", USER]
    command += ["--auth", "scram-sha-256", "--pwfile", secret, "--no-sync", "--no-instructions"]
    command += ["--encoding", "UTF8", "--locale", "C.UTF-8"]
    made = subprocess.run(
        [str(part) for part in command], cwd=folder, check=False, capture_output=True, text=True
    )
    secret.unlink()
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed: {made.stdout[-1000:]}{made.stderr[-1000:]}")


def _start(folder: Path, password: str) -> Postgres:
    """A server on the data in ``folder``. Raises RuntimeError with the end of its log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    for _ in range(_ATTEMPTS):
        port = unused_port()
        settings = {**_SETTINGS, "port": str(port), "unix_socket_directories": str(folder)}
        command = [*_as_server_user(), str(binaries() / "postgres"), "-D", str(folder / "data")]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl+C is for pytest, which then stops the server
            )
        server = Postgres(folder=folder, port=port, password=password, process=process)
        if server.wait_until_ready(deadline):
            return server
    raise RuntimeError(f"PostgreSQL did not start: {server.log()[-2000:]}")


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server without databases of ours, gone at the end. Most tests want :func:`shared_postgres`."""
    started = time.monotonic()
    # Not below pytest's own folders: the server's user could not enter those. /tmp also keeps the socket's
    # path short enough.
    folder = Path(tempfile.mkdtemp(prefix="sqlhosting-postgres-", dir="/tmp"))
    guard = subprocess.Popen(
        ["sh", "-c", _GUARD, "guard", str(folder)], stdin=subprocess.PIPE, cwd="/", start_new_session=True
    )
    assert guard.stdin is not None
    try:
        password = secrets.token_urlsafe(16)
        _initialise(folder, password)
        server = _start(folder, password)
        try:
            server.start_time_s = time.monotonic() - started
            yield server
        finally:
            server.stop()
    finally:
        guard.stdin.close()
        try:
            guard.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:  # a forked process still holds the guard's input
            guard.kill()
            guard.wait()
            shutil.rmtree(folder, ignore_errors=True)


_SHARED = pytest.StashKey[Postgres]()


def shared_postgres(config: pytest.Config) -> Postgres:
    """The one server of this test process, started at the first call and stopped when pytest ends."""
    if _SHARED not in config.stash:
        stack = ExitStack()
        config.stash[_SHARED] = stack.enter_context(running_postgres())
        config.add_cleanup(stack.close)
    return config.stash[_SHARED]
