"""Databases of one instance with different collations: every module reads all of them together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._error_numbers import KNOWN

from tests.support.modules import ModuleRunner
from tests.support.simulators import Simulator, connect, running_simulator

PASSWORD = "Str0ng-Secret-1!"
COLLATIONS = {
    "ci": "SQL_Latin1_General_CP1_CI_AS",
    "cs": "Latin1_General_CS_AS",
    "bin": "Latin1_General_100_BIN2",
    "utf8": "Latin1_General_100_CI_AS_SC_UTF8",
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    databases = [{"name": name, "collation": collation} for name, collation in COLLATIONS.items()]
    instance = {
        "name": "sql01",
        "databases": databases,
        "configuration": {"contained database authentication": 1},
    }
    with running_simulator(
        {"instances": [instance]}, folder=tmp_path_factory.mktemp("collations")
    ) as running:
        connect(running.instances["sql01"]).execute("CREATE DATABASE kept CONTAINMENT = PARTIAL")
        yield running


def test_a_login_comes_into_all_of_them_and_leaves_all_of_them(
    run_module: ModuleRunner, simulator: Simulator
) -> None:
    access = [{"name": name, "roles": ["db_datareader"]} for name in (*COLLATIONS, "kept")]
    made = run_module("mssql_login", name="Anna", password=PASSWORD, databases=access)
    assert not made["failed"], made["msg"]
    assert run_module("mssql_login", name="Anna", password=PASSWORD, databases=access)["changed"] is False
    leaves = [{"name": entry["name"], "state": "absent"} for entry in access]
    gone = run_module("mssql_login", name="Anna", state="absent", databases=leaves)
    assert not gone["failed"], gone["msg"]
    opened = connect(simulator.instances["sql01"])
    for name in (*COLLATIONS, "kept"):
        left = opened.execute(f"SELECT COUNT(*) FROM [{name}].sys.database_principals WHERE name = N'Anna'")
        assert left.fetchval() == 0, name
    assert opened.execute("SELECT COUNT(*) FROM sys.server_principals WHERE name = N'Anna'").fetchval() == 0


@pytest.mark.parametrize("way", ["in_process"])
@pytest.mark.parametrize(
    ("module", "options"),
    [("mssql_discover", {}), ("mssql_quota", {"databases": [{"name": name} for name in COLLATIONS]})],
)
def test_all_of_them_are_read_together(run_module: ModuleRunner, module: str, options: dict) -> None:
    result = run_module(module, **options)
    assert not result["failed"], result["msg"]


@pytest.mark.parametrize("number", [451, 457, 468])
def test_a_template_that_mixes_them_is_told_what_to_do(number: int) -> None:
    assert "COLLATE DATABASE_DEFAULT" in KNOWN[number].remedy
