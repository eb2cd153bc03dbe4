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


@pytest.fixture(name="pools", scope="module")
def pools_fixture(postgres: Postgres) -> str:
    """A template with one table that has a row, and one that a foreign key points from without any."""

    def fill(url: str) -> None:
        ask(url, "CREATE TABLE pools (id serial PRIMARY KEY, name text, seal bytea, at timestamptz)")
        ask(url, "CREATE TABLE instances (id serial PRIMARY KEY, pool_id integer REFERENCES pools)")
        ask(url, "INSERT INTO pools VALUES (1, 'it''s 🐘', decode('00ff', 'hex'), '2026-11-30 06:00+01')")

    return postgres.create_template("with_pools", fill)


def lend(postgres: Postgres, template: str, *statements: str) -> str:
    """Have ``statements`` run in a lent database; its URL."""
    with postgres.lent_database(template) as url:
        for statement in statements:
            ask(url, statement)
    return url


def test_a_database_that_is_given_back_serves_again_as_its_template(postgres: Postgres, pools: str) -> None:
    as_made = ask(postgres.url(pools), "SELECT * FROM pools")
    first = lend(
        postgres,
        pools,
        "UPDATE pools SET name = 'changed'",
        "INSERT INTO pools (id, name) VALUES (2, 'of a test')",
        "INSERT INTO instances (pool_id) VALUES (2), (2)",
    )

    with postgres.lent_database(pools) as again:
        assert again == first
        assert ask(again, "SELECT * FROM pools") == as_made
        assert ask(again, "SELECT * FROM instances") == []
        assert ask(again, "INSERT INTO instances (pool_id) VALUES (1) RETURNING id") == [(1,)]


def test_two_tests_at_once_have_a_database_each(postgres: Postgres, pools: str) -> None:
    with postgres.lent_database(pools) as first, postgres.lent_database(pools) as second:
        assert first != second


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE of_a_test (id integer)",
        "DROP TABLE instances",
        "ALTER TABLE pools ADD COLUMN of_a_test integer",
        "ALTER TABLE pools ALTER COLUMN name SET DEFAULT 'of a test'",
        "ALTER TABLE instances DROP CONSTRAINT instances_pool_id_fkey",
        "CREATE INDEX of_a_test ON pools (name)",
    ],
)
def test_a_database_that_has_another_shape_does_not_serve_again(
    postgres: Postgres, pools: str, statement: str
) -> None:
    changed = lend(postgres, pools, statement)
    with postgres.lent_database(pools) as another:
        assert another != changed
    assert not postgres.has_database(changed.rpartition("/")[2])


def test_a_database_that_somebody_still_uses_does_not_serve_again(postgres: Postgres, pools: str) -> None:
    with postgres.lent_database(pools) as left:
        engine = create_engine(left)
        connection = engine.connect()
    connection.invalidate()
    engine.dispose()
    with postgres.lent_database(pools) as another:
        assert another != left


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
