"""Parameters and prepared statements as the drivers send them, and the procedures behind them."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pymssql
import pyodbc
import pytest

from tests.support.simulators import SA_PASSWORD, Instance

VALUES: list[Any] = [
    None, 1, -5, 2**40, True, 1.5, Decimal("12.345"), "text", "é€𝄞", "", "x" * 5000, b"\x00\x01", b"y" * 9000,
    datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 120000),
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:30])
def test_a_parameter_comes_back_as_it_went(connection: pyodbc.Connection, value: Any) -> None:
    row = connection.execute("SELECT ? AS v, 1 AS n", value).fetchone()
    assert row.v == value
    assert row.n == 1


def test_a_uuid_parameter(connection: pyodbc.Connection) -> None:
    value = uuid.uuid4()
    assert connection.execute("SELECT CAST(? AS uniqueidentifier)", value).fetchval() == str(value).upper()


def test_the_same_statement_again_and_again(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    for number in range(5):
        assert cursor.execute("SELECT ? + 1", number).fetchval() == number + 1


def test_an_error_in_a_prepared_text(connection: pyodbc.Connection) -> None:
    with pytest.raises(pyodbc.Error, match="nowhere"):
        connection.execute("SELECT * FROM nowhere WHERE a = ?", 1)
    with pytest.raises(pyodbc.Error, match=r"Incorrect syntax|8180"):
        connection.execute("SELECT ? ? FROM", 1, 2)
    assert connection.execute("SELECT ?", 3).fetchval() == 3


def test_executemany(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #many (a int, b nvarchar(10))")
    cursor = connection.cursor()
    cursor.executemany("INSERT #many VALUES (?, ?)", [(n, f"n{n}") for n in range(20)])
    assert connection.execute("SELECT COUNT(DISTINCT b), SUM(a) FROM #many").fetchone()[1] == 190


def test_fast_executemany_with_microsofts_driver(connection: pyodbc.Connection, driver: str) -> None:
    if driver == "freetds":
        return  # FreeTDS's ODBC driver crashes in fast_executemany, on any server
    connection.execute("CREATE TABLE #fast (a int, b nvarchar(10), c decimal(9, 2), d datetime2)")
    cursor = connection.cursor()
    cursor.fast_executemany = True
    moment = datetime.datetime(2024, 1, 2)
    rows = [(n, None if n % 2 else f"n{n}", Decimal(n) / 4, moment) for n in range(200)]
    cursor.executemany("INSERT #fast VALUES (?, ?, ?, ?)", rows)
    assert [tuple(row) for row in connection.execute("SELECT * FROM #fast ORDER BY a")] == rows


def test_prepared_statements_in_tsql(connection: pyodbc.Connection) -> None:
    cursor = connection.execute(
        "SET NOCOUNT ON; DECLARE @h int; EXEC sp_prepare @h OUTPUT, N'@a int', N'SELECT @a * 2';"
        " EXEC sp_execute @h, 21; EXEC sp_unprepare @h"
    )
    assert cursor.fetchall()[0][0] == 42
    cursor.close()
    with pytest.raises(pyodbc.Error, match=r"\(8179\)"):
        connection.execute("EXEC sp_execute 99999, 1")
    with pytest.raises(pyodbc.Error, match=r"\(156\)|\(8180\)"):
        connection.execute("DECLARE @h int; EXEC sp_prepare @h OUTPUT, N'', N'SELECT FROM'")


def test_the_drivers_catalog_functions(connection: pyodbc.Connection) -> None:
    connection.execute("DROP TABLE IF EXISTS tempdb.dbo.shown")
    connection.execute("USE tempdb")
    connection.execute(
        "CREATE TABLE shown (id int IDENTITY PRIMARY KEY, name nvarchar(30) NOT NULL, n decimal(9, 2))"
    )
    cursor = connection.cursor()
    assert [row.table_name for row in cursor.tables(table="shown")] == ["shown"]
    columns = cursor.columns(table="shown").fetchall()
    assert [(c.column_name, c.nullable) for c in columns] == [("id", 0), ("name", 0), ("n", 1)]
    assert [row.column_name for row in cursor.primaryKeys("shown")] == ["id"]
    assert "nvarchar" in [row.type_name for row in cursor.getTypeInfo(-9)]
    connection.execute("DROP TABLE shown")


def test_pymssql_connects_queries_and_commits(instance: Instance) -> None:
    with pymssql.connect(
        server=instance.host, port=str(instance.port), user="sa", password=SA_PASSWORD, database="tempdb"
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE #p (a int, b nvarchar(10))")
        cursor.executemany("INSERT #p VALUES (%d, %s)", [(1, "é"), (2, None)])
        connection.commit()
        cursor.execute("SELECT a, b FROM #p ORDER BY a")
        assert cursor.fetchall() == [(1, "é"), (2, None)]
        with pytest.raises(pymssql.Error, match="208"):
            cursor.execute("SELECT * FROM nowhere")
