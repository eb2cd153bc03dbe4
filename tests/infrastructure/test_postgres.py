"""The tests' own PostgreSQL."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.support import postgres as support
from tests.support.postgres import Postgres
from tests.support.simulators import ROOT

GONE_TIMEOUT_S = 30

START_AND_WAIT = """
import time
from tests.support.postgres import running_postgres
with running_postgres() as server:
    print(server.folder, server.process.pid, flush=True)
    time.sleep(600)
"""


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows that ``statement`` gives; an engine of its own, closed afterwards."""
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def test_it_answers_over_sqlalchemy(postgres: Postgres) -> None:
    assert ask(postgres.create_database(), "SELECT 1") == [(1,)]


def test_each_database_is_fresh(postgres: Postgres) -> None:
    first, second = postgres.create_database(), postgres.create_database()
    ask(first, "CREATE TABLE bookings (id integer)")

    tables = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'bookings'"
    assert ask(first, tables) == [(1,)]
    assert ask(second, tables) == [(0,)]


def test_a_template_is_filled_once_and_copied(postgres: Postgres) -> None:
    filled: list[str] = []

    def fill(url: str) -> None:
        filled.append(url)
        ask(url, "CREATE TABLE pools AS SELECT 'standalone' AS name")

    copies = [
        postgres.create_database(template=postgres.create_template("filled_once", fill)) for _ in range(2)
    ]

    assert len(filled) == 1
    assert [ask(copy, "SELECT name FROM pools") for copy in copies] == [[("standalone",)]] * 2


def test_a_template_that_could_not_be_filled_is_not_kept(postgres: Postgres) -> None:
    with pytest.raises(ZeroDivisionError):
        postgres.create_template("half_filled", lambda _url: 1 / 0)
    assert not postgres.has_database("half_filled")


def test_a_name_in_use_is_refused_until_it_is_dropped(postgres: Postgres) -> None:
    postgres.create_database("taken")
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        postgres.create_database("taken")
    postgres.drop_database("taken")
    assert ask(postgres.create_database("taken"), "SELECT 1") == [(1,)]


def test_it_wants_the_password(postgres: Postgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres.url("postgres").replace("+psycopg", "").replace(postgres.password, "wrong"))


def test_nothing_of_it_is_left_when_its_tests_are_killed() -> None:
    tests = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with tests:
        assert tests.stdout is not None
        folder, pid = tests.stdout.readline().split()
        assert Path(folder).is_dir() and psutil.pid_exists(int(pid))
        tests.send_signal(signal.SIGKILL)

    deadline = time.monotonic() + GONE_TIMEOUT_S
    while Path(folder).exists() or is_alive(int(pid)):
        assert time.monotonic() < deadline, f"{folder} or process {pid} is still there"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that merely waits to be reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_machine_without_it_is_told_which_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(support, "PACKAGED", tmp_path)
    with pytest.raises(RuntimeError, match="install the package 'postgresql'"):
        support.binaries()
