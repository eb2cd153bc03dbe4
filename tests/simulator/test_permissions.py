# ruff: noqa: E501 - one statement per line reads best
"""Rights are enforced, and what a weak login is told and shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyodbc
import pytest

from tests.simulator.asking import fresh, refusal, refused, rows, run, value
from tests.support.simulators import Instance, Simulator, connect

SECRET = "Str0ng-Secret!"


@contextmanager
def logged_in(instance: Instance, driver: str, *preparation: str) -> Iterator[pyodbc.Connection]:
    """A session of a new login, after statements (``{0}``: the login's name) of sa."""
    name = fresh("login")
    with connect(instance, driver=driver) as admin:
        create = f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'"
        run(admin, create, *(statement.format(name) for statement in preparation))
    with connect(instance, driver=driver, user=name, password=SECRET) as opened:
        yield opened


WEAK = [
    ("CREATE DATABASE anything", 262),
    ("ALTER DATABASE model SET RECOVERY SIMPLE", 5011),
    ("ALTER DATABASE nowhere SET ONLINE", 5011),
    ("DROP DATABASE msdb", 3708),
    ("CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!'", 15247),
    ("ALTER LOGIN sa DISABLE", 15151),
    ("DROP LOGIN sa", 15151),
    ("ALTER SERVER ROLE sysadmin ADD MEMBER [public]", 15151),
    ("CREATE SERVER ROLE x", 15247),
    ("GRANT VIEW SERVER STATE TO public", 4613),
    ("KILL 51", 6102),
    ("EXEC sp_configure 'nested triggers', 0", 15247),
    ("RECONFIGURE", 5812),
    ("BACKUP DATABASE master TO DISK = 'NUL'", 262),
    ("CREATE USER x WITHOUT LOGIN", 15247),
    ("USE model", 916),
    ("SELECT * FROM sys.dm_os_sys_info", 300),
    ("SELECT * FROM sys.dm_os_performance_counters", 300),
]


def test_a_login_without_rights_is_refused_everywhere(instance: Instance, driver: str) -> None:
    with logged_in(instance, driver) as weak:
        for statement, number in WEAK:
            assert refused(weak, statement, number), statement


def test_a_weak_login_sees_fewer_rows_not_an_error(instance: Instance, driver: str) -> None:
    with logged_in(instance, driver) as weak, connect(instance, driver=driver) as admin:
        assert rows(weak, "SELECT * FROM sys.master_files") == []
        name = value(weak, "SELECT SUSER_NAME()")
        assert set(rows(weak, "SELECT name FROM sys.sql_logins")) == {("sa",), (name,)}
        assert value(weak, "SELECT password_hash FROM sys.sql_logins WHERE name = SUSER_NAME()") is None
        assert value(weak, "SELECT COUNT(*) FROM sys.dm_exec_sessions") == 1
        everything = "SELECT COUNT(*) FROM sys.databases"
        assert value(weak, everything) == value(admin, everything)
        run(admin, f"DENY VIEW ANY DATABASE TO [{name}]")
        assert rows(weak, "SELECT name FROM sys.databases ORDER BY name") == [("master",), ("tempdb",)]


GRANTED = [
    ("GRANT VIEW SERVER STATE TO [{0}]", "SELECT COUNT(*) FROM sys.dm_os_sys_info"),
    ("GRANT VIEW SERVER PERFORMANCE STATE TO [{0}]", "SELECT COUNT(*) FROM sys.dm_os_sys_info"),
    ("ALTER SERVER ROLE ##MS_ServerStateReader## ADD MEMBER [{0}]", "SELECT COUNT(*) FROM sys.dm_os_sys_memory"),
    ("GRANT VIEW ANY DEFINITION TO [{0}]", "SELECT 1 FROM sys.master_files HAVING COUNT(*) > 7"),
    ("ALTER SERVER ROLE dbcreator ADD MEMBER [{0}]", "CREATE DATABASE made_by_creator; DROP DATABASE made_by_creator"),
    ("GRANT ALTER ANY DATABASE TO [{0}]", "CREATE DATABASE made_by_alter; DROP DATABASE made_by_alter"),
    ("GRANT ALTER ANY LOGIN TO [{0}]", "CREATE LOGIN x WITH PASSWORD = N'Str0ng-Secret!'; DROP LOGIN x"),
    ("ALTER SERVER ROLE securityadmin ADD MEMBER [{0}]", "GRANT VIEW SERVER STATE TO public; "
     "REVOKE VIEW SERVER STATE FROM public"),
    ("GRANT CONNECT ANY DATABASE TO [{0}]", "USE model"),
    ("GRANT CONTROL SERVER TO [{0}]", "USE model; BACKUP DATABASE model TO DISK = 'NUL'"),
]  # fmt: skip


@pytest.mark.parametrize(("grant", "statement"), GRANTED)
def test_a_grant_or_role_is_enough(instance: Instance, driver: str, grant: str, statement: str) -> None:
    with logged_in(instance, driver, grant) as login:
        run(login, statement)


def test_dbcreator_cannot_back_up_what_it_does_not_own(instance: Instance, driver: str) -> None:
    name = fresh()
    prepare = ("ALTER SERVER ROLE dbcreator ADD MEMBER [{0}]", f"CREATE DATABASE [{name}]")
    with logged_in(instance, driver, *prepare) as creator:
        assert refused(creator, f"BACKUP DATABASE [{name}] TO DISK = 'NUL'", 262)
        assert refusal(creator, f"USE [{name}]") == 916
        run(creator, f"ALTER DATABASE [{name}] SET RECOVERY SIMPLE", f"DROP DATABASE [{name}]")


def test_restricted_user_admits_few(instance: Instance, driver: str) -> None:
    name = fresh()
    prepare = (
        f"CREATE DATABASE [{name}]", f"USE [{name}]", "CREATE USER [u] FOR LOGIN [{0}]", "USE master",
        f"ALTER DATABASE [{name}] SET RESTRICTED_USER",
    )  # fmt: skip
    with logged_in(instance, driver, *prepare) as user, connect(instance, driver=driver) as admin:
        assert refusal(user, f"USE [{name}]") == 923
        run(admin, f"ALTER DATABASE [{name}] SET MULTI_USER")
        run(user, f"USE [{name}]")


def test_the_customers_rights_are_exactly_the_four(instance: Instance, driver: str) -> None:
    name = fresh()
    prepare = (
        f"CREATE DATABASE [{name}]", f"USE [{name}]", "CREATE USER [c] FOR LOGIN [{0}]",
        "ALTER ROLE db_datareader ADD MEMBER [c]", "ALTER ROLE db_datawriter ADD MEMBER [c]",
        "ALTER ROLE db_ddladmin ADD MEMBER [c]", "GRANT EXECUTE TO [c]",
    )  # fmt: skip
    with logged_in(instance, driver, *prepare) as customer:
        run(customer, f"USE [{name}]", "CREATE TABLE t (x int NOT NULL)", "INSERT INTO t VALUES (1)")
        assert value(customer, "SELECT x FROM t") == 1
        assert refused(customer, f"ALTER DATABASE [{name}] SET RECOVERY SIMPLE", 5011)
        assert refused(
            customer, f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], MAXSIZE = 1TB)", 5011
        )
        assert refused(customer, f"BACKUP DATABASE [{name}] TO DISK = 'NUL'", 262)
        assert refusal(customer, "CREATE USER other WITHOUT LOGIN") == 15247
        assert refusal(customer, "ALTER ROLE db_owner ADD MEMBER c") == 15151
        assert refusal(customer, f"DROP DATABASE [{name}]") == 3701
        probe = "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'EXECUTE'), HAS_PERMS_BY_NAME(NULL, 'DATABASE', 'CONTROL')"
        assert rows(customer, probe) == [(1, 0)]


