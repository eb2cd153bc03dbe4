"""The trace: one line for every message, with who sent it, where, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import pyodbc
import pytest

from tests.support.simulators import Instance, Simulator, connect

REQUIRED = {"at", "instance", "login", "app_name", "database", "text", "outcome"}


def lines_of(simulator: Simulator, app: str, *kinds: str) -> list[dict[str, Any]]:
    """The lines of one application, without what the drivers ask on their own account."""
    lines = simulator.trace(kinds=kinds or ("batch", "rpc"))
    return [x for x in lines if x["app_name"] == app and "datatype_info" not in x["text"]]


@pytest.fixture
def app() -> str:
    """An application name that no other test uses."""
    return f"trace-{uuid4()}"


def test_a_batch_is_traced_with_its_sender_and_its_text(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    connection = connect(instance, driver=driver, app=app, database="tempdb")
    connection.execute("SELECT 1 AS [größe] -- €").fetchall()
    line = lines_of(simulator, app)[-1]
    assert line.keys() >= REQUIRED
    assert line["text"] == "SELECT 1 AS [größe] -- €"
    assert (
        line["instance"],
        line["login"],
        line["database"],
        line["outcome"],
        line["error"],
        line["kind"],
    ) == (("sql01", "sa", "tempdb", "ok", None, "batch"))
    assert line["spid"] > 50
    assert line["duration_ms"] >= 0
    assert datetime.fromisoformat(line["at"]).utcoffset() is not None


def test_a_statement_with_parameters_is_traced_without_their_values(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    connect(instance, driver=driver, app=app).execute("SELECT ?", "a value").fetchall()
    line = next(x for x in lines_of(simulator, app) if x["kind"] == "rpc")
    assert line["text"] == "SELECT @P1"
    assert all("a value" not in x["text"] for x in lines_of(simulator, app))


def test_an_error_is_traced_with_its_number(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    with pytest.raises(pyodbc.Error):
        connect(instance, driver=driver, app=app).execute("SELECT * FROM no_such_table")
    line = lines_of(simulator, app)[-1]
    assert (line["outcome"], line["error"]) == ("error", 208)


def test_lines_come_in_order_of_arrival(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    connection = connect(instance, driver=driver, app=app)
    for number in range(20):
        connection.execute(f"SELECT {number}").fetchall()
    texts = [x["text"] for x in lines_of(simulator, app) if x["text"].startswith("SELECT")]
    assert texts == [f"SELECT {number}" for number in range(20)]


def test_logins_are_traced_whether_they_succeed_or_not(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    with pytest.raises(pyodbc.Error):
        connect(instance, driver=driver, app=app, password="wrong")
    connect(instance, driver=driver, app=app)
    outcomes = [(x["outcome"], x["error"], x["login"]) for x in lines_of(simulator, app, "login")]
    assert outcomes == [("error", 18456, "sa"), ("ok", None, "sa")]


def test_transaction_requests_are_traced_as_what_they_do(
    simulator: Simulator, instance: Instance, driver: str, app: str
) -> None:
    connection = connect(instance, driver=driver, app=app, autocommit=False)
    connection.execute("SELECT 1").fetchall()
    connection.commit()
    assert "COMMIT TRANSACTION" in [x["text"] for x in lines_of(simulator, app, "transaction")]


def test_a_password_is_in_no_line(simulator: Simulator, instance: Instance, driver: str, app: str) -> None:
    secret = f"Pl4nted-{uuid4()}"
    connection = connect(instance, driver=driver, app=app)
    login = f"masked_{driver}"
    connection.execute(f"CREATE LOGIN [{login}] WITH PASSWORD = N'{secret}'")
    with pytest.raises(pyodbc.Error):
        connection.execute(f"CREATE LOGIN [{login}] WITH PASSWORD = N'{secret}' NONSENSE")
    connect(instance, driver=driver, app=app, user=login, password=secret)
    connection.execute("SELECT PWDCOMPARE(?, NULL)", secret).fetchall()
    connection.execute(f"DROP LOGIN [{login}]")
    assert secret not in simulator.trace_path.read_text(encoding="utf-8")
    assert f"CREATE LOGIN [{login}] WITH PASSWORD = N'******'" in [
        x["text"] for x in lines_of(simulator, app)
    ]


def test_the_trace_is_readable_by_its_owner_alone(
    simulator: Simulator, connection: pyodbc.Connection
) -> None:
    connection.execute("SELECT 1").fetchall()
    assert simulator.trace_path.stat().st_mode & 0o077 == 0
