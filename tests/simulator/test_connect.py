"""Connecting and querying with unmodified clients: both ODBC drivers, pymssql and SQLAlchemy."""

from __future__ import annotations

import socket
import threading
import urllib.parse
from typing import Any

import pymssql
import pyodbc
import pytest
import sqlalchemy

from tests.support.simulators import SA_PASSWORD, Instance, Simulator, connect, connection_string


def test_a_connection_knows_the_product_and_its_version(
    connection: pyodbc.Connection, instance: Instance
) -> None:
    assert connection.getinfo(pyodbc.SQL_DBMS_NAME) == "Microsoft SQL Server"
    major, minor, build = connection.getinfo(pyodbc.SQL_DBMS_VER).split(".")[:3]
    assert [int(major), int(minor), int(build)] == [int(x) for x in instance.version.split(".")[:3]]


def test_it_starts_in_the_database_that_was_asked_for(instance: Instance, driver: str) -> None:
    connection = connect(instance, driver=driver, database="tempdb")
    assert connection.execute("SELECT DB_NAME()").fetchval() == "tempdb"


def test_without_a_database_it_starts_in_the_logins_default(instance: Instance, driver: str) -> None:
    assert connect(instance, driver=driver, database=None).execute("SELECT DB_NAME()").fetchval() == "master"


@pytest.mark.parametrize(
    ("wrong", "number"),
    [({"password": "wrong"}, 18456), ({"user": "nobody"}, 18456), ({"user": "it's \u00fc"}, 18456)],
)
def test_a_wrong_login_is_refused(
    instance: Instance, driver: str, wrong: dict[str, str], number: int
) -> None:
    with pytest.raises(pyodbc.Error, match=rf"Login failed for user .*\({number}\)"):
        connect(instance, driver=driver, **wrong)


def test_an_unknown_database_is_refused(instance: Instance) -> None:
    with pytest.raises(
        pyodbc.Error, match=r'Cannot open database "no\]such" requested by the login.*\(4060\)'
    ):
        connect(instance, database="no]such")


def test_freetds_reports_the_last_error_of_an_unknown_database(instance: Instance) -> None:
    with pytest.raises(pyodbc.Error, match=r"Login failed for user 'sa'.*\(18456\)"):
        connect(instance, driver="freetds", database="nothing")


def test_windows_authentication_is_refused_as_by_a_server_outside_the_domain(instance: Instance) -> None:
    string = connection_string(instance, driver="msodbcsql18").replace("UID=sa;", "")
    with pytest.raises(pyodbc.Error):
        pyodbc.connect(f"{string};Trusted_Connection=yes", timeout=5)


def test_a_password_may_hold_any_character(simulator: Simulator, instance: Instance, driver: str) -> None:
    password = "a;b=c'd\u00fc\u20ac[]{x1A" + ("}" if driver == "msodbcsql18" else "")  # FreeTDS cuts at }
    admin = connect(instance, driver=driver)
    admin.execute(f"CREATE LOGIN [odd_{driver}] WITH PASSWORD = N'{password.replace(chr(39), chr(39) * 2)}'")
    connection = connect(instance, driver=driver, user=f"odd_{driver}", password=password)
    assert connection.execute("SELECT SUSER_SNAME()").fetchval() == f"odd_{driver}"
    connection.close()
    admin.execute(f"DROP LOGIN [odd_{driver}]")


def test_a_large_result_travels_in_many_packets(connection: pyodbc.Connection) -> None:
    text = "SELECT REPLICATE(CONVERT(nvarchar(max), N'\u00fc'), 300000) AS a"
    assert connection.execute(text).fetchval() == "\u00fc" * 300000


def test_a_large_statement_travels_in_many_packets(connection: pyodbc.Connection) -> None:
    value = "x" * 100_000
    assert connection.execute(f"SELECT DATALENGTH('{value}')").fetchval() == len(value)


def test_results_follow_each_other(connection: pyodbc.Connection) -> None:
    cursor = connection.execute("SELECT 1; PRINT N'between'; SELECT 2 UNION ALL SELECT 3")
    assert [tuple(row) for row in cursor.fetchall()] == [(1,)]
    assert cursor.nextset()
    while cursor.description is None:
        assert cursor.nextset()
    assert [row[0] for row in cursor.fetchall()] == [2, 3]
    assert not cursor.nextset()