@pytest.mark.parametrize("role", ["db_ddladmin", "db_owner"])
@pytest.mark.parametrize("right", ["ALTER ANY DATABASE DDL TRIGGER", "ALTER ANY DATABASE EVENT NOTIFICATION"])
def test_a_denial_beats_the_role_that_holds_the_right(
    instance: Instance, driver: str, right: str, role: str
) -> None:
    name = fresh()
    prepare = (
        f"CREATE DATABASE [{name}]", f"USE [{name}]", "CREATE USER [c] FOR LOGIN [{0}]",
        f"ALTER ROLE {role} ADD MEMBER [c]",
    )  # fmt: skip
    probe = f"SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', '{right}')"
    states = f"SELECT state, state_desc FROM sys.database_permissions WHERE permission_name = '{right}'"
    with (
        logged_in(instance, driver, *prepare) as user,
        connect(instance, driver=driver, database=name) as admin,
    ):
        run(user, f"USE [{name}]")
        assert value(user, probe) == 1
        run(admin, f"DENY {right} TO [c]")
        assert value(user, probe) == 0
        assert [tuple(column.strip() for column in row) for row in rows(admin, states)] == [("D", "DENY")]
        run(admin, f"REVOKE {right} FROM [c]")
        assert value(user, probe) == 1
        assert rows(admin, states) == []


