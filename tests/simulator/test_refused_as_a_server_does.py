"""Statements that a server refuses, and what it answers otherwise than one might think."""

from __future__ import annotations

import pyodbc
import pytest

from simulator.estate.passwords import hash_password, is_hash, same_password
from tests.simulator.asking import fresh, refusal, run, value
from tests.support.simulators import Simulator, connect


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("ALTER LOGIN sa WITH SID = 0x01", 102),
        ("CREATE LOGIN a WITH PASSWORD = 'Secret-1-x', NAME = b", 102),
        ("CREATE LOGIN a WITH PASSWORD = 'Secret-1-x' UNLOCK", 102),
        ("ALTER USER guest WITH SID = 0x01", 102),
        ("SELECT N'a' COLLATE [Latin1_General_CI_AS]", 102),
        ("CREATE DATABASE a COLLATE [Latin1_General_CI_AS]", 102),
        ("CREATE TABLE #t (a nvarchar(9) COLLATE [Latin1_General_CI_AS])", 102),
        ("CREATE TABLE #t (a int NULL PRIMARY KEY)", 8111),
        ("CREATE TABLE #t (a int NULL, PRIMARY KEY (a))", 8111),
        ("CREATE TABLE #t (a int NULL IDENTITY)", 8147),
        ("KILL 5", 6107),
        ("EXEC (N'SELECT ' + NCHAR(49))", 102),
        ("EXEC (N'SELECT ' + (N'1'))", 102),
        ("EXEC (1)", 102),
        ("SET QUERY_GOVERNOR_COST_LIMIT 300", 59999),
        ("SET DATEFORMAT dmy", 59999),
        ("SET SHOWPLAN_ALL ON", 59999),
        ("SET CONTEXT_INFO 0x01", 59999),
        ("SET SHOWPLAN_XML ON", 59999),
        ("SET NO_BROWSETABLE ON", 59999),
        ("SELECT NEXT VALUE FOR dbo.s", 59999),
        ("SET NO_SUCH_OPTION ON", 195),
    ],
)
def test_a_statement_is_refused(connection: pyodbc.Connection, statement: str, number: int) -> None:
    assert refusal(connection, statement) == number


@pytest.mark.parametrize("name", ["SYS.DATABASES", "sys.DATABASES", "information_schema.TABLES"])
def test_case_counts_in_system_names_on_a_case_sensitive_server(simulator: Simulator, name: str) -> None:
    assert refusal(connect(simulator.instances["sql02"]), f"SELECT * FROM {name}") == 208
    assert value(connect(simulator.instances["sql01"]), f"SELECT COUNT(*) FROM {name}") is not None


@pytest.mark.parametrize(
    "statement",
    [
        "SET QUERY_GOVERNOR_COST_LIMIT 0",
        "SET SHOWPLAN_XML OFF",
        "SET NO_BROWSETABLE OFF",
        "SET DATEFORMAT 'ymd'",
        "SET DATEFORMAT mdy",
    ],
)
def test_a_setting_that_changes_nothing_here_is_taken(connection: pyodbc.Connection, statement: str) -> None:
    run(connection, statement)


def test_years_of_two_digits_stand_where_the_session_says(connection: pyodbc.Connection) -> None:
    asked = "SELECT CONVERT(nchar(8), CONVERT(datetime, '{}'), 112)"
    for text, day in (("03/04/05", "20050304"), ("03/04/2026", "20260304"), ("2026-03-04", "20260304")):
        assert value(connection, asked.format(text)) == day
    run(connection, "SET DATEFORMAT ymd")
    assert value(connection, asked.format("03/04/05")) == "20030405"
    assert value(connection, asked.format("03/04/2026")) == "20260304"
    shown = "SELECT date_format FROM sys.dm_exec_sessions WHERE session_id = @@SPID"
    assert value(connection, shown) == "ymd"


def test_descriptions_ignore_case_on_any_server(simulator: Simulator) -> None:
    query = "SELECT COUNT(*) FROM sys.databases WHERE state_desc = 'online'"
    assert value(connect(simulator.instances["sql02"]), query) >= 4


def test_nobody_has_access_to_a_database_that_another_session_has_for_itself(
    connection: pyodbc.Connection, simulator: Simulator
) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE {name}", f"USE {name}", f"ALTER DATABASE {name} SET SINGLE_USER")
    asked = f"SELECT HAS_DBACCESS('{name}')"
    assert value(connection, asked) == 1
    assert value(connect(simulator.instances["sql01"]), asked) == 0
    run(connection, "USE master", f"DROP DATABASE {name}")


def test_a_new_database_has_the_query_store_since_2022(simulator: Simulator) -> None:
    for instance, found in (("sql01", True), ("sql02", False)):
        connection, name = connect(simulator.instances[instance]), fresh()
        run(connection, f"CREATE DATABASE {name}")
        assert (
            value(connection, f"SELECT is_query_store_on FROM sys.databases WHERE name = '{name}'") is found
        )
        run(connection, f"DROP DATABASE {name}")


def test_passwords_are_hashed_by_iterations_since_2025() -> None:
    new, old = hash_password("Secret-1", 17), hash_password("Secret-1", 16)
    assert (new[:2], old[:2], len(new)) == (b"\3\0", b"\2\0", 70)
    assert same_password("Secret-1", new)
    assert same_password("Secret-1", old)
    assert not same_password("other", new)
    assert is_hash(old, 17)
    assert not is_hash(new, 16)
