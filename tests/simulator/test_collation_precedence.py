# ruff: noqa: E501 - one statement per line reads best
"""Which collation text has, and the errors where none can be found: explicit, implicit, coercible-default, no collation."""

from __future__ import annotations

from collections.abc import Iterator

import pyodbc
import pytest

from tests.simulator.asking import refusal, rows, run, value
from tests.support.simulators import Simulator, connect, running_simulator

CI, CS, BIN = "SQL_Latin1_General_CP1_CI_AS", "Latin1_General_CS_AS", "Latin1_General_100_BIN2"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An instance (CI) with the databases ci, cs and bin, and kept: contained, with cs's collation."""
    databases = [{"name": "ci"}, {"name": "cs", "collation": CS}, {"name": "bin", "collation": BIN}]
    instance = {
        "name": "sql01",
        "databases": databases,
        "configuration": {"contained database authentication": 1},
    }
    with running_simulator(
        {"instances": [instance]}, folder=tmp_path_factory.mktemp("collations")
    ) as running:
        with connect(running.instances["sql01"]) as opened:
            run(opened, f"CREATE DATABASE kept CONTAINMENT = PARTIAL COLLATE {CS}")
            for database in ("ci", "cs"):
                run(
                    opened,
                    f"CREATE TABLE {database}.dbo.t (n nvarchar(10), v varchar(10), x nvarchar(10) COLLATE {BIN}, i int)",
                    f"INSERT {database}.dbo.t VALUES (N'a', 'a', N'a', 1), (N'A', 'A', N'A', 2)",
                )
        yield running


@pytest.fixture
def asked(world: Simulator, driver: str) -> Iterator[pyodbc.Connection]:
    opened = connect(world.instances["sql01"], driver=driver)
    try:
        yield opened
    finally:
        opened.close()


NAMES = "SELECT name FROM {0}.sys.database_principals UNION ALL SELECT name FROM {1}.sys.database_principals"


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        # the catalog has its database's collation
        (NAMES.format("ci", "cs"), 451),
        (NAMES.format("cs", "bin"), 451),
        (NAMES.format("cs", "kept"), 451),  # a contained database's catalog has one of its own
        (NAMES.format("master", "cs"), 451),
        ("SELECT name FROM cs.sys.schemas UNION ALL SELECT name FROM sys.databases", 451),
        # columns of tables
        ("SELECT n FROM ci.dbo.t UNION ALL SELECT n FROM cs.dbo.t", 451),
        ("SELECT v FROM ci.dbo.t UNION ALL SELECT v FROM cs.dbo.t", 457),
        ("SELECT n FROM ci.dbo.t UNION ALL SELECT x FROM ci.dbo.t", 451),
        ("SELECT n FROM ci.dbo.t UNION SELECT n FROM cs.dbo.t", 468),
        ("SELECT n FROM ci.dbo.t INTERSECT SELECT n FROM cs.dbo.t", 468),
        ("SELECT n FROM ci.dbo.t EXCEPT SELECT n FROM cs.dbo.t", 468),
        ("SELECT a.n + b.n FROM ci.dbo.t a CROSS JOIN cs.dbo.t b", 451),
        ("SELECT CASE a.i WHEN 1 THEN a.n ELSE b.n END FROM ci.dbo.t a CROSS JOIN cs.dbo.t b", 451),
        ("SELECT COALESCE(a.n, b.n) FROM ci.dbo.t a CROSS JOIN cs.dbo.t b", 451),
        # comparisons
        ("SELECT 1 FROM ci.dbo.t a JOIN cs.dbo.t b ON a.n = b.n", 468),
        ("SELECT 1 FROM ci.dbo.t a JOIN cs.dbo.t b ON LOWER(a.n) = UPPER(b.n)", 468),
        ("SELECT 1 FROM ci.dbo.t a CROSS JOIN cs.dbo.t b WHERE a.n LIKE b.n", 468),
        ("SELECT 1 FROM ci.dbo.t WHERE n IN (SELECT n FROM cs.dbo.t)", 468),
        ("SELECT 1 FROM ci.dbo.t WHERE n > ALL (SELECT n FROM cs.dbo.t)", 468),
        ("SELECT 1 FROM ci.dbo.t a CROSS JOIN cs.dbo.t b WHERE a.n + b.n = N'aa'", 468),
        (f"SELECT 1 WHERE N'a' COLLATE {CS} = N'A' COLLATE {CI}", 468),
        ("SELECT 1 FROM cs.sys.database_principals u JOIN sys.server_principals l ON l.name = u.name", 468),
    ],
)
def test_a_conflict_is_an_error(asked: pyodbc.Connection, statement: str, number: int) -> None:
    assert refusal(asked, statement) == number


