"""What a customer may not do in the databases of a booked application, and how older bookings get there."""

from __future__ import annotations

import pyodbc
import pytest

from tests.support.playbooks import Platform
from tests.support.simulators import DRIVERS, connect

PASSWORD = "Customer-Password-1!"
DENIED = ["ALTER ANY DATABASE DDL TRIGGER", "ALTER ANY DATABASE EVENT NOTIFICATION"]
PLANT = "CREATE TRIGGER [t] ON DATABASE FOR CREATE_USER AS ALTER SERVER ROLE sysadmin ADD MEMBER [{}]"


def denied_to(connection, user):
    query = """SELECT permission_name FROM sys.database_permissions
        WHERE state = 'D' AND USER_NAME(grantee_principal_id) = ? ORDER BY permission_name"""
    return [row[0] for row in connection.execute(query, user)]


@pytest.mark.parametrize("driver", sorted(DRIVERS))
def test_a_customer_cannot_plant_a_trigger_that_the_platform_would_set_off(simulator, tmp_path, driver):
    platform = Platform(simulator, tmp_path / "platform", driver=driver)
    name = f"planted_{driver}"
    login, database = f"{name}_app", f"{name}_orders"
    booking = {
        "application_name": name,
        "application_instance": "sql01",
        "application_databases": [{"name": "orders"}],
        "application_password": PASSWORD,
    }
    before = len(simulator.trace())
    platform.play("book_application", **booking).succeeded()
    texts = [line["text"] for line in simulator.trace()[before:]]
    denials = [position for position, text in enumerate(texts) if text.startswith("DENY ")]
    rights = [
        position
        for position, text in enumerate(texts)
        if f"[{login}]" in text and text.startswith(("ALTER ROLE", "GRANT"))
    ]
    assert len(denials) == len(DENIED)
    assert texts[denials[0] - 1].startswith("CREATE USER")
    assert max(denials) < min(rights)

    instance = simulator.instances["sql01"]
    with (
        connect(instance, driver=driver, user=login, password=PASSWORD, database=database) as customer,
        connect(instance, driver=driver, database=database) as administrator,
    ):
        with pytest.raises(pyodbc.Error, match=r"do not have permissions.*1088"):
            customer.execute(PLANT.format(login))
        with pytest.raises(pyodbc.Error, match="59999"):  # allowed, and more than the simulator can do
            administrator.execute(PLANT.format(login))
        customer.execute("CREATE TABLE still_allowed (x int)")

        # A booking from before the denials.
        for permission in DENIED:
            administrator.execute(f"REVOKE {permission} FROM [{login}]")
        assert denied_to(administrator, login) == []
        with pytest.raises(pyodbc.Error, match="59999"):
            customer.execute(PLANT.format(login))
        repaired = platform.play("book_application", **booking).succeeded()
        assert len(repaired.statements("intent")) == len(DENIED)
        assert denied_to(administrator, login) == DENIED
        with pytest.raises(pyodbc.Error, match="1088"):
            customer.execute(PLANT.format(login))
