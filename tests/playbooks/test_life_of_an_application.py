"""Book, book again, add a database, check quotas, delete softly, purge: with real ansible-playbook runs."""

from __future__ import annotations

import pytest

from tests.support.playbooks import Platform, unexplained
from tests.support.simulators import DRIVERS


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_an_application_is_booked_extended_and_deleted_and_second_runs_change_nothing(
    simulator, tmp_path, driver
):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    name = f"life_{driver}"
    orders = {"name": "orders", "data_limit": "2GiB", "log_limit": "256MiB"}
    journals = []
    before = len(simulator.trace())

    def run(playbook, **variables):
        first = platform.play(playbook, application_name=name, **variables).succeeded()
        second = platform.play(playbook, application_name=name, **variables).succeeded()
        assert first.changed > 0
        assert second.changed == 0, second.output
        journals.extend(first.journal + second.journal)
        return first

    booked = run("book_application", application_databases=[orders])
    where = next(host for host, counts in booked.recap.items() if counts["changed"])
    assert f"login: {name}_app" in booked.output
    assert platform.databases(where)[f"{name}_orders"]["owner"] == f"{name}_owner"

    run("add_database", application_databases=[{"name": "stock"}])
    assert f"{name}_stock" in platform.databases(where)

    quotas = platform.play("check_quota").succeeded()
    assert quotas.changed == 0
    assert f"{name}_orders" in quotas.output
    journals.extend(quotas.journal)

    run("delete_database", application_database="stock", application_deletion_date="20261121")
    assert platform.databases(where)[f"{name}_stock__del_20261121"]["state"] == "OFFLINE"
    assert platform.databases(where)[f"{name}_orders"]["state"] == "ONLINE"

    run("delete_application", application_deletion_date="20261122")
    assert platform.databases(where)[f"{name}_orders__del_20261122"]["state"] == "OFFLINE"

    run("delete_application", application_purge=True)
    assert not [database for database in platform.databases(where) if database.startswith(name)]
    assert unexplained(simulator.trace()[before:], journals) == []


def test_modules_in_processes_of_their_own_do_the_same(simulator, tmp_path):
    platform = Platform(simulator, tmp_path / "platform", driver="freetds", in_process=False)
    booking = {"application_name": "shipped", "application_databases": [{"name": "orders"}]}
    before = len(simulator.trace())
    planned = platform.play("book_application", "--check", **booking).succeeded()
    booked = platform.play("book_application", **booking).succeeded()
    again = platform.play("book_application", **booking).succeeded()
    assert booked.statements("intent") == planned.statements("planned") != []
    assert again.changed == 0
    journals = planned.journal + booked.journal + again.journal
    assert unexplained(simulator.trace()[before:], journals) == []
