# ruff: noqa: E501 - T-SQL reads best on one line
"""Batches: control flow, variables, options, EXEC, row counts, messages."""

from __future__ import annotations

from typing import Any

import pyodbc
import pytest


def _results(cursor: pyodbc.Cursor) -> list[Any]:
    """Every result in order: rows as a list, a row count as a number."""
    found: list[Any] = []
    while True:
        if cursor.description:
            found.append([tuple(row) for row in cursor.fetchall()])
        elif cursor.rowcount >= 0:
            found.append(cursor.rowcount)
        if not cursor.nextset():
            return found


BATCHES: dict[str, tuple[str, list[Any]]] = {
    "statements end where their grammar ends": ("DECLARE @a int = 1 SET @a += 2 SELECT @a SELECT 'b'", [[(3,)], [("b",)]]),
    "if else with blocks": (
        "IF 1 = 2 BEGIN SELECT 1 END ELSE IF 2 = 2 BEGIN SELECT 2 SELECT 3 END ELSE SELECT 4",
        [[(2,)], [(3,)]],
    ),
    "if with a semicolon before else": ("IF 1 = 2 SELECT 1; ELSE SELECT 2;", [[(2,)]]),
    "while with break and continue": (
        "DECLARE @i int = 0, @s int = 0; WHILE 1 = 1 BEGIN SET @i += 1; IF @i = 2 CONTINUE; IF @i > 4 BREAK;"
        " SET @s += @i END SELECT @s",
        [[(8,)]],
    ),
    "return ends the batch": ("SELECT 1 RETURN SELECT 2", [[(1,)]]),
    "comments nest": ("SELECT /* a /* b */ c */ 1 -- d\n", [[(1,)]]),
    "variables from a query": ("DECLARE @n sysname, @i int; SELECT @n = name, @i = database_id FROM sys.databases WHERE database_id = 2; SELECT @n, @i", [[("tempdb", 2)]]),
    "a variable adds up over rows": ("DECLARE @s nvarchar(100) = ''; SELECT @s += a FROM (VALUES ('x'),('y')) v(a); SELECT @s", [[("xy",)]]),
    "variables cut what does not fit": ("DECLARE @s varchar(2) = 'abc'; SELECT @s", [[("ab",)]]),
    "dynamic text": ("DECLARE @t nvarchar(max) = N'SELECT 5'; EXEC (@t); EXEC (N'SELECT ' + '6')", [[(5,)], [(6,)]]),
    "dynamic text does not see the variables outside": (
        "DECLARE @a int; BEGIN TRY EXEC ('SELECT @a') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH",
        [[(137,)]],
    ),
    "sp_executesql gives values back": (
        "DECLARE @o int; EXEC sp_executesql N'SET @x = @y * 2', N'@x int OUTPUT, @y int', @x = @o OUTPUT, @y = 4; SELECT @o",
        [[(8,)]],
    ),
    "sp_executesql in another database": ("EXEC [tempdb].sys.sp_executesql N'SELECT DB_NAME()'; SELECT DB_NAME()", [[("tempdb",)], [("master",)]]),
    "EXEC gives the return status": ("DECLARE @r int = 9; EXEC @r = sp_executesql N'SELECT 1'; SELECT @r", [[(1,)], [(0,)]]),
    "USE inside dynamic text ends with it": ("EXEC ('USE tempdb'); SELECT DB_NAME()", [[("master",)]]),
    "a procedure's name without EXEC begins a batch": ("sp_executesql N'SELECT 1'", [[(1,)]]),
    "DDL is followed by a query without a separator": ("CREATE TABLE #ddl (a int) SELECT COUNT(*) FROM #ddl DROP TABLE #ddl SELECT 2", [[(0,)], [(2,)]]),
    "row counts are sent": ("DECLARE @t TABLE (a int); INSERT @t VALUES (1), (2); UPDATE @t SET a = 3; SELECT a FROM @t; DELETE @t WHERE a = 9", [2, 2, [(3,), (3,)], 0]),
    "NOCOUNT hides them": ("SET NOCOUNT ON; DECLARE @t TABLE (a int); INSERT @t VALUES (1); SELECT a FROM @t", [[(1,)]]),
    "DDL, SET and DECLARE send none": ("CREATE TABLE #silent (a int); SET LOCK_TIMEOUT 5; DECLARE @x int; DROP TABLE #silent; SELECT 1", [[(1,)]]),
    "INSERT takes rows from EXEC": ("SET NOCOUNT ON; DECLARE @t TABLE (a int); INSERT @t EXEC ('SELECT 1 UNION ALL SELECT 2'); SELECT SUM(a) FROM @t", [[(3,)]]),
    "WAITFOR DELAY waits": ("DECLARE @t datetime2 = SYSDATETIME(); WAITFOR DELAY '00:00:00.020'; SELECT IIF(DATEDIFF(ms, @t, SYSDATETIME()) >= 19, 1, 0)", [[(1,)]]),
    "try goes on after catch": ("SET NOCOUNT ON; BEGIN TRY DECLARE @x int = 1/0 END TRY BEGIN CATCH PRINT 'c' END CATCH; SELECT ERROR_NUMBER(), 2", [[(None, 2)]]),
    "nested try": ("SET NOCOUNT ON; BEGIN TRY BEGIN TRY THROW 50001, 'a', 1 END TRY BEGIN CATCH THROW 50002, 'b', 1 END CATCH END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH", [[(50002,)]]),
    "SET options of every driver": ("SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, QUOTED_IDENTIFIER, CONCAT_NULL_YIELDS_NULL ON SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED SET XACT_ABORT ON SET TEXTSIZE 2147483647 SELECT @@TEXTSIZE", [[(2147483647,)]]),
    "ROWCOUNT limits queries": ("SET ROWCOUNT 1; SELECT database_id FROM sys.databases ORDER BY 1; SET ROWCOUNT 0", [[(1,)]]),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
def test_batch(connection: pyodbc.Connection, name: str) -> None:
    text, expected = BATCHES[name]
    assert _results(connection.execute(text)) == expected


def test_use_changes_the_database(connection: pyodbc.Connection) -> None:
    connection.execute("USE [tempdb]")
    assert connection.execute("SELECT DB_NAME()").fetchval() == "tempdb"


def test_print_and_low_severities_are_messages(connection: pyodbc.Connection) -> None:
    cursor = connection.execute("PRINT 'hello ' + CAST(5 AS varchar(5))")
    assert "hello 5" in cursor.messages[0][1]
    cursor = connection.execute("RAISERROR('%d of %s', 10, 1, 3, N'four') WITH NOWAIT")
    assert "3 of four" in cursor.messages[0][1]


def test_deeply_nested_text_is_an_error_and_not_a_crash(connection: pyodbc.Connection) -> None:
    for text in ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT " + "1+" * 20000 + "1"):
        with pytest.raises(pyodbc.Error):
            connection.execute(text)
    assert connection.execute("SELECT 1").fetchval() == 1


def test_nested_exec_has_a_limit(connection: pyodbc.Connection) -> None:
    text = "SELECT 1"
    for _ in range(3):
        text = "EXEC (N'" + text.replace("'", "''") + "')"
    assert connection.execute(text).fetchval() == 1