def test_a_row_count_is_a_result_unless_nocount_is_on(connection: pyodbc.Connection) -> None:
    text = "CREATE TABLE #t (a int); INSERT INTO #t VALUES (1), (2); SELECT COUNT(*) FROM #t; DROP TABLE #t"
    cursor = connection.execute(text)
    assert (cursor.rowcount, cursor.description) == (2, None)
    assert cursor.nextset()
    assert cursor.fetchval() == 2
    cursor.close()
    assert connection.execute(f"SET NOCOUNT ON; {text}").fetchval() == 2


def test_messages_reach_the_client(connection: pyodbc.Connection) -> None:
    cursor = connection.execute("PRINT N'Hello \u20ac'")
    assert "Hello \u20ac" in cursor.messages[0][1]


def test_a_statement_is_prepared_once_and_run_with_many_values(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    values: list[Any] = [1, 2**40, "\u00fc\u20ac", 2.5, b"\x01\x02", True]
    assert [cursor.execute("SELECT ? AS a", value).fetchval() for value in values] == values


def test_rows_are_inserted_in_bulk_by_microsofts_driver(instance: Instance) -> None:
    connection = connect(instance)
    connection.execute("CREATE TABLE #t (a int, b nvarchar(20))")
    cursor = connection.cursor()
    cursor.fast_executemany = True
    cursor.executemany("INSERT INTO #t (a, b) VALUES (?, ?)", [(n, f"row {n}") for n in range(200)])
    assert connection.execute("SELECT COUNT(*) FROM #t").fetchval() == 200


def test_rows_are_inserted_one_by_one(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int)")
    connection.cursor().executemany("INSERT INTO #t (a) VALUES (?)", [(n,) for n in range(5)])
    assert connection.execute("SELECT COUNT(*) FROM #t").fetchval() == 5


def test_a_cursor_may_be_closed_before_its_end(connection: pyodbc.Connection) -> None:
    numbers = (
        "SELECT a.name FROM sys.databases AS a CROSS JOIN sys.databases AS b CROSS JOIN sys.databases AS c"
    )
    cursor = connection.execute(numbers)
    cursor.fetchone()
    cursor.close()
    assert connection.execute("SELECT 1").fetchval() == 1


def test_a_running_statement_is_canceled(connection: pyodbc.Connection) -> None:
    cursor = connection.cursor()
    timer = threading.Timer(0.1, cursor.cancel)
    timer.start()
    with pytest.raises(pyodbc.Error, match="HY008"):
        cursor.execute("WAITFOR DELAY '00:01:00'")
    timer.join()
    assert connection.execute("SELECT 1").fetchval() == 1


def test_a_killed_session_hears_why(instance: Instance, driver: str) -> None:
    victim, killer = connect(instance, driver=driver), connect(instance, driver=driver)
    spid = victim.execute("SELECT @@SPID").fetchval()
    timer = threading.Timer(0.1, killer.execute, [f"KILL {spid}"])
    timer.start()
    with pytest.raises(pyodbc.Error, match="596"):
        victim.execute("WAITFOR DELAY '00:01:00'")
    timer.join()
    with pytest.raises(pyodbc.Error):
        victim.execute("SELECT 1")


def test_an_idle_session_that_is_killed_loses_its_connection(instance: Instance, driver: str) -> None:
    victim, killer = connect(instance, driver=driver), connect(instance, driver=driver)
    killer.execute(f"KILL {victim.execute('SELECT @@SPID').fetchval()}")
    with pytest.raises(pyodbc.Error):
        victim.execute("SELECT 1")


def test_a_transaction_is_kept_by_commit_and_undone_by_rollback(instance: Instance, driver: str) -> None:
    connection = connect(instance, driver=driver, autocommit=False, database="tempdb")
    connection.execute("CREATE TABLE #t (a int)")
    connection.commit()
    connection.execute("INSERT INTO #t VALUES (1)")
    connection.commit()
    connection.execute("INSERT INTO #t VALUES (2)")
    connection.rollback()
    assert [row[0] for row in connection.execute("SELECT a FROM #t").fetchall()] == [1]


def test_a_database_is_not_created_inside_a_transaction(instance: Instance, driver: str) -> None:
    connection = connect(instance, driver=driver, autocommit=False)
    with pytest.raises(pyodbc.Error, match="226"):
        connection.execute("CREATE DATABASE [never]")


def test_an_unknown_statement_is_refused_aloud(connection: pyodbc.Connection) -> None:
    with pytest.raises(pyodbc.Error, match="does not know this T-SQL"):
        connection.execute("CREATE EVENT SESSION [x] ON SERVER")
    assert connection.execute("SELECT 1").fetchval() == 1


def test_both_instances_answer_for_themselves(simulator: Simulator, driver: str) -> None:
    names = [
        connect(instance, driver=driver).execute("SELECT @@SERVERNAME").fetchval()
        for instance in simulator.instances.values()
    ]
    assert names == ["sql01", "sql02"]


def test_pymssql_connects_queries_and_hears_errors(instance: Instance) -> None:
    with (
        pymssql.connect(
            server=instance.host, port=str(instance.port), user="sa", password=SA_PASSWORD, database="tempdb"
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT DB_NAME(), %s", ("\u00fc",))
        assert cursor.fetchall() == [("tempdb", "\u00fc")]
        cursor.execute("CREATE TABLE #t (a int); INSERT INTO #t VALUES (%d)", (1,))
        connection.commit()
        cursor.execute("SELECT a FROM #t")
        assert cursor.fetchone() == (1,)
        with pytest.raises(pymssql.ProgrammingError, match="208"):
            cursor.execute("SELECT * FROM no_such_table")


def test_sqlalchemy_connects_and_reads_and_writes(instance: Instance, driver: str) -> None:
    string = urllib.parse.quote_plus(connection_string(instance, driver=driver, database="tempdb"))
    engine = sqlalchemy.create_engine(f"mssql+pyodbc:///?odbc_connect={string}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE #t (id int, name nvarchar(20))"))
        connection.execute(sqlalchemy.text("INSERT INTO #t VALUES (:id, :name)"), {"id": 1, "name": "\u00fc"})
        rows = connection.execute(sqlalchemy.text("SELECT id, name FROM #t")).all()
    engine.dispose()
    assert rows == [(1, "\u00fc")]


def test_sqlalchemy_runs_in_autocommit(instance: Instance, driver: str) -> None:
    string = urllib.parse.quote_plus(connection_string(instance, driver=driver))
    engine = sqlalchemy.create_engine(f"mssql+pyodbc:///?odbc_connect={string}", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT @@TRANCOUNT")) == 0
    engine.dispose()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x12\x01\x00\x04",
        b"\x12\x01\x00\x09\x00\x00\x00\x00\x00",
        b"\x16\x03\x01",
        b"",
    ],
)
def test_a_client_that_does_not_speak_tds_disturbs_nobody(instance: Instance, data: bytes) -> None:
    with socket.create_connection((instance.host, instance.port), timeout=5) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        try:
            while client.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert connect(instance).execute("SELECT 1").fetchval() == 1


def test_a_client_that_resets_its_connection_leaves_no_session(
    simulator: Simulator, instance: Instance
) -> None:
    connection = connect(instance, app="leaves")
    spid = connection.execute("SELECT @@SPID").fetchval()
    assert spid in {session["spid"] for session in simulator.control.sessions("sql01")}
    connection.close()
    connect(instance).execute("SELECT 1")  # a round trip later the server has seen the end
    assert "leaves" not in {session["app_name"] for session in simulator.control.sessions("sql01")}


def test_sqlalchemy_reads_back_the_tables_that_it_made(instance: Instance, driver: str) -> None:
    string = urllib.parse.quote_plus(connection_string(instance, driver=driver, database="tempdb"))
    engine = sqlalchemy.create_engine(f"mssql+pyodbc:///?odbc_connect={string}")
    made = sqlalchemy.MetaData()
    parent, child = f"parent_{driver}", f"child_{driver}"
    sqlalchemy.Table(parent, made, sqlalchemy.Column("id", sqlalchemy.Integer, primary_key=True))
    column = sqlalchemy.Column("parent_id", sqlalchemy.ForeignKey(f"{parent}.id", name=f"fk_{driver}"))
    sqlalchemy.Table(child, made, column)
    made.create_all(engine)
    try:
        found = sqlalchemy.MetaData()
        found.reflect(engine, only=[parent, child])
        assert [key.target_fullname for key in found.tables[child].foreign_keys] == [f"{parent}.id"]
    finally:
        made.drop_all(engine)
        engine.dispose()
