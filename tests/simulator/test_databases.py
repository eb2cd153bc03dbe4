# ruff: noqa: E501 - one statement per line reads best
"""Creating, altering and dropping databases."""

from __future__ import annotations

import pyodbc
import pytest

from tests.simulator.asking import fresh, refusal, refused, rows, run, value
from tests.support.simulators import Instance, Simulator, connect

DATA = "/var/opt/mssql/data/"


def test_a_bare_create_database_gets_the_servers_defaults(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    query = """SELECT state_desc, user_access_desc, recovery_model_desc, collation_name, containment_desc,
                      compatibility_level, SUSER_SNAME(owner_sid) FROM sys.databases WHERE name = ?"""
    assert rows(connection, query, name) == [
        ("ONLINE", "MULTI_USER", "FULL", "SQL_Latin1_General_CP1_CI_AS", "NONE", 160, "sa")
    ]
    files = "SELECT name, physical_name, size, max_size, growth FROM sys.master_files WHERE database_id = DB_ID(?)"
    assert rows(connection, files, name) == [
        (name, f"{DATA}{name}.mdf", 1024, -1, 8192),
        (f"{name}_log", f"{DATA}{name}_log.ldf", 1024, 268435456, 8192),
    ]


def test_a_full_create_database_gets_what_it_asks_for(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(
        connection,
        f"""CREATE DATABASE [{name}] CONTAINMENT = NONE
            ON PRIMARY (NAME=N'{name}', FILENAME=N'{DATA}{name}.mdf', SIZE=256MB, MAXSIZE=10240MB, FILEGROWTH=64MB)
            LOG ON (NAME=N'{name}_log', FILENAME=N'{DATA}{name}_log.ldf', SIZE=64MB, MAXSIZE=2048MB, FILEGROWTH=10%)
            COLLATE Latin1_General_100_CI_AS_SC_UTF8""",
    )
    files = """SELECT type_desc, size / 128, max_size / 128, growth, is_percent_growth
               FROM sys.master_files WHERE database_id = DB_ID(?) ORDER BY file_id"""
    assert rows(connection, files, name) == [("ROWS", 256, 10240, 8192, False), ("LOG", 64, 2048, 10, True)]
    collation = "SELECT collation_name FROM sys.databases WHERE name = ?"
    assert value(connection, collation, name) == "Latin1_General_100_CI_AS_SC_UTF8"


REFUSED_CREATES = [
    ("CREATE DATABASE [{0}] COLLATE No_Such_Collation", 448),
    ("CREATE DATABASE [{0}] COLLATE Indic_General_100_CI_AS", 15301),
    ("CREATE DATABASE [{0}] CONTAINMENT = PARTIAL", 12824),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/nowhere/x.mdf')", 5133),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = 'x.mdf')", 5105),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/master.mdf')", 5170),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = 4MB)", 1803),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = 0)", 5174),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = -1)", 102),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = 99TB)", 1842),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = 900GB)", 5149),
    ("CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', SIZE = 20MB, MAXSIZE = 10MB)", 5103),
    (
        "CREATE DATABASE [{0}] ON (NAME = x, FILENAME = '/var/opt/mssql/data/{0}.mdf', MAXSIZE = 10MB, "
        "FILEGROWTH = 20MB)",
        5169,
    ),
    ("CREATE DATABASE [{0}] ON (NAME = x)", 1036),
    ("CREATE DATABASE master", 1801),
    ("CREATE DATABASE MASTER", 1801),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "number"), REFUSED_CREATES)
def test_create_database_refuses(connection: pyodbc.Connection, statement: str, number: int) -> None:
    name = fresh()
    assert refusal(connection, statement.format(name)) == number
    assert value(connection, "SELECT DB_ID(?)", name) is None


def test_names_compare_under_the_servers_collation(simulator: Simulator, driver: str) -> None:
    name = fresh("Case")
    with connect(simulator.instances["sql02"], driver=driver) as sensitive:
        folder = value(sensitive, "SELECT CONVERT(nvarchar(260), SERVERPROPERTY('InstanceDefaultDataPath'))")
        other = f"(NAME = b, FILENAME = '{folder}{name}_upper.mdf')"  # the file system is case-insensitive
        run(sensitive, f"CREATE DATABASE [{name}]", f"CREATE DATABASE [{name.upper()}] ON {other}")
        found = rows(sensitive, "SELECT name FROM sys.databases WHERE name IN (?, ?)", name, name.upper())
        assert len(found) == 2
        run(sensitive, f"DROP DATABASE [{name}], [{name.upper()}]")
    with connect(simulator.instances["sql01"], driver=driver) as insensitive:
        run(insensitive, f"CREATE DATABASE [{name}]")
        assert refusal(insensitive, f"CREATE DATABASE [{name.upper()} ]") == 1801


