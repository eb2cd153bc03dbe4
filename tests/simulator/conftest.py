"""What the simulator's own tests share: one running simulator, both drivers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyodbc
import pytest

from tests.support.simulators import DRIVERS, Instance, Simulator, connect, running_simulator

TOPOLOGY: dict[str, Any] = {
    "instances": [
        {"name": "sql01", "version": 2022, "platform": "Linux"},
        {
            "name": "sql02",
            "version": 2019,
            "platform": "Windows",
            "collation": "Latin1_General_CS_AS",
            "encryption": "off",
        },
    ]
}


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two instances: sql01 (2022, Linux) and sql02 (2019, Windows, case-sensitive collation)."""
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
def connection(instance: Instance, driver: str) -> Iterator[pyodbc.Connection]:
    """An autocommit connection of sa to master, through each driver in turn."""
    opened = connect(instance, driver=driver)
    try:
        yield opened
    finally:
        opened.close()
