"""The examples that ansible-doc shows, run as they stand."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.modules import AnsibleRunner, local_play, login_options
from tests.support.simulators import Simulator, running_simulator

TOPOLOGY: dict[str, Any] = {
    "instances": [
        {
            "name": "sql01",
            "databases": [{"name": "shop_orders", "max_mib": 1024}],
            "logins": [{"name": "platform", "password": "Plat-form-1", "server_roles": ["sysadmin"]}],
        }
    ]
}
# What the texts leave to their reader, as extra variables.
WITHOUT_CONNECTION = ("sqlhosting.mssql.mssql_plan", "sqlhosting.mssql.mssql_fleet")
VARIABLES = {"owner_password": "Own-er-pass-1", "customer_password": "Cust-omer-pass-1"}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running_simulator(TOPOLOGY, folder=tmp_path_factory.mktemp("examples")) as running:
        yield running


@pytest.mark.parametrize(
    "module", ["mssql_database", "mssql_discover", "mssql_fleet", "mssql_login", "mssql_plan", "mssql_quota"]
)
def test_the_examples_run(module: str, run_ansible: AnsibleRunner, simulator: Simulator) -> None:
    source = importlib.import_module(f"ansible_collections.sqlhosting.mssql.plugins.modules.{module}")
    tasks = yaml.safe_load(source.EXAMPLES)
    login = login_options(simulator.instances["sql01"], "msodbcsql18")
    if module == "mssql_login":  # its customer's login gets into a database that is there
        tasks.insert(0, {"name": "The database", "sqlhosting.mssql.mssql_database": {"name": "shop"}})
    if module == "mssql_fleet":  # it takes the hosts' own connections
        tasks.insert(0, {"name": "Connect", "ansible.builtin.set_fact": {"sqlhosting_connection": login}})
    for task in tasks:
        for name, options in task.items():
            if name.startswith("sqlhosting.") and name not in WITHOUT_CONNECTION:
                options.update(login)  # only where the instance is differs from the text
    run = run_ansible.playbook([local_play(*tasks, vars=VARIABLES)])
    assert run.returncode == 0, run.output
    assert run.output.count("TASK [") == len(tasks)
    assert "failed=0" in run.output
