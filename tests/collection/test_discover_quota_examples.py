"""The examples that ansible-doc shows for mssql_discover and mssql_quota, run as they stand."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.modules import AnsibleRunner, local_play, login_options
from tests.support.simulators import Simulator, running_simulator

TOPOLOGY: dict[str, Any] = {
    "instances": [{"name": "sql01", "databases": [{"name": "shop_orders", "max_mib": 1024}]}]
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("examples")) as running:
        yield running


@pytest.mark.parametrize("module", ["mssql_discover", "mssql_quota"])
def test_the_examples_run(module: str, run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    source = importlib.import_module(f"ansible_collections.sqlhosting.mssql.plugins.modules.{module}")
    tasks = yaml.safe_load(source.EXAMPLES)
    login = login_options(simulator.instances["sql01"], "msodbcsql18")
    for task in tasks:
        for name, options in task.items():
            if name.startswith("sqlhosting."):
                options.update(login)  # only where the instance is differs from the text
    run = run_ansible.playbook([local_play(*tasks)])
    assert run.returncode == 0, run.output
    assert run.output.count("TASK [") == len(tasks)
    assert "failed=0" in run.output
