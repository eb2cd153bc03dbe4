"""Volumes: their free space, and what happens when it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyodbc
import pytest

from tests.simulator.asking import fresh, refusal, refused, rows, run, value
from tests.support.simulators import Simulator, connect, running_simulator

GIB = 1024**3
SECRET = "Str0ng-Secret!"
EDITIONS_OF_2025 = {
    "plain": {},
    "standarddev": {"edition": "StandardDeveloper"},
    "express2025": {"edition": "Express"},
}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    volumes = [
        {"mount_point": "C:\\", "label": "System", "size_gib": 60, "free_gib": 20},
        {"mount_point": "D:\\", "label": "data", "size_gib": 40},
        {"mount_point": "L:\\", "label": "log", "size_gib": 10, "free_gib": 5},
    ]
    windows = {"name": "win", "platform": "Windows", "volumes": volumes}
    express = {
        "name": "express",
        "edition": "Express",
        "databases": [{"name": "old", "max_mib": 65, "used_mib": 60}],
    }
    new = [{"name": name, "version": 2025, **more} for name, more in EDITIONS_OF_2025.items()]
    folder: Path = tmp_path_factory.mktemp("machines")
    with running_simulator({"instances": [windows, express, *new]}, folder=folder) as running:
        yield running


@pytest.fixture
def windows(machines: Simulator, driver: str) -> Iterator[pyodbc.Connection]:
    with connect(machines.instances["win"], driver=driver) as opened:
        yield opened


@pytest.fixture
def express(machines: Simulator, driver: str) -> Iterator[pyodbc.Connection]:
    with connect(machines.instances["express"], driver=driver) as opened:
        yield opened


VOLUMES = """SELECT DISTINCT v.volume_mount_point, v.logical_volume_name, v.total_bytes, v.available_bytes
    FROM sys.master_files f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) v"""


def test_windows_names_its_volumes(windows: pyodbc.Connection) -> None:
    name = fresh()
    before = {row[0]: row for row in rows(windows, VOLUMES)}
    assert before["C:\\"][1:] == ("System", 60 * GIB, 20 * GIB)
    run(windows, f"CREATE DATABASE [{name}]")
    after = {row[0]: row[3] for row in rows(windows, VOLUMES)}
    assert after["D:\\"] < 40 * GIB and after["L:\\"] < 5 * GIB
    assert (
        value(windows, "SELECT physical_name FROM sys.master_files WHERE name = ?", name)
        == f"D:\\data\\{name}.mdf"
    )


def test_linux_gives_no_mount_points(connection: pyodbc.Connection) -> None:
    found = rows(connection, VOLUMES)
    assert len(found) == 1
    assert found[0][:2] == (None, None) and 0 < found[0][3] <= found[0][2] == 100 * GIB


def test_a_full_volume_refuses_growth(machines: Simulator, windows: pyodbc.Connection) -> None:
    name = fresh()
    run(windows, f"CREATE DATABASE [{name}]")
    machines.control.set_volume("win", "D:\\", 1)
    grow = f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], SIZE = 2GB)"
    assert refusal(windows, grow) == 5149
    create = f"CREATE DATABASE [{name}x] ON (NAME = a, FILENAME = 'D:\\data\\{name}x.mdf', SIZE = 2GB)"
    assert refusal(windows, create) == 5149
    machines.control.set_volume("win", "D:\\", 30)
    run(windows, grow)


def test_express_holds_ten_gigabytes_per_database(express: pyodbc.Connection) -> None:
    name = fresh()
    path = f"/var/opt/mssql/data/{name}.mdf"
    big = f"CREATE DATABASE [{name}] ON (NAME = a, FILENAME = '{path}', SIZE = 11GB)"
    assert refusal(express, big) == 1827
    run(express, f"CREATE DATABASE [{name}]")
    assert refusal(express, f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], SIZE = 11GB)") == 1827


def test_express_compresses_no_backup(express: pyodbc.Connection) -> None:
    backup = "BACKUP DATABASE old TO DISK = 'NUL'"
    assert refused(express, f"{backup} WITH COMPRESSION", 1844)
    run(express, backup, f"{backup} WITH NO_COMPRESSION")


def test_express_holds_fifty_since_2025(machines: Simulator) -> None:
    opened, name = connect(machines.instances["express2025"]), fresh()
    run(opened, f"CREATE DATABASE [{name}]")
    change = f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], SIZE = {{}}GB)"
    run(opened, change.format(40))
    assert refusal(opened, change.format(51)) == 1827


@pytest.mark.parametrize(
    ("name", "edition", "engine"),
    [
        ("plain", "Enterprise Developer Edition (64-bit)", 3),
        ("standarddev", "Standard Developer Edition (64-bit)", 2),
    ],
)
def test_the_editions_for_developers_of_2025(
    machines: Simulator, name: str, edition: str, engine: int
) -> None:
    opened = connect(machines.instances[name])
    assert value(opened, "SELECT CONVERT(nvarchar(128), SERVERPROPERTY('Edition'))") == edition
    assert value(opened, "SELECT CONVERT(int, SERVERPROPERTY('EngineEdition'))") == engine
    assert edition in value(opened, "SELECT @@VERSION")
    assert refusal(opened, "SELECT CONVERT(bigint, SERVERPROPERTY('EditionID'))") == 59999


@pytest.mark.parametrize(("name", "begins"), [("plain", "0x0300"), ("win", "0x0200")])
def test_a_login_of_2025_has_a_hash_of_its_own_sort(machines: Simulator, name: str, begins: str) -> None:
    opened, login = connect(machines.instances[name]), fresh("login")
    run(opened, f"CREATE LOGIN [{login}] WITH PASSWORD = N'{SECRET}'")
    found = f"CONVERT(varbinary(256), LOGINPROPERTY(N'{login}', 'PasswordHash'))"
    assert value(opened, f"SELECT CONVERT(varchar(300), {found}, 1)").startswith(begins)
    assert value(opened, f"SELECT PWDCOMPARE(N'{SECRET}', {found})") == 1
    connect(machines.instances[name], user=login, password=SECRET).close()


def test_a_table_that_outgrows_maxsize_gets_1105(express: pyodbc.Connection) -> None:
    run(express, "USE old", "DROP TABLE IF EXISTS big", "CREATE TABLE big (x char(8000) NOT NULL)")
    insert = "INSERT INTO big SELECT TOP (2000) 'x' FROM sys.fn_helpcollations()"
    assert refusal(express, insert) == 1105
    run(express, "DROP TABLE big", "USE master")
