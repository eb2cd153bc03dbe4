"""What the collection's tests share: simulated instances, both drivers, modules run in both ways."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.grammar import RECORDED
from tests.support.modules import IN_PROCESS, OUT_OF_PROCESS, AnsibleRunner, ModuleRunner
from tests.support.simulators import DRIVERS, SA_PASSWORD, Instance, Simulator, running_simulator

TOPOLOGY: dict[str, Any] = {
    "instances": [
        {"name": "sql01", "version": 2022, "platform": "Linux", "sa_password": SA_PASSWORD},
        {
            "name": "sql02",
            "version": 2019,
            "platform": "Windows",
            "collation": "Latin1_General_CS_AS",
            "sa_password": SA_PASSWORD,
        },
        {
            "name": "sql03",
            "version": 2022,
            "platform": "Linux",
            "edition": "Express",
            "volumes": [{"mount_point": "/", "size_gib": 2}],
            "sa_password": SA_PASSWORD,
        },
    ]
}


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """sql01 (2022, Linux), sql02 (2019, Windows, case-sensitive), sql03 (2022 Express, a volume of 2 GiB)."""
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture(params=sorted(DRIVERS))
def driver(request: pytest.FixtureRequest) -> str:
    """Each ODBC driver in turn."""
    return str(request.param)


@pytest.fixture
def instance(simulator: Simulator) -> Instance:
    """The Linux instance of version 2022."""
    return simulator.instances["sql01"]


@pytest.fixture
def journal_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The journal of this test's run; what it holds at the end has to be T-SQL."""
    path = tmp_path / "journal.jsonl"
    monkeypatch.setenv("SQLHOSTING_JOURNAL", str(path))
    monkeypatch.setenv("SQLHOSTING_RUN", secrets.token_hex(13).upper())
    for name in ("SQLHOSTING_APPROVED_PLAN", "SQLHOSTING_LEASE", "SQLHOSTING_TEMPLATES"):
        monkeypatch.delenv(name, raising=False)
    yield path
    if path.exists():
        RECORDED.note_journal(json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.fixture(params=[IN_PROCESS, OUT_OF_PROCESS])
def way(request: pytest.FixtureRequest) -> str:
    """In the controller's process and as an ordinary module, in turn."""
    return str(request.param)


@pytest.fixture
def run_module(simulator: Simulator, driver: str, way: str, journal_path: Path) -> ModuleRunner:
    """Runs a module in both ways over both drivers: ``run_module("mssql_database", name="shop")``.

    An ordinary module takes 0.5 s. Where that does not matter to the test, say
    ``@pytest.mark.parametrize("way", ["in_process"])``.
    """
    return ModuleRunner(simulator, driver, way, journal_path, os.environ["SQLHOSTING_RUN"])


@pytest.fixture
def run_ansible(tmp_path: Path) -> AnsibleRunner:
    """Runs real ansible-playbook and ansible commands."""
    folder = tmp_path / "ansible"
    folder.mkdir()
    return AnsibleRunner(folder)
