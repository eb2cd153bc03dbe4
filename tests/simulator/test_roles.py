# ruff: noqa: E501 - one statement per line reads best
"""Users, database roles, server roles and schemas."""

from __future__ import annotations

from collections.abc import Iterator

import pyodbc
import pytest

from tests.simulator.asking import fresh, refusal, rows, run, value
from tests.support.simulators import Instance, connect

SECRET = "Str0ng-Secret!"


@pytest.fixture
def inside(connection: pyodbc.Connection) -> Iterator[pyodbc.Connection]:
    """A connection inside a database of its own, with a login of the database's name."""
    name = fresh()
    run(
        connection,
        f"CREATE DATABASE [{name}]",
        f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'",
        f"USE [{name}]",
    )
    yield connection
    run(connection, "USE master", f"DROP DATABASE [{name}]", f"DROP LOGIN [{name}]")


def test_a_user_maps_a_login_once(inside: pyodbc.Connection) -> None:
    login = value(inside, "SELECT DB_NAME()")
    run(inside, f"CREATE USER [u] FOR LOGIN [{login}]")
    assert refusal(inside, "CREATE USER [U] WITHOUT LOGIN") == 15023
    assert refusal(inside, f"CREATE USER [v] FOR LOGIN [{login}]") == 15063
    assert refusal(inside, "CREATE USER [nobody]") == 15007
    assert refusal(inside, "CREATE USER [x] FOR LOGIN sa") == 15405
    assert refusal(inside, f"CREATE USER [x] WITH PASSWORD = N'{SECRET}'") == 33233
    query = "SELECT type, authentication_type_desc, default_schema_name FROM sys.database_principals WHERE name = 'u'"
    assert rows(inside, query) == [("S", "INSTANCE", "dbo")]
    assert value(inside, "SELECT SUSER_SNAME(sid) FROM sys.database_principals WHERE name = 'u'") == login


