"""One simulator for all playbook tests; each test uses applications of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.playbooks import Platform, instance
from tests.support.simulators import Simulator, running_simulator


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Two instances in one pool: sql01 (2022, Linux) and sql02 (2019, Windows, case-sensitive, more room)."""
    topology = {
        "instances": [
            instance("sql01", cpus=8),
            instance(
                "sql02",
                version=2019,
                platform="Windows",
                collation="Latin1_General_CS_AS",
                volumes=[{"mount_point": "C:\\", "size_gib": 200}],
            ),
        ]
    }
    with running_simulator(topology, folder=tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture
def platform(simulator: Simulator, tmp_path) -> Platform:
    """Modules in Ansible's own process, Microsoft's driver."""
    return Platform(simulator, tmp_path / "platform", driver="msodbcsql18")
