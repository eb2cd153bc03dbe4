"""A login without any right, on each version: what it cannot see is unknown, and nothing else fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.modules import ModuleRunner
from tests.support.simulators import Simulator, running_simulator

PASSWORD = "Weak-Login-1!"
VERSIONS = (2019, 2022, 2025)
WEAK = {"login_user": "weak", "login_password": PASSWORD}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    instances: list[dict[str, Any]] = [
        {
            "name": f"{platform[:3].lower()}{version}",
            "version": version,
            "platform": platform,
            "logins": [{"name": "weak", "password": PASSWORD}],
        }
        for version in VERSIONS
        for platform in ("Linux", "Windows")
    ]
    with running_simulator({"instances": instances}, folder=tmp_path_factory.mktemp("weak")) as running:
        yield running


@pytest.fixture
def way() -> str:
    return "in_process"


@pytest.mark.parametrize("version", VERSIONS)
def test_discovery_says_what_is_unknown(run_module: ModuleRunner, version: int) -> None:
    result = run_module("mssql_discover", instance=f"lin{version}", **WEAK)
    assert not result["failed"], result["msg"]
    facts = result["instance"]["version"]
    assert (facts["platform"], facts["distribution"]) == ("linux", "Ubuntu")
    assert facts["release"] == str(version)
    unknown = {entry["what"]: entry["missing_right"] for entry in result["unknown"]}
    right = "VIEW SERVER STATE" if version == 2019 else "VIEW SERVER PERFORMANCE STATE"
    assert (unknown["cpu"], unknown["memory"]) == (right, right)
    assert result["instance"]["memory"] is None


def test_windows_is_told_without_a_right(run_module: ModuleRunner) -> None:
    result = run_module("mssql_discover", instance="win2022", gather_subset=["version"], **WEAK)
    facts = result["instance"]["version"]
    assert (facts["platform"], facts["distribution"]) == ("windows", "Windows Server 2022 Standard")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("mssql_database", {"name": "shop", "data_size": "64MiB"}),
        ("mssql_database", {"name": "shop", "state": "absent"}),
        ("mssql_login", {"name": "app", "state": "absent"}),
        ("mssql_quota", {"databases": []}),
    ],
)
def test_no_module_asks_for_a_right_to_know_where_it_is(
    run_module: ModuleRunner, version: int, module: str, options: dict[str, Any]
) -> None:
    result = run_module(module, instance=f"lin{version}", check_mode=True, **options, **WEAK)
    if result["failed"]:  # by the module's own words, which name the right; never by the server's 300
        assert result["error"]["number"] is None, result["msg"]