@pytest.mark.parametrize("passes", ["member", "dbo", "sysadmin"])
def test_a_denial_binds_db_owner_and_neither_dbo_nor_sysadmin(
    instance: Instance, driver: str, passes: str
) -> None:
    name = fresh()
    member = ("CREATE USER [c] FOR LOGIN [{0}]", "ALTER ROLE db_owner ADD MEMBER [c]")
    prepare = {
        "member": member,
        "dbo": (f"ALTER AUTHORIZATION ON DATABASE::[{name}] TO [{{0}}]",),
        "sysadmin": (*member, "ALTER SERVER ROLE sysadmin ADD MEMBER [{0}]"),
    }[passes]
    begin = (f"CREATE DATABASE [{name}]", f"USE [{name}]", "DENY ALTER ANY ROLE TO public")
    with logged_in(instance, driver, *begin, *prepare) as user:
        run(user, f"USE [{name}]")
        assert value(user, "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER ANY ROLE')") == int(
            passes != "member"
        )


PLANT = "CREATE TRIGGER [t] ON DATABASE FOR CREATE_USER AS ALTER SERVER ROLE sysadmin ADD MEMBER [c]"


@pytest.mark.parametrize(
    ("role", "denied", "number"),
    [
        ("db_datareader", False, 1088),
        ("db_ddladmin", True, 1088),
        ("db_ddladmin", False, 59999),
        ("db_owner", True, 1088),
        ("db_owner", False, 59999),
    ],
)
def test_a_trigger_on_the_database_asks_for_its_right_and_is_never_made(
    instance: Instance, driver: str, role: str, denied: bool, number: int
) -> None:
    name = fresh()
    prepare = [
        f"CREATE DATABASE [{name}]", f"USE [{name}]", "CREATE USER [c] FOR LOGIN [{0}]",
        f"ALTER ROLE {role} ADD MEMBER [c]",
    ]  # fmt: skip
    if denied:
        prepare.append("DENY ALTER ANY DATABASE DDL TRIGGER TO [c]")
    with logged_in(instance, driver, *prepare) as user:
        run(user, f"USE [{name}]")
        assert refused(user, PLANT, number)
        assert refusal(user, "CREATE TRIGGER [t] ON dbo.x FOR INSERT AS SELECT 1") == 59999
        assert rows(user, "SELECT name FROM sys.triggers") == []