def test_the_message_names_both_collations(asked: pyodbc.Connection) -> None:
    with pytest.raises(
        pyodbc.Error, match=f'"{CI}" and "{CS}" in UNION ALL operator occurring in SELECT statement column 2'
    ):
        run(asked, "SELECT 1, n FROM ci.dbo.t UNION ALL SELECT 1, n FROM cs.dbo.t")


@pytest.mark.parametrize(
    "statement",
    [
        NAMES.format("ci", "master"),
        NAMES.replace("name", "name COLLATE DATABASE_DEFAULT").format("ci", "cs"),
        NAMES.replace("name", "name COLLATE DATABASE_DEFAULT").format("cs", "kept"),
        NAMES.replace("SELECT name", f"SELECT name COLLATE {BIN}", 1).format("ci", "cs"),  # explicit wins
        "SELECT n FROM cs.dbo.t UNION ALL SELECT N'x'",  # a constant takes the column's
        "SELECT n FROM cs.dbo.t UNION ALL SELECT NULL",
        "SELECT i FROM ci.dbo.t UNION ALL SELECT i FROM cs.dbo.t",
        "SELECT a.n + N'x' FROM cs.dbo.t a",
        "DECLARE @v nvarchar(10) = N'a'; SELECT 1 FROM cs.dbo.t WHERE n = @v",
        f"SELECT 1 FROM ci.dbo.t a JOIN cs.dbo.t b ON a.n = b.n COLLATE {CI}",
        "SELECT state_desc FROM sys.databases UNION ALL SELECT type_desc FROM cs.sys.database_principals",
        "SELECT 1 FROM cs.sys.database_principals u JOIN sys.server_principals l ON l.sid = u.sid",
    ],
)
def test_where_there_is_no_conflict_there_is_no_error(asked: pyodbc.Connection, statement: str) -> None:
    run(asked, statement)


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("SELECT COUNT(*) FROM ci.dbo.t WHERE n = N'a'", 2),
        (
            "SELECT COUNT(*) FROM cs.dbo.t WHERE n = N'a'",
            1,
        ),  # the column's collation, not the current database's
        ("SELECT COUNT(*) FROM ci.dbo.t WHERE x = N'a'", 1),
        (f"SELECT COUNT(*) FROM cs.dbo.t WHERE n = N'a' COLLATE {CI}", 2),
        ("SELECT COUNT(DISTINCT n) FROM cs.dbo.t", 2),
        ("SELECT COUNT(DISTINCT n) FROM ci.dbo.t", 1),
        ("SELECT COUNT(*) FROM (SELECT n FROM cs.dbo.t GROUP BY n) AS g", 2),
        ("SELECT COUNT(*) FROM cs.sys.schemas WHERE name = N'DBO'", 0),
        ("SELECT COUNT(*) FROM ci.sys.schemas WHERE name = N'DBO'", 1),
        (
            "SELECT COUNT(*) FROM kept.sys.schemas WHERE name = N'DBO'",
            1,
        ),  # the catalog of contained databases
        ("SELECT COUNT(*) FROM sys.databases WHERE name = N'CS' AND state_desc = N'online'", 1),
    ],
)
def test_text_compares_under_its_own_collation(asked: pyodbc.Connection, statement: str, count: int) -> None:
    assert value(asked, statement) == count


def test_a_case_sensitive_database_does_not_change_the_instance_s_views(
    world: Simulator, driver: str
) -> None:
    with connect(world.instances["sql01"], driver=driver, database="cs") as inside:
        assert rows(inside, "SELECT name FROM sys.databases WHERE name = N'CI'") == [("ci",)]
        assert rows(inside, "SELECT name FROM sys.database_principals WHERE name = N'DBO'") == []
