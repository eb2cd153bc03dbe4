# ruff: noqa: E501 - one statement per line reads best
"""Catalog views and metadata functions."""

from __future__ import annotations

from typing import Any

import pyodbc
import pytest

from tests.simulator.asking import fresh, refusal, rows, run, value
from tests.support.simulators import Simulator, connect


def test_collations_are_those_of_a_real_server(connection: pyodbc.Connection) -> None:
    query = "SELECT description FROM sys.fn_helpcollations() WHERE name = ?"
    assert value(connection, query, "Latin1_General_CI_AS") == (
        "Latin1-General, case-insensitive, accent-sensitive, kanatype-insensitive, width-insensitive"
    )
    assert value(connection, "SELECT COUNT(*) FROM sys.fn_helpcollations()") > 5000
    code_page = "SELECT CONVERT(int, COLLATIONPROPERTY('{}', 'CodePage'))"
    assert value(connection, code_page.format("Latin1_General_100_CI_AS_SC_UTF8")) == 65001
    assert value(connection, code_page.format("SQL_Latin1_General_CP1_CI_AS")) == 1252
    assert value(connection, code_page.format("Indic_General_100_CI_AS")) == 0
    assert value(connection, code_page.format("No_Such")) is None


PROPERTIES: list[tuple[str, str, dict[str, Any]]] = [
    ("ProductVersion", "nvarchar(128)", {"sql01": "16.0.4135.4", "sql02": "15.0.4415.2"}),
    ("Edition", "nvarchar(128)", {"sql01": "Developer Edition (64-bit)"}),
    ("EngineEdition", "int", {"sql01": 3}),
    ("ServerName", "nvarchar(128)", {"sql01": "sql01", "sql02": "sql02"}),
    ("InstanceName", "nvarchar(128)", {"sql01": None}),
    ("Collation", "nvarchar(128)", {"sql02": "Latin1_General_CS_AS"}),
    ("InstanceDefaultDataPath", "nvarchar(260)", {"sql01": "/var/opt/mssql/data/"}),
    ("IsHadrEnabled", "int", {"sql01": 0}),
    ("NoSuchProperty", "nvarchar(128)", {"sql01": None}),
]


@pytest.mark.parametrize(("name", "type_", "wanted"), PROPERTIES)
def test_serverproperty(
    simulator: Simulator, driver: str, name: str, type_: str, wanted: dict[str, Any]
) -> None:
    for instance, expected in wanted.items():
        with connect(simulator.instances[instance], driver=driver) as opened:
            assert value(opened, f"SELECT CONVERT({type_}, SERVERPROPERTY('{name}'))") == expected


def test_names_and_ids(connection: pyodbc.Connection) -> None:
    query = """SELECT DB_ID(), DB_NAME(), DB_ID('msdb'), DB_NAME(2), DB_ID('nowhere'), SUSER_NAME(), SUSER_ID('sa'),
        SUSER_SNAME(0x01), USER_NAME(), SCHEMA_NAME(), SCHEMA_ID('sys'), ORIGINAL_LOGIN(), HAS_DBACCESS('msdb'),
        HAS_DBACCESS('nowhere'), SUSER_SID('nobody'), DATABASE_PRINCIPAL_ID('db_owner'), CERT_ID('nothing')"""
    assert rows(connection, query) == [
        (1, "master", 4, "tempdb", None, "sa", 1, "sa", "dbo", "dbo", 4, "sa", 1, None, None, 16384, None)
    ]


def test_configuration_is_changed_in_two_steps(connection: pyodbc.Connection) -> None:
    query = """SELECT CONVERT(bigint, value), CONVERT(bigint, value_in_use) FROM sys.configurations
        WHERE name = N'cost threshold for parallelism'"""
    run(connection, "EXEC sp_configure 'show advanced options', 1", "RECONFIGURE")
    run(connection, "EXEC sp_configure 'cost threshold for parallelism', 5", "RECONFIGURE")
    assert rows(connection, query) == [(5, 5)]
    run(connection, "EXEC sp_configure 'cost threshold', 50")
    assert rows(connection, query) == [(50, 5)]
    run(connection, "RECONFIGURE WITH OVERRIDE")
    assert rows(connection, query) == [(50, 50)]
    assert refusal(connection, "EXEC sp_configure 'cost threshold', 99999") == 15129
    assert refusal(connection, "EXEC sp_configure 'no such option', 1") == 15123
    assert refusal(connection, "EXEC sp_configure 'max', 1") == 15124
    run(connection, "EXEC sp_configure 'show advanced options', 0", "RECONFIGURE")
    assert refusal(connection, "EXEC sp_configure 'cost threshold', 50") == 15123


