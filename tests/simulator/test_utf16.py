"""Lengths count UTF-16 code units, as nvarchar does, and no name or message carries half a character."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyodbc
import pytest

from simulator.utf16 import characters, cut, readable, units
from tests.simulator.asking import fresh, refusal, run, value
from tests.support.simulators import Instance, Simulator, connect, running_simulator

ELEPHANT = "\U0001f418"
HALF = "\ud83d"


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (f"N'a{ELEPHANT}'", f"a{ELEPHANT}"),
        (f"LEN(N'a{ELEPHANT}')", 3),
        (f"DATALENGTH(N'a{ELEPHANT}')", 6),
        (f"UNICODE(N'{ELEPHANT}')", 0xD83D),
        (f"SUBSTRING(N'a{ELEPHANT}b', 2, 2)", ELEPHANT),
        (f"LEFT(N'{ELEPHANT}b', 2)", ELEPHANT),
        (f"RIGHT(N'a{ELEPHANT}b', 3)", f"{ELEPHANT}b"),
        (f"STUFF(N'a{ELEPHANT}b', 4, 1, N'c')", f"a{ELEPHANT}c"),
        (f"CHARINDEX(N'b', N'a{ELEPHANT}b')", 4),
        (f"PATINDEX(N'%b%', N'a{ELEPHANT}b')", 4),
        (f"REPLICATE(N'{ELEPHANT}', 3)", ELEPHANT * 3),
        (f"LEN(REVERSE(N'{ELEPHANT}a'))", 3),
        (f"LEN(REPLICATE(N'{ELEPHANT}', 3000))", 4000),
        (f"CASE WHEN N'{ELEPHANT}' LIKE N'__' THEN 1 ELSE 0 END", 1),
        (f"NCHAR(55357) + NCHAR(56344) + N'{ELEPHANT}'", ELEPHANT * 2),
        (f"CONVERT(varbinary(8), N'{ELEPHANT}')", bytes.fromhex("3dd818dc")),
        ("CONVERT(nvarchar(8), 0x3dd818dc)", ELEPHANT),
        (f"CONVERT(varchar(8), N'{ELEPHANT}')", "??"),
        (f"QUOTENAME(N'{ELEPHANT}')", f"[{ELEPHANT}]"),
        (f"CAST(N'<a>{ELEPHANT}</a>' AS xml).value('(/a)[1]', 'nvarchar(9)')", ELEPHANT),
    ],
)
def test_a_character_beyond_ffff_counts_twice(
    connection: pyodbc.Connection, expression: str, found: Any
) -> None:
    assert value(connection, f"SELECT {expression}") == found


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (f"LEN(N'a{ELEPHANT}')", 2),
        (f"SUBSTRING(N'a{ELEPHANT}b', 2, 1)", ELEPHANT),
        (f"LEFT(N'{ELEPHANT}b', 1)", ELEPHANT),
        (f"REVERSE(N'a{ELEPHANT}')", f"{ELEPHANT}a"),
        (f"UNICODE(N'{ELEPHANT}')", 0x1F418),
        (f"CHARINDEX(N'b', N'a{ELEPHANT}b')", 3),
        (f"DATALENGTH(N'{ELEPHANT}')", 4),
    ],
)
def test_functions_count_it_once_under_a_collation_with_supplementary_characters(
    connection: pyodbc.Connection, expression: str, found: Any
) -> None:
    database = fresh()
    run(connection, f"CREATE DATABASE {database} COLLATE Latin1_General_100_CI_AS_SC", f"USE {database}")
    try:
        assert value(connection, f"SELECT {expression}") == found
    finally:
        run(connection, "USE master", f"DROP DATABASE {database}")


def test_a_parameter_and_a_stored_value_come_back_whole(connection: pyodbc.Connection) -> None:
    run(connection, "CREATE TABLE #t (a nvarchar(2), b nvarchar(max))")
    connection.execute("INSERT #t VALUES (?, ?)", ELEPHANT, ELEPHANT * 5000)
    assert tuple(connection.execute("SELECT a, b FROM #t WHERE a = ?", ELEPHANT).fetchone()) == (
        ELEPHANT,
        ELEPHANT * 5000,
    )


def test_a_value_that_is_too_long_by_half_a_character_is_refused(connection: pyodbc.Connection) -> None:
    run(connection, "CREATE TABLE #t (a nvarchar(2))")
    with pytest.raises(pyodbc.Error, match=r"Truncated value: 'a.?'.*2628"):
        connection.execute(f"INSERT #t VALUES (N'a{ELEPHANT}')")


def test_a_name_may_have_64_such_characters_and_no_more(connection: pyodbc.Connection) -> None:
    assert connection.execute(f"SELECT 1 AS [{ELEPHANT * 64}]").description[0][0] == ELEPHANT * 64
    assert refusal(connection, f"SELECT 1 AS [a{ELEPHANT * 64}]") == 103


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (f"SELECT {ELEPHANT}", 102),
        (f"SELECT [{ELEPHANT}]", 207),
        ("DECLARE @half nvarchar(9) = NCHAR(55357); RAISERROR(@half, 16, 1)", 50000),
    ],
)
def test_a_message_is_one_that_clients_can_decode(
    connection: pyodbc.Connection, statement: str, number: int
) -> None:
    assert refusal(connection, statement) == number


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """An instance whose topology has such names."""
    topology: dict[str, Any] = {
        "state": "state",
        "instances": [
            {
                "name": "sql01",
                "logins": [{"name": f"l{ELEPHANT}", "password": f"Secret-{ELEPHANT}-1"}],
                "databases": [{"name": f"d{ELEPHANT}"}],
            }
        ],
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("named")) as simulator:
        yield simulator


def test_names_of_the_topology_can_be_logged_in_with_and_asked_for(named: Simulator, driver: str) -> None:
    instance: Instance = named.instances["sql01"]
    user, password = f"l{ELEPHANT}", f"Secret-{ELEPHANT}-1"
    with connect(instance, driver=driver, user=user, password=password) as connection:
        assert value(connection, "SELECT SUSER_SNAME()") == user
        assert value(connection, "SELECT name FROM sys.databases WHERE database_id > 4") == f"d{ELEPHANT}"
    assert user in {line["login"] for line in named.trace(kinds=("login",))}


def test_control_channel_state_file_and_trace_have_whole_characters(named: Simulator) -> None:
    run(connect(named.instances["sql01"]), f"CREATE DATABASE [new{ELEPHANT}]")
    named.control.set_used(instance="sql01", database=f"new{ELEPHANT}", used_mib=1)
    found = named.control.databases("sql01")
    assert f"new{ELEPHANT}" in {database["name"] for database in found}
    assert named.trace()[-1]["text"] == f"CREATE DATABASE [new{ELEPHANT}]"
    kept = next((named.folder / "state").glob("*.json"))
    assert f"new{ELEPHANT}" in {each["name"] for each in json.loads(kept.read_text())["databases"]}


def test_a_state_file_gives_the_names_back(tmp_path: Path) -> None:
    topology: dict[str, Any] = {"state": str(tmp_path / "state"), "instances": [{"name": "sql01"}]}
    with running_simulator(topology, folder=tmp_path / "first") as simulator:
        run(connect(simulator.instances["sql01"]), f"CREATE DATABASE [{ELEPHANT}]")
    with running_simulator(topology, folder=tmp_path / "second") as simulator:
        found = value(connect(simulator.instances["sql01"]), f"SELECT DB_ID(N'{ELEPHANT}')")
    assert found is not None


def test_units_and_characters_are_each_others_inverse() -> None:
    assert len(units(f"a{ELEPHANT}")) == 3
    assert characters(units(f"a{ELEPHANT}b")) == f"a{ELEPHANT}b"
    assert readable(f"a{HALF}") == "a\ufffd"
    assert cut(units(ELEPHANT * 2), 3) == units(ELEPHANT)
