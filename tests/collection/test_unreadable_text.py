"""A server that answers with text that is no Unicode: words, and what was received escaped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.modules import ModuleRunner
from tests.support.simulators import Simulator, connect, running_simulator

HALF = "\ud83d"  # half of a surrogate pair: SQL Server keeps it, no driver can decode it


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running_simulator(
        {"instances": [{"name": "sql01"}]}, folder=tmp_path_factory.mktemp("odd")
    ) as running:
        connection = connect(running.instances["sql01"])
        connection.execute(
            "DECLARE @half nvarchar(9) = NCHAR(55357); EXEC (N'CREATE DATABASE [odd ' + @half + N'x]')"
        )
        yield running


def test_a_name_that_is_no_unicode_is_shown_escaped(run_module: ModuleRunner) -> None:
    result = run_module("mssql_discover", gather_subset=["databases"])
    assert result["failed"]
    assert r"text that cannot be decoded: odd \ud83dx" in result["msg"]
    assert "rename it" in result["error"]["remedy"]
    assert "b'" not in result["msg"]


@pytest.mark.parametrize("way", ["in_process"])
def test_an_error_text_that_is_no_unicode_gives_words(
    run_module: ModuleRunner, simulator: Simulator, driver: str
) -> None:
    fault = simulator.control.add_fault("sql01", kind="error", number=50001, message=f"odd {HALF} text")
    try:
        result = run_module("mssql_discover")
    finally:
        simulator.control.remove_fault(fault)
    # Microsoft's driver gives no text at all, FreeTDS a question mark for what it could not decode.
    words = {"msodbcsql18": "whose text the driver could not decode", "freetds": "odd ? text (error 50001)"}
    assert words[driver] in result["msg"]
    assert "b'" not in result["msg"]


@pytest.mark.parametrize("way", ["in_process"])
@pytest.mark.parametrize("option", ["login_user", "login_database"])
def test_connection_options_that_are_no_unicode_are_named(run_module: ModuleRunner, option: str) -> None:
    result = run_module("mssql_discover", **{option: f"odd {HALF}"})
    assert result["failed"]
    assert r"\ud83d" in result["msg"]
    assert result["error"]["kind"] in ("ConnectionFailed", "InvalidInput")