def test_backups_show_in_msdb_and_start_the_log_chain(connection: pyodbc.Connection) -> None:
    name = fresh()
    disk = f"/var/opt/mssql/data/{name}.bak"
    run(connection, f"CREATE DATABASE [{name}]")
    chain = "SELECT last_log_backup_lsn FROM sys.database_recovery_status WHERE database_id = DB_ID(?)"
    assert value(connection, chain, name) is None
    log = f"BACKUP LOG [{name}] TO DISK = N'{disk}.trn'"
    assert refusal(connection, log) == 4214
    run(
        connection,
        f"BACKUP DATABASE [{name}] TO DISK = N'{disk}' WITH CHECKSUM, COMPRESSION, INIT, STATS = 5",
    )
    assert value(connection, chain, name) is not None
    run(connection, log, f"RESTORE VERIFYONLY FROM DISK = N'{disk}' WITH CHECKSUM")
    query = """SELECT s.type, f.physical_device_name, f.device_type, s.is_copy_only FROM msdb.dbo.backupset s
        JOIN msdb.dbo.backupmediafamily f ON f.media_set_id = s.media_set_id WHERE s.database_name = ?
        ORDER BY s.backup_set_id"""
    assert rows(connection, query, name) == [("D", disk, 2, False), ("L", f"{disk}.trn", 2, False)]
    assert refusal(connection, f"BACKUP DATABASE [{name}] TO DISK = N'/nowhere/x.bak'") == 3201
    assert refusal(connection, "RESTORE VERIFYONLY FROM DISK = N'/nowhere/x.bak'") == 3201
    run(connection, f"ALTER DATABASE [{name}] SET RECOVERY SIMPLE")
    assert refusal(connection, log) == 4208


def test_user_tables_are_in_the_catalog(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(
        connection,
        f"CREATE DATABASE [{name}]",
        f"USE [{name}]",
        "CREATE TABLE dbo.t (id int IDENTITY(1,1) NOT NULL CONSTRAINT pk_t PRIMARY KEY, n nvarchar(20) NULL)",
    )
    query = """SELECT c.name, y.name, c.max_length, c.is_nullable, c.is_identity FROM sys.columns c
        JOIN sys.tables t ON t.object_id = c.object_id JOIN sys.types y ON y.user_type_id = c.user_type_id
        WHERE t.name = 't' AND SCHEMA_NAME(t.schema_id) = 'dbo' ORDER BY c.column_id"""
    assert rows(connection, query) == [("id", "int", 4, False, True), ("n", "nvarchar", 40, True, False)]
    keys = "SELECT name, type_desc, is_primary_key FROM sys.indexes WHERE object_id = OBJECT_ID('dbo.t')"
    assert rows(connection, keys) == [("pk_t", "CLUSTERED", True)]
    assert value(connection, "SELECT OBJECT_NAME(OBJECT_ID('t'))") == "t"
    run(connection, "USE master")


EMPTY = [
    "sys.availability_groups", "sys.availability_replicas", "sys.availability_databases_cluster",
    "sys.availability_group_listeners", "sys.database_mirroring_endpoints", "sys.certificates", "sys.symmetric_keys",
    "sys.credentials", "sys.dm_hadr_availability_group_states", "sys.dm_hadr_availability_replica_states",
    "sys.dm_hadr_database_replica_states", "sys.dm_hadr_cluster", "sys.dm_hadr_cluster_members",
]  # fmt: skip


def test_views_of_availability_groups_are_empty_without_one(connection: pyodbc.Connection) -> None:
    for name in EMPTY:
        assert rows(connection, f"SELECT * FROM {name}") == [], name


def test_unknown_statements_say_so(connection: pyodbc.Connection) -> None:
    for statement in (
        "ALTER DATABASE master SET ENCRYPTION ON",
        "CREATE LOGIN x FROM CERTIFICATE y",
        "BACKUP DATABASE master TO URL = N's3://x/y'",
        "GRANT ALL ON dbo.t TO public",
    ):
        assert refusal(connection, statement) in {59999, 15151}, statement


def test_the_true_state_of_a_failed_login_is_in_the_error_log(simulator: Simulator, driver: str) -> None:
    instance, name = simulator.instances["sql01"], fresh("nobody")
    with pytest.raises(pyodbc.Error):
        connect(instance, driver=driver, user=name, password="whatever")
    with connect(instance, driver=driver) as admin:
        lines = [row[2] for row in rows(admin, "EXEC sp_readerrorlog")]
    at = next(i for i, line in enumerate(lines) if f"'{name}'" in line)
    assert lines[at - 1] == "Error: 18456, Severity: 14, State: 5."


def test_an_admin_can_look_round(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    assert [row[:4] for row in rows(connection, f"EXEC sp_helpdb N'{name}'")] == [
        (name, "     16.00 MB", "sa", value(connection, "SELECT DB_ID(?)", name))
    ]
    assert refusal(connection, "EXEC sp_helpdb N'nowhere'") == 15010
    assert (name, 16384, None) in rows(connection, "EXEC sp_databases")
    spid = value(connection, "SELECT @@SPID")
    assert str(spid) in [row[0].strip() for row in rows(connection, "EXEC sp_who2")]
