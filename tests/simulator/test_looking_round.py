# ruff: noqa: E501 - T-SQL reads best on one line
"""What an administrator types to look round: procedures, compatibility views, DBCC, and names in two or three parts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyodbc
import pytest

from tests.simulator.asking import refusal, rows, run
from tests.support.simulators import Instance, connect, running_simulator

TOPOLOGY: dict[str, Any] = {
    "instances": [
        {
            "name": "sql01",
            "databases": [{"name": "shop", "data_mib": 64, "log_mib": 32, "used_mib": 16}],
            "logins": [{"name": "app", "password": "App-Pass-1!", "server_roles": ["dbcreator"]}],
        }
    ]
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("looking")) as running:
        with closing(connect(running.instances["sql01"], driver="freetds")) as opened:
            run(
                opened, "USE shop", "CREATE USER app FOR LOGIN app", "ALTER ROLE db_datareader ADD MEMBER app"
            )
        yield running.instances["sql01"]


@pytest.fixture
def admin(shop: Instance, driver: str) -> Iterator[pyodbc.Connection]:
    with closing(connect(shop, driver=driver)) as opened:
        yield opened


FIRST_COLUMNS = {
    "EXEC sp_helpsrvrolemember 'dbcreator'": ["dbcreator"],
    "EXEC sp_helprolemember 'db_owner'": ["db_owner"],
    "EXEC shop..sp_helpuser 'app'": ["app"],
    "EXEC shop.dbo.sp_helpfile": ["shop", "shop_log"],
    "EXEC shop.sys.sp_helpfilegroup": ["PRIMARY"],
    "EXEC shop..sp_spaceused": ["shop"],
    "EXEC sp_helpdb shop": ["shop"],
    "EXEC sp_helplogins 'app'": ["app"],
    "EXEC sp_helpserver": ["sql01"],
    "SELECT name FROM master..sysdatabases WHERE dbid > 4": ["shop"],
    "SELECT name FROM master.dbo.sysdatabases WHERE dbid > 4": ["shop"],
    "SELECT name FROM sysdatabases WHERE dbid > 4": ["shop"],
    "SELECT name FROM sys.sysdatabases WHERE dbid > 4": ["shop"],
    "SELECT name FROM shop..sysusers WHERE islogin = 1 AND uid > 4": ["app"],
    "SELECT name FROM shop.sys.sysfiles": ["shop", "shop_log"],
    "SELECT name FROM master..syslogins WHERE dbcreator = 1": ["app"],
    "SELECT value FROM sysconfigures WHERE config = 1544": [2147483647],
    "SELECT d.name FROM sys.dm_exec_sessions s JOIN sys.databases d ON d.database_id = s.database_id WHERE s.session_id = @@SPID": ["master"],
    "SELECT t.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t WHERE r.session_id = @@SPID": [
        "SELECT t.text FROM sys.dm_exec_requests r CROSS APPLY sys.dm_exec_sql_text(r.sql_handle) t WHERE r.session_id = @@SPID"
    ],
    "SELECT size_on_disk_bytes FROM sys.dm_io_virtual_file_stats(DB_ID('shop'), NULL)": [67108864, 33554432],
    "SELECT COUNT(*) FROM sys.dm_os_schedulers": [4],
    "SELECT HOST_NAME() + '|' + APP_NAME()": None,
    "SELECT CAST(CONNECTIONPROPERTY('net_transport') AS varchar(10))": ["TCP"],
    "SELECT name FROM sys.all_columns WHERE object_id = OBJECT_ID('sys.no_such')": [],
    "SELECT COUNT(*) FROM sys.all_columns c JOIN sys.all_objects o ON o.object_id = c.object_id WHERE o.name = 'databases' AND c.name = 'state_desc'": [1],
    "SELECT text FROM sys.messages WHERE message_id = 911 AND language_id = 1033": ["Database '%ls' does not exist. Make sure that the name is entered correctly."],
    "SELECT database_id FROM sys.database_mirroring WHERE mirroring_guid IS NULL AND database_id > 4": [5],
}  # fmt: skip


@pytest.mark.parametrize("question", FIRST_COLUMNS)
def test_an_administrator_looks_round(question: str, admin: pyodbc.Connection) -> None:
    found = [row[0] for row in admin.execute(question).fetchall()]
    expected = FIRST_COLUMNS[question]
    if expected is None:
        assert found[0]
    else:
        assert found == expected


def test_who_is_there(admin: pyodbc.Connection, shop: Instance) -> None:
    with closing(
        connect(shop, driver="freetds", user="app", password="App-Pass-1!", database="shop")
    ) as customer:
        everybody = {row[3].strip() for row in rows(admin, "EXEC sp_who")}
        assert {"sa", "app"} <= everybody
        assert {row[2] for row in rows(admin, "EXEC sp_who2 'app'")} == {"app"}
        assert {row[2] for row in rows(admin, "EXEC sp_who2 active")} == {"sa"}
        assert {row[0] for row in rows(customer, "SELECT login_name FROM sys.dm_exec_sessions")} == {"app"}
        locked = "SELECT request_session_id FROM sys.dm_tran_locks WHERE resource_database_id = DB_ID('shop')"
        assert [row[0] for row in rows(admin, locked)] == [rows(customer, "SELECT @@SPID")[0][0]]
    assert refusal(admin, "EXEC sp_who 'nobody'") == 15007


def test_the_log_of_every_database_in_one_list(admin: pyodbc.Connection) -> None:
    found = {row[0]: row for row in rows(admin, "DBCC SQLPERF (LOGSPACE) WITH NO_INFOMSGS")}
    assert found["shop"][1] == pytest.approx(32)
    assert 0 <= found["shop"][2] < 100


@pytest.mark.parametrize(
    "statement", ["DBCC CHECKDB ('shop') WITH NO_INFOMSGS", "DBCC OPENTRAN WITH NO_INFOMSGS"]
)
def test_dbcc_statements_that_find_nothing(statement: str, admin: pyodbc.Connection) -> None:
    cursor = admin.execute(statement)
    assert cursor.description is None


def test_a_text_runs_in_each_database(admin: pyodbc.Connection) -> None:
    cursor = admin.execute("SET NOCOUNT ON; EXEC sp_MSforeachdb 'USE [?]; SELECT DB_NAME()'")
    found = []
    while True:
        if cursor.description:  # USE sends a message, which drivers show as a result without columns
            found.append(cursor.fetchval())
        if not cursor.nextset():
            break
    assert set(found) == {"master", "tempdb", "model", "msdb", "shop"}
    assert rows(admin, "SELECT DB_NAME()")[0][0] == "master"


def test_a_configuration_value_must_be_a_number(admin: pyodbc.Connection) -> None:
    assert refusal(admin, "EXEC sp_configure 'show advanced options', word") == 8114


@pytest.mark.parametrize(
    ("statement", "number"),
    {
        "SELECT * FROM sys.dm_os_wait_stats": 59999,  # a server has it, the simulator does not: that is said
        "SELECT * FROM sys.dm_db_index_physical_stats(NULL, NULL, NULL, NULL, NULL)": 59999,
        "EXEC xp_cmdshell 'dir'": 59999,
        "SELECT FORMAT(1, 'N')": 59999,
        "SELECT @@CPU_BUSY": 59999,
        "SELECT * FROM sys.no_such_view": 208,
        "EXEC sp_no_such": 2812,
        "SELECT NO_SUCH(1)": 195,
        "SELECT @@NO_SUCH": 137,
    }.items(),
)
def test_what_only_the_simulator_lacks_is_told_from_what_no_server_has(
    statement: str, number: int, admin: pyodbc.Connection
) -> None:
    assert refusal(admin, statement) == number


@pytest.mark.parametrize(("asked", "told"), [("yes", "TRUE"), ("no", "FALSE")])
def test_a_connection_says_whether_it_is_encrypted(
    asked: str, told: str, shop: Instance, driver: str
) -> None:
    question = "SELECT encrypt_option, local_tcp_port FROM sys.dm_exec_connections WHERE session_id = @@SPID"
    with closing(connect(shop, driver=driver, encrypt=asked)) as opened:
        assert tuple(rows(opened, question)[0]) == (told, shop.port)
