# ruff: noqa: E501 - one statement per line reads best
"""State on disk: a restarted simulator still has its databases, logins and rights."""

from __future__ import annotations

from pathlib import Path

import pyodbc
import pytest

from tests.simulator.asking import rows, run, value
from tests.support.simulators import connect, running_simulator

SECRET = "Planted-Secret-77!"
READ = [
    "SELECT name, database_id, recovery_model_desc, collation_name, SUSER_SNAME(owner_sid) FROM sys.databases",
    "SELECT database_id, file_id, name, physical_name, size, max_size, growth FROM sys.master_files",
    "SELECT name, principal_id, sid, is_policy_checked FROM sys.sql_logins",
    "SELECT role_principal_id, member_principal_id FROM sys.server_role_members",
    "SELECT grantee_principal_id, permission_name, state FROM sys.server_permissions",
    "SELECT name, principal_id, sid FROM [shop]].x].sys.database_principals",
    "SELECT role_principal_id, member_principal_id FROM [shop]].x].sys.database_role_members",
    "SELECT grantee_principal_id, permission_name, state FROM [shop]].x].sys.database_permissions",
    "SELECT name, CONVERT(bigint, value) FROM sys.configurations",
    "SELECT database_name, type, backup_finish_date FROM msdb.dbo.backupset",
]


@pytest.mark.parametrize("name", ["freetds"])
def test_everything_but_tables_survives_a_restart(tmp_path: Path, name: str) -> None:
    topology = {"instances": [{"name": "sql01"}], "state": str(tmp_path / "state")}
    with (
        running_simulator(topology, folder=tmp_path / "first") as first,
        connect(first.instances["sql01"], driver=name) as admin,
    ):
        run(
            admin,
            f"CREATE LOGIN [customer] WITH PASSWORD = N'{SECRET}'",
            "CREATE DATABASE [shop]].x] COLLATE Latin1_General_100_CI_AS_SC_UTF8",
            "ALTER DATABASE [shop]].x] SET RECOVERY SIMPLE",
            "ALTER AUTHORIZATION ON DATABASE::[shop]].x] TO [customer]",
            "CREATE DATABASE [away]",
            "ALTER DATABASE [away] SET OFFLINE",
            "DROP DATABASE [away]",
            "USE [shop]].x]",
            "CREATE USER [u] WITHOUT LOGIN",
            "ALTER ROLE db_datareader ADD MEMBER [u]",
            "GRANT EXECUTE TO [u]",
            "USE master",
            "GRANT VIEW SERVER STATE TO [customer]",
            "ALTER SERVER ROLE dbcreator ADD MEMBER [customer]",
            "EXEC sp_configure 'nested triggers', 0",
            "BACKUP DATABASE master TO DISK = 'NUL'",
        )
        before = [rows(admin, query) for query in READ]
    with running_simulator(topology, folder=tmp_path / "second") as second:
        connect(second.instances["sql01"], driver=name, user="customer", password=SECRET).close()
        with connect(second.instances["sql01"], driver=name) as admin:
            assert [rows(admin, query) for query in READ] == before
            assert (
                value(
                    admin,
                    "SELECT CONVERT(int, value_in_use) FROM sys.configurations WHERE name = 'nested triggers'",
                )
                == 0
            )
            with pytest.raises(pyodbc.Error, match="already exists"):
                run(admin, "CREATE DATABASE [away]")


def test_no_password_is_on_the_disk(tmp_path: Path) -> None:
    topology = {"instances": [{"name": "sql01"}], "state": str(tmp_path / "state")}
    with (
        running_simulator(topology, folder=tmp_path / "run") as running,
        connect(running.instances["sql01"], driver="freetds") as admin,
    ):
        run(admin, f"CREATE LOGIN [customer] WITH PASSWORD = N'{SECRET}'")
    kept = list((tmp_path / "state").iterdir())
    assert [path.name for path in kept] == ["sql01.json"]
    text = kept[0].read_text(encoding="utf-8")
    assert "customer" in text and SECRET not in text
    assert kept[0].stat().st_mode & 0o077 == 0


def test_a_broken_state_file_is_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "sql01.json").write_text("{}", encoding="utf-8")
    topology = {"instances": [{"name": "sql01"}], "state": str(state)}
    with (
        pytest.raises(RuntimeError, match="not a state file"),
        running_simulator(topology, folder=tmp_path / "run"),
    ):
        pass