@pytest.mark.parametrize("name", ["a]b", "a'b", "a;--b", "a\nb", "naïve 数据库 🙂", "x" * 123, "select"])
def test_any_name_can_be_created_and_dropped(connection: pyodbc.Connection, name: str) -> None:
    quoted = name.replace("]", "]]")
    if "\n" in name:
        assert refusal(connection, f"CREATE DATABASE [{quoted}]") == 5133
        return
    run(connection, f"CREATE DATABASE [{quoted}]")
    assert value(connection, "SELECT COUNT(*) FROM sys.databases WHERE name = ?", name) == 1
    run(connection, f"DROP DATABASE [{quoted}]")


def test_a_name_of_128_characters_needs_its_files_named(connection: pyodbc.Connection) -> None:
    assert refusal(connection, f"CREATE DATABASE [{'y' * 128}]") == 103
    assert refusal(connection, f"CREATE DATABASE [{'y' * 129}]") == 103


def test_create_database_is_refused_in_a_transaction(instance: Instance, driver: str) -> None:
    with connect(instance, driver=driver, autocommit=False) as in_transaction:
        assert refusal(in_transaction, f"CREATE DATABASE [{fresh()}]") == 226


def test_drop_tells_absent_system_used_and_snapshots_apart(instance: Instance, driver: str) -> None:
    name = fresh()
    with connect(instance, driver=driver) as admin:
        assert refusal(admin, f"DROP DATABASE [{name}]") == 3701
        run(admin, f"DROP DATABASE IF EXISTS [{name}]", f"CREATE DATABASE [{name}]")
        assert refusal(admin, "DROP DATABASE model") == 3708
        with connect(instance, driver=driver, database=name):
            assert refusal(admin, f"DROP DATABASE [{name}]") == 3702
        run(admin, f"ALTER DATABASE [{name}] SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE")
        run(
            admin,
            f"CREATE DATABASE [{name}_s] ON (NAME = [{name}], FILENAME = '{DATA}{name}.ss') AS SNAPSHOT OF [{name}]",
        )
        assert refusal(admin, f"DROP DATABASE [{name}]") == 3709
        run(admin, f"DROP DATABASE [{name}_s]", f"DROP DATABASE [{name}]")


