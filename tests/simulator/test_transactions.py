# ruff: noqa: E501 - T-SQL reads best on one line
"""Transactions: what commits, what is undone, what refuses to run in one."""

from __future__ import annotations

from collections.abc import Iterator

import pyodbc
import pytest

from tests.support.simulators import Instance, connect


@pytest.fixture
def manual(instance: Instance, driver: str) -> Iterator[pyodbc.Connection]:
    """A connection with autocommit off and a temporary table ``#t (a int)``, made outside a transaction."""
    opened = connect(instance, driver=driver)
    opened.execute("CREATE TABLE #t (a int PRIMARY KEY)")
    opened.autocommit = False
    yield opened
    opened.close()


def _count(connection: pyodbc.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM #t").fetchval())


def test_rollback_undoes_inserts_updates_and_deletes(manual: pyodbc.Connection) -> None:
    manual.execute("INSERT #t VALUES (1), (2)")
    manual.commit()
    manual.execute("INSERT #t VALUES (3)")
    manual.execute("UPDATE #t SET a = 10 WHERE a = 1")
    manual.execute("DELETE #t WHERE a = 2")
    manual.rollback()
    assert [row.a for row in manual.execute("SELECT a FROM #t ORDER BY a")] == [1, 2]
    manual.execute("INSERT #t VALUES (3)")
    manual.rollback()
    assert _count(manual) == 2


def test_a_table_made_in_a_transaction_goes_with_it(manual: pyodbc.Connection) -> None:
    manual.execute("CREATE TABLE #gone (a int)")
    manual.rollback()
    assert manual.execute("SELECT OBJECT_ID('tempdb..#gone')").fetchval() is None


def test_server_level_ddl_refuses_to_run_in_a_transaction(manual: pyodbc.Connection) -> None:
    manual.execute("SELECT 1").fetchall()
    with pytest.raises(pyodbc.Error, match=r"CREATE DATABASE statement not allowed .*\(226\)"):
        manual.execute("CREATE DATABASE never")
    manual.rollback()


def test_nested_transactions_end_with_the_outermost(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int)")
    rows = connection.execute(
        "SET NOCOUNT ON; BEGIN TRAN; INSERT #t VALUES (1); BEGIN TRAN; COMMIT; SELECT @@TRANCOUNT AS a, XACT_STATE() AS b"
    ).fetchall()
    assert [tuple(row) for row in rows] == [(1, 1)]
    connection.execute("ROLLBACK")
    assert _count(connection) == 0


def test_savepoints(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int)")
    connection.execute(
        "SET NOCOUNT ON; BEGIN TRAN; INSERT #t VALUES (1); SAVE TRAN here; INSERT #t VALUES (2); ROLLBACK TRAN here; COMMIT"
    )
    assert _count(connection) == 1


def test_xact_abort_rolls_back_and_ends_the_batch(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int PRIMARY KEY)")
    with pytest.raises(pyodbc.Error, match="2627"):
        cursor = connection.execute(
            "SET NOCOUNT ON; SET XACT_ABORT ON; BEGIN TRAN; INSERT #t VALUES (1); INSERT #t VALUES (1); COMMIT"
        )
        while cursor.nextset():
            pass
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 0
    assert _count(connection) == 0


def test_a_doomed_transaction_can_only_be_rolled_back(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int)")
    cursor = connection.execute(
        "SET NOCOUNT ON; BEGIN TRAN; BEGIN TRY INSERT #t VALUES ('x') END TRY"
        " BEGIN CATCH SELECT XACT_STATE(); ROLLBACK END CATCH; SELECT @@TRANCOUNT"
    )
    assert cursor.fetchval() == -1
    assert cursor.nextset()
    assert cursor.fetchval() == 0


def test_a_closed_connection_rolls_back(
    instance: Instance, driver: str, connection: pyodbc.Connection
) -> None:
    connection.execute("DROP TABLE IF EXISTS tempdb.dbo.left_open; CREATE TABLE tempdb.dbo.left_open (a int)")
    other = connect(instance, driver=driver, autocommit=False)
    other.execute("INSERT tempdb.dbo.left_open VALUES (1)")
    other.close()
    assert connection.execute("SELECT COUNT(*) FROM tempdb.dbo.left_open").fetchval() == 0
    connection.execute("DROP TABLE tempdb.dbo.left_open")


def test_implicit_transactions_begin_by_themselves(connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #t (a int)")
    connection.execute("SET IMPLICIT_TRANSACTIONS ON")
    connection.execute("INSERT #t VALUES (1)")
    assert connection.execute("SELECT @@TRANCOUNT").fetchval() == 1
    connection.execute("ROLLBACK; SET IMPLICIT_TRANSACTIONS OFF")
    assert _count(connection) == 0


_ADMINISTRATIVE = {
    "CREATE USER": ("CREATE USER later WITHOUT LOGIN", "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'later'"),
    "DROP USER": ("DROP USER kept", "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'kept'"),
    "CREATE ROLE": ("CREATE ROLE later_r", "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'later_r'"),
    "ALTER ROLE": ("ALTER ROLE db_datareader ADD MEMBER kept", "SELECT COUNT(*) FROM sys.database_role_members"),
    "sp_addrolemember": ("EXEC sp_addrolemember 'db_owner', 'kept'", "SELECT COUNT(*) FROM sys.database_role_members"),
    "CREATE SCHEMA": ("EXEC ('CREATE SCHEMA later_s')", "SELECT COUNT(*) FROM sys.schemas"),
    "GRANT": ("GRANT SELECT TO kept", "SELECT COUNT(*) FROM sys.database_permissions"),
    "DENY": ("DENY CONNECT TO kept", "SELECT MIN(state_desc) FROM sys.database_permissions WHERE USER_NAME(grantee_principal_id) = 'kept'"),
    "ALTER USER": ("ALTER USER kept WITH NAME = renamed", "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'renamed'"),
    "CREATE LOGIN": ("CREATE LOGIN later_l WITH PASSWORD = 'Some-pass-1'", "SELECT COUNT(*) FROM sys.server_principals WHERE name = 'later_l'"),
    "ALTER LOGIN": ("ALTER LOGIN kept_l DISABLE", "SELECT CAST(is_disabled AS int) FROM sys.server_principals WHERE name = 'kept_l'"),
    "ALTER SERVER ROLE": ("ALTER SERVER ROLE dbcreator ADD MEMBER kept_l", "SELECT COUNT(*) FROM sys.server_role_members"),
    "ALTER TABLE": ("ALTER TABLE kept_t ADD b int NULL", "SELECT COUNT(*) FROM sys.columns WHERE object_id = OBJECT_ID('kept_t')"),
}  # fmt: skip


@pytest.mark.parametrize("kind", _ADMINISTRATIVE)
def test_rollback_undoes_administrative_statements_too(kind: str, connection: pyodbc.Connection) -> None:
    change, question = _ADMINISTRATIVE[kind]
    connection.execute("CREATE DATABASE undoing")
    connection.execute("USE undoing")
    try:
        connection.execute("CREATE USER kept WITHOUT LOGIN; CREATE TABLE kept_t (a int)")
        connection.execute("CREATE LOGIN kept_l WITH PASSWORD = 'Some-pass-1'")
        before = connection.execute(question).fetchval()
        connection.execute(f"BEGIN TRAN; {change}")
        within = connection.execute(question).fetchval()
        connection.execute("ROLLBACK")
        assert (within != before, connection.execute(question).fetchval()) == (True, before)
        connection.execute(f"BEGIN TRAN; {change}; COMMIT")
        assert connection.execute(question).fetchval() == within
    finally:
        connection.execute("USE master")
        connection.execute("DROP DATABASE undoing")
        connection.execute("DROP LOGIN kept_l")
        if kind == "CREATE LOGIN":
            connection.execute("DROP LOGIN later_l")


def test_a_rollback_leaves_alone_what_others_did_meanwhile(
    instance: Instance, driver: str, connection: pyodbc.Connection
) -> None:
    with connect(instance, driver=driver) as other:
        connection.execute("BEGIN TRAN; CREATE LOGIN mine WITH PASSWORD = 'Some-pass-1'")
        other.execute("CREATE LOGIN yours WITH PASSWORD = 'Some-pass-1'")
        connection.execute("ROLLBACK")
        names = other.execute("SELECT name FROM sys.sql_logins WHERE name IN ('mine', 'yours')").fetchall()
        other.execute("DROP LOGIN yours")
    assert [row.name for row in names] == ["yours"]