def test_an_orphan_is_seen_and_repaired(inside: pyodbc.Connection) -> None:
    login = fresh("login")
    run(inside, f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'", f"CREATE USER [u] FOR LOGIN [{login}]")
    orphans = """SELECT name FROM sys.database_principals p WHERE type = 'S' AND authentication_type = 1
        AND principal_id > 4 AND NOT EXISTS (SELECT 1 FROM sys.server_principals s WHERE s.sid = p.sid)"""
    assert rows(inside, orphans) == []
    run(inside, f"DROP LOGIN [{login}]", f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'")
    assert rows(inside, orphans) == [("u",)]
    run(inside, f"ALTER USER [u] WITH LOGIN = [{login}]")
    assert rows(inside, orphans) == []
    run(inside, "DROP USER [u]", f"DROP LOGIN [{login}]")


def test_role_membership(inside: pyodbc.Connection) -> None:
    run(inside, "CREATE USER [u] WITHOUT LOGIN", "ALTER ROLE [db_datareader] ADD MEMBER [u]")
    run(inside, "ALTER ROLE db_datareader ADD MEMBER u")  # again: harmless
    assert value(inside, "SELECT IS_ROLEMEMBER('db_datareader', 'u')") == 1
    run(inside, "CREATE ROLE [mine]", "EXEC sp_addrolemember 'mine', 'u'")
    members = """SELECT r.name FROM sys.database_role_members m
        JOIN sys.database_principals r ON r.principal_id = m.role_principal_id
        JOIN sys.database_principals u ON u.principal_id = m.member_principal_id
        WHERE u.name = 'u' ORDER BY r.name"""
    assert rows(inside, members) == [("db_datareader",), ("mine",)]
    assert refusal(inside, "DROP ROLE mine") == 15144
    assert refusal(inside, "ALTER ROLE nowhere ADD MEMBER u") == 15151
    assert refusal(inside, "ALTER ROLE mine ADD MEMBER nobody") == 15151
    assert refusal(inside, "ALTER ROLE mine ADD MEMBER mine") == 15413
    assert refusal(inside, "ALTER ROLE mine ADD MEMBER dbo") == 15405
    assert refusal(inside, "DROP ROLE db_owner") == 15150
    run(inside, "ALTER ROLE mine DROP MEMBER u", "DROP ROLE mine", "DROP ROLE IF EXISTS mine")
    assert refusal(inside, "ALTER ROLE db_datareader DROP MEMBER dbo") == 15151


def test_what_keeps_a_user_from_being_dropped(inside: pyodbc.Connection) -> None:
    run(inside, "CREATE USER [u] WITHOUT LOGIN", "CREATE SCHEMA [s] AUTHORIZATION [u]")
    assert refusal(inside, "DROP USER [u]") == 15138
    run(inside, "DROP SCHEMA [s]", "CREATE ROLE r AUTHORIZATION [u]")
    assert refusal(inside, "DROP USER [u]") == 15421
    run(inside, "ALTER AUTHORIZATION ON ROLE::r TO dbo", "DROP USER [u]", "DROP USER IF EXISTS [u]")
    assert refusal(inside, "DROP USER [u]") == 15151
    assert refusal(inside, "DROP USER dbo") == 15150


def test_a_user_that_owns_a_certificate_stays_until_it_has_another_owner(inside: pyodbc.Connection) -> None:
    subject = "ENCRYPTION BY PASSWORD = 'Secret-1' WITH SUBJECT = 's'"
    create = f"CREATE CERTIFICATE c AUTHORIZATION [holder] {subject}"
    assert refusal(inside, create) == 15151
    run(inside, "CREATE USER [holder] WITHOUT LOGIN", create)
    assert refusal(inside, create) == 15232
    assert refusal(inside, "DROP USER [holder]") == 15138
    owner = "SELECT USER_NAME(principal_id) FROM sys.certificates WHERE name = 'c'"
    assert value(inside, owner) == "holder"
    run(inside, "BEGIN TRAN", "ALTER AUTHORIZATION ON CERTIFICATE::c TO dbo", "ROLLBACK")
    assert value(inside, owner) == "holder"
    assert refusal(inside, "ALTER AUTHORIZATION ON CERTIFICATE::nowhere TO dbo") == 15151
    run(inside, "ALTER AUTHORIZATION ON CERTIFICATE::c TO dbo", "DROP USER [holder]", "DROP CERTIFICATE c")
    assert refusal(inside, "DROP CERTIFICATE c") == 15151
    assert refusal(inside, "CREATE ROUTE r WITH ADDRESS = 'LOCAL', LIFETIME = 10") == 59999


def test_server_roles(connection: pyodbc.Connection) -> None:
    role, login = fresh("role"), fresh("login")
    run(
        connection,
        f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'",
        f"CREATE SERVER ROLE [{role}]",
        f"ALTER SERVER ROLE [{role}] ADD MEMBER [{login}]",
        f"ALTER SERVER ROLE dbcreator ADD MEMBER [{role}]",
    )
    query = f"SELECT IS_SRVROLEMEMBER('{role}', '{login}'), IS_SRVROLEMEMBER('dbcreator', '{login}')"
    assert rows(connection, query) == [(1, 1)]
    assert value(connection, "SELECT IS_SRVROLEMEMBER('nowhere')") is None
    assert refusal(connection, f"DROP SERVER ROLE [{role}]") == 15144
    assert refusal(connection, f"ALTER SERVER ROLE [public] ADD MEMBER [{login}]") == 15081
    assert refusal(connection, "DROP SERVER ROLE sysadmin") == 15150
    run(connection, f"ALTER SERVER ROLE [{role}] DROP MEMBER [{login}]", f"DROP SERVER ROLE [{role}]")


def test_an_owner_of_a_server_role_is_not_dropped(connection: pyodbc.Connection) -> None:
    role, login = fresh("role"), fresh("login")
    run(
        connection,
        f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'",
        f"CREATE SERVER ROLE [{role}] AUTHORIZATION [{login}]",
    )
    with pytest.raises(
        pyodbc.Error, match=r"owns one or more server role\(s\) and cannot be dropped\. \(15141\)"
    ):
        run(connection, f"DROP LOGIN [{login}]")
    run(connection, f"DROP SERVER ROLE [{role}]", f"DROP LOGIN [{login}]")


def test_a_contained_user_logs_in_by_itself(instance: Instance, driver: str) -> None:
    name = fresh()
    with connect(instance, driver=driver) as admin:
        run(
            admin,
            "EXEC sp_configure 'contained database authentication', 1",
            "RECONFIGURE",
            f"CREATE DATABASE [{name}] CONTAINMENT = PARTIAL",
            f"USE [{name}]",
            f"CREATE USER [alone] WITH PASSWORD = N'{SECRET}'",
        )
        with connect(instance, driver=driver, user="alone", password=SECRET, database=name) as theirs:
            assert rows(theirs, "SELECT USER_NAME(), DB_NAME()") == [("alone", name)]
            assert refusal(theirs, "USE msdb") == 916
        run(admin, "EXEC sp_configure 'contained database authentication', 0", "RECONFIGURE")
