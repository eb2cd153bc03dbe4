"""Growing, limiting and shrinking database files."""

from __future__ import annotations

import pyodbc

from tests.simulator.asking import fresh, refusal, rows, run, value
from tests.support.simulators import Instance, Simulator, connect

SIZES = (
    "SELECT size / 128, max_size, growth FROM sys.master_files WHERE database_id = DB_ID(?) AND file_id = 1"
)


def test_size_grows_only_and_maxsize_holds_it(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    change = f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], {{0}})"
    run(connection, change.format("SIZE = 100MB"))
    assert refusal(connection, change.format("SIZE = 100MB")) == 5039
    assert refusal(connection, change.format("SIZE = 10MB")) == 5039
    assert refusal(connection, change.format("MAXSIZE = 50MB")) == 5040
    assert refusal(connection, change.format("MAXSIZE = 60MB")) == 5040
    run(connection, change.format("MAXSIZE = 200MB"))
    assert refusal(connection, change.format("SIZE = 300MB")) == 5040
    assert refusal(connection, change.format("FILEGROWTH = 300MB")) == 5169
    run(connection, change.format("FILEGROWTH = 32MB"))
    assert rows(connection, SIZES, name) == [(100, 200 * 128, 32 * 128)]
    run(connection, change.format("MAXSIZE = UNLIMITED"))
    assert rows(connection, SIZES, name) == [(100, -1, 32 * 128)]


def test_several_properties_of_a_file_change_together_or_not_at_all(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    change = f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], {{0}})"
    run(connection, change.format("SIZE = 100MB, MAXSIZE = 200MB, FILEGROWTH = 32MB"))
    assert rows(connection, SIZES, name) == [(100, 200 * 128, 32 * 128)]
    run(connection, change.format("FILEGROWTH = 300MB, SIZE = 300MB, MAXSIZE = 400MB"))
    assert rows(connection, SIZES, name) == [(300, 400 * 128, 300 * 128)]
    assert refusal(connection, change.format("FILEGROWTH = 8MB, NEWNAME = other, SIZE = 500MB")) == 5040
    assert refusal(connection, change.format("MAXSIZE = 350MB, FILEGROWTH = 360MB")) == 5169
    assert rows(connection, SIZES, name) == [(300, 400 * 128, 300 * 128)]
    assert refusal(connection, change.format("SIZE = 350MB, FILENAME = '/var/opt/mssql/data/x'")) == 59999


def test_modify_file_says_what_is_wrong(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    assert refusal(connection, f"ALTER DATABASE [{name}] MODIFY FILE (NAME = nowhere, SIZE = 100MB)") == 5041
    assert refusal(connection, f"ALTER DATABASE [{name}] MODIFY FILE (SIZE = 100MB)") == 5036
    assert refusal(connection, f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}])") == 5038
    too_big = f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], SIZE = 900GB)"
    assert refusal(connection, too_big) == 5149


def test_files_can_be_added_and_removed(connection: pyodbc.Connection) -> None:
    name = fresh()
    path = f"/var/opt/mssql/data/{name}_2.ndf"
    add = f"ALTER DATABASE [{name}] ADD FILE (NAME = more, FILENAME = '{path}', SIZE = 16MB)"
    run(connection, f"CREATE DATABASE [{name}]", add)
    assert refusal(connection, add) == 1828
    count = "SELECT COUNT(*) FROM sys.master_files WHERE database_id = DB_ID(?)"
    assert value(connection, count, name) == 3
    run(connection, f"ALTER DATABASE [{name}] REMOVE FILE more")
    assert value(connection, count, name) == 2
    assert refusal(connection, f"ALTER DATABASE [{name}] REMOVE FILE more") == 5009
    assert refusal(connection, f"ALTER DATABASE [{name}] REMOVE FILE [{name}]") == 5020


def test_shrinkfile_stops_at_what_is_used(simulator: Simulator, instance: Instance, driver: str) -> None:
    name = fresh()
    with connect(instance, driver=driver) as admin:
        run(admin, f"CREATE DATABASE [{name}]")
        run(admin, f"ALTER DATABASE [{name}] MODIFY FILE (NAME = [{name}], SIZE = 500MB)")
        simulator.control.set_used("sql01", name, 100)
        run(admin, f"USE [{name}]", f"DBCC SHRINKFILE (N'{name}', 50) WITH NO_INFOMSGS")
        assert 100 <= value(admin, "SELECT size / 128.0 FROM sys.database_files WHERE file_id = 1") < 101
        assert value(admin, f"SELECT FILEPROPERTY(N'{name}', 'SpaceUsed')") == 12800
        assert refusal(admin, "DBCC SHRINKFILE (N'nowhere', 50)") == 8985


def test_used_space_reads_in_the_databases_own_context(connection: pyodbc.Connection) -> None:
    name = fresh()
    run(connection, f"CREATE DATABASE [{name}]")
    query = f"""EXEC [{name}].sys.sp_executesql N'SELECT type, name, size,
        FILEPROPERTY(name, ''SpaceUsed'') AS used FROM sys.database_files'"""
    found = rows(connection, query)
    assert [row[:3] for row in found] == [(0, name, 1024), (1, f"{name}_log", 1024)]
    assert all(row[3] > 0 for row in found)