def test_tables_ask_for_rights_of_their_own(instance: Instance, driver: str) -> None:
    name = fresh()
    prepare = (
        f"CREATE DATABASE [{name}]", f"USE [{name}]", "CREATE USER [u] FOR LOGIN [{0}]",
        "CREATE TABLE dbo.a (x int)", "CREATE TABLE dbo.b (x int)", "GRANT SELECT ON dbo.a TO [u]",
        "GRANT INSERT ON SCHEMA::dbo TO [u]", "DENY INSERT ON OBJECT::dbo.b TO [u]",
    )  # fmt: skip
    with logged_in(instance, driver, *prepare) as user:
        run(user, f"USE [{name}]", "INSERT INTO a VALUES (1)")
        assert value(user, "SELECT COUNT(*) FROM a") == 1
        assert refusal(user, "SELECT COUNT(*) FROM b") == 229
        assert refusal(user, "INSERT INTO b VALUES (1)") == 229
        assert refusal(user, "DELETE FROM a") == 229
        assert rows(user, "SELECT name FROM sys.tables") == [("a",)]


def test_permissions_are_read_back(connection: pyodbc.Connection) -> None:
    login = fresh("login")
    run(
        connection,
        f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'",
        f"GRANT VIEW SERVER STATE TO [{login}] WITH GRANT OPTION",
        f"DENY ALTER ANY LOGIN TO [{login}]",
    )
    query = """SELECT permission_name, state_desc FROM sys.server_permissions
        WHERE grantee_principal_id = SUSER_ID(?) ORDER BY permission_name"""
    assert rows(connection, query, login) == [
        ("ALTER ANY LOGIN", "DENY"),
        ("CONNECT SQL", "GRANT"),
        ("VIEW SERVER STATE", "GRANT_WITH_GRANT_OPTION"),
    ]
    assert refusal(connection, f"REVOKE VIEW SERVER STATE FROM [{login}]") == 4611
    run(
        connection, f"REVOKE VIEW SERVER STATE FROM [{login}] CASCADE", f"REVOKE ALTER ANY LOGIN TO [{login}]"
    )
    assert len(rows(connection, query, login)) == 1
    assert refusal(connection, f"GRANT NO SUCH THING TO [{login}]") == 102
    assert refusal(connection, "GRANT VIEW SERVER STATE TO nobody") == 15151
    assert refusal(connection, "GRANT VIEW SERVER STATE TO sa") == 4624
    assert refusal(connection, f"USE tempdb; GRANT VIEW SERVER STATE TO [{login}]") == 4621


def test_what_somebody_passed_on_is_revoked_with_it(instance: Instance, driver: str) -> None:
    first, second, third = (fresh("login") for _each in range(3))
    grant = "GRANT VIEW SERVER STATE TO [{}] WITH GRANT OPTION"
    with connect(instance, driver=driver) as admin:
        run(admin, *(f"CREATE LOGIN [{name}] WITH PASSWORD = N'{SECRET}'" for name in (first, second, third)))
        run(admin, grant.format(first))
        run(connect(instance, driver=driver, user=first, password=SECRET), grant.format(second))
        run(connect(instance, driver=driver, user=second, password=SECRET), grant.format(third))
        query = f"""SELECT SUSER_NAME(grantor_principal_id), SUSER_NAME(grantee_principal_id)
            FROM sys.server_permissions WHERE permission_name = 'VIEW SERVER STATE'
            AND SUSER_NAME(grantee_principal_id) IN ('{first}', '{second}', '{third}')"""
        assert {*rows(admin, query)} == {("sa", first), (first, second), (second, third)}
        run(admin, f"REVOKE GRANT OPTION FOR VIEW SERVER STATE FROM [{first}] CASCADE")
        assert rows(admin, query) == [("sa", first)]


def test_permission_names_of_2022_are_unknown_to_2019(simulator: Simulator, driver: str) -> None:
    probe = "SELECT HAS_PERMS_BY_NAME(NULL, NULL, N'VIEW SERVER PERFORMANCE STATE')"
    with connect(simulator.instances["sql01"], driver=driver) as newer:
        assert value(newer, probe) == 1
        held = rows(newer, "SELECT permission_name FROM fn_my_permissions(NULL, N'SERVER')")
        assert ("VIEW SERVER PERFORMANCE STATE",) in held
    with connect(simulator.instances["sql02"], driver=driver) as older:
        assert value(older, probe) is None