def test_dropping_an_offline_database_leaves_its_files(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(
        connection,
        f"CREATE DATABASE [{name}]",
        f"ALTER DATABASE [{name}] SET OFFLINE WITH ROLLBACK IMMEDIATE",
    )
    assert refusal(connection, f"USE [{name}]") == 942
    run(connection, f"DROP DATABASE [{name}]")
    assert refusal(connection, f"CREATE DATABASE [{name}]") == 5170


def test_rollback_immediate_closes_the_other_sessions(instance: Instance, driver: str) -> None:
    name = fresh()
    with connect(instance, driver=driver) as admin:
        run(admin, f"CREATE DATABASE [{name}]")
        other = connect(instance, driver=driver, database=name)
        assert refusal(admin, f"ALTER DATABASE [{name}] SET OFFLINE WITH NO_WAIT") == 5070
        run(admin, f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
        with pytest.raises(pyodbc.Error):
            rows(other, "SELECT 1")
        other.close()
        query = "SELECT user_access_desc FROM sys.databases WHERE name = ?"
        assert value(admin, query, name) == "SINGLE_USER"
        run(admin, f"ALTER DATABASE [{name}] SET MULTI_USER", f"DROP DATABASE [{name}]")


OPTIONS = [
    ("SET RECOVERY SIMPLE", "recovery_model_desc", "SIMPLE"),
    ("SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE", "is_read_committed_snapshot_on", True),
    ("SET COMPATIBILITY_LEVEL = 150", "compatibility_level", 150),
    ("SET AUTO_CLOSE ON", "is_auto_close_on", True),
    ("SET READ_ONLY WITH ROLLBACK IMMEDIATE", "is_read_only", True),
    ("SET ALLOW_SNAPSHOT_ISOLATION ON", "snapshot_isolation_state_desc", "ON"),
    ("SET PAGE_VERIFY NONE", "page_verify_option_desc", "NONE"),
    ("SET TARGET_RECOVERY_TIME = 2 MINUTES", "target_recovery_time_in_seconds", 120),
    ("SET OFFLINE", "state_desc", "OFFLINE"),
    ("COLLATE Latin1_General_100_BIN2", "collation_name", "Latin1_General_100_BIN2"),
    ("SET ANSI_NULLS ON", "is_ansi_nulls_on", True),
    ("SET QUERY_STORE = ON", "is_query_store_on", True),
]


def test_options_show_in_sys_databases(connection: pyodbc.Connection) -> None:
    for change, column, wanted in OPTIONS:
        name = fresh()
        run(connection, f"CREATE DATABASE [{name}]", f"ALTER DATABASE [{name}] {change}")
        assert value(connection, f"SELECT {column} FROM sys.databases WHERE name = ?", name) == wanted, change


REFUSED_CHANGES = [
    ("ALTER DATABASE nowhere SET ONLINE", 5011),
    ("ALTER DATABASE master SET OFFLINE", 5058),
    ("ALTER DATABASE master MODIFY NAME = other", 5016),
    ("ALTER DATABASE master COLLATE Latin1_General_CI_AS", 5072),
    ("ALTER DATABASE [{0}] SET COMPATIBILITY_LEVEL = 90", 15048),
    ("ALTER DATABASE [{0}] SET SOMETHING_ELSE ON", 59999),
    ("ALTER DATABASE [{0}] SET CONTAINMENT = PARTIAL", 12824),
    ("ALTER DATABASE [{0}] MODIFY NAME = master", 1801),
    ("ALTER DATABASE [{0}] COLLATE Nope", 448),
]


def test_changes_that_are_refused(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    for statement, number in REFUSED_CHANGES:
        assert refused(connection, statement.format(name), number), statement


def test_a_database_can_be_renamed_and_change_owner(connection: pyodbc.Connection) -> None:
    old, new, login = fresh(), fresh("new"), fresh("owner")
    run(
        connection,
        f"CREATE DATABASE [{old}]",
        f"ALTER DATABASE [{old}] MODIFY NAME = [{new}]",
        f"CREATE LOGIN [{login}] WITH PASSWORD = N'Str0ng-Secret!'",
        f"ALTER AUTHORIZATION ON DATABASE::[{new}] TO [{login}]",
    )
    owner = "SELECT SUSER_SNAME(owner_sid) FROM sys.databases WHERE name = ?"
    assert value(connection, owner, new) == login
    assert refusal(connection, f"ALTER AUTHORIZATION ON DATABASE::[{old}] TO [{login}]") == 15151
    assert refusal(connection, f"ALTER AUTHORIZATION ON DATABASE::[{new}] TO nobody") == 15151
    assert refusal(connection, f"DROP LOGIN [{login}]") == 15174


def test_a_database_that_auto_close_has_shut_down_does_not_tell_its_collation(
    connection: pyodbc.Connection, instance: Instance, driver: str
) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    asked = f"SELECT collation_name FROM sys.databases WHERE name = N'{name}'"
    assert value(connection, asked) == "SQL_Latin1_General_CP1_CI_AS"
    run(connection, f"ALTER DATABASE [{name}] SET AUTO_CLOSE ON")
    assert value(connection, asked) is None
    with connect(instance, driver=driver, database=name) as inside:
        assert value(connection, asked) == "SQL_Latin1_General_CP1_CI_AS"
        assert (
            value(inside, f"SELECT CONVERT(nvarchar(128), DATABASEPROPERTYEX(N'{name}', N'Collation'))")
            is not None
        )


def test_express_sets_auto_close_on_new_databases(simulator: Simulator, driver: str) -> None:
    name = fresh()
    for instance in simulator.instances.values():
        with connect(instance, driver=driver) as opened:
            run(opened, f"CREATE DATABASE [{name}]")
            edition = value(opened, "SELECT CONVERT(int, SERVERPROPERTY(N'EngineEdition'))")
            closes = value(opened, f"SELECT is_auto_close_on FROM sys.databases WHERE name = N'{name}'")
            assert closes == (edition == 4)
