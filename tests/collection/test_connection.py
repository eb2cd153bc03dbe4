"""Connecting: the right string for each driver, and failures that say what to do."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _connection, _errors
from ansible_collections.sqlhosting.mssql.plugins.module_utils._arguments import full_spec, validate

from tests.support.modules import login_options
from tests.support.simulators import DRIVERS, Instance, Simulator


def options(**given: Any) -> dict[str, Any]:
    """Validated connection options."""
    login = {"login_user": "platform", "login_password": "pw"}
    return validate(full_spec({}), {}, {**login, **given})[0]


MICROSOFT = "ODBC Driver 18 for SQL Server"


@pytest.mark.parametrize(
    ("driver", "given", "parts"),
    [
        (
            MICROSOFT,
            {},
            ["Driver={ODBC Driver 18 for SQL Server}", "Server=tcp:localhost,1433", "Encrypt=yes"],
        ),
        (
            MICROSOFT,
            {},
            ["TrustServerCertificate=no", "APP=sqlhosting", "ConnectRetryCount=0", "Database={master}"],
        ),
        (MICROSOFT, {"login_port": 1444, "login_instance": "X"}, ["Server=tcp:localhost,1444"]),
        (MICROSOFT, {"login_instance": "SQL$1"}, ["Server=tcp:localhost\\SQL$1"]),
        (MICROSOFT, {"encrypt": "strict"}, ["Encrypt=strict"]),
        (MICROSOFT, {"encrypt": False}, ["Encrypt=no"]),  # YAML reads no as a boolean
        (MICROSOFT, {"application_intent": "read_only"}, ["ApplicationIntent=ReadOnly"]),
        (MICROSOFT, {"authentication": "windows"}, ["Trusted_Connection=yes"]),
        (MICROSOFT, {"authentication": "entra_msi"}, ["Authentication=ActiveDirectoryMsi", "UID={platform}"]),
        (
            MICROSOFT,
            {"authentication": "entra_service_principal"},
            ["Authentication=ActiveDirectoryServicePrincipal"],
        ),
        (MICROSOFT, {"login_password": "a}b;c={"}, ["PWD={a}}b;c={}"]),
        ("FreeTDS", {"trust_server_certificate": True}, ["Server=localhost;Port=1433", "Encryption=require"]),
        (
            "FreeTDS",
            {"trust_server_certificate": True},
            ["TDS_Version=7.4", "APP=sqlhosting", "ClientCharset=UTF-8"],
        ),
        ("FreeTDS", {}, ["Servername=sqlhosting", "Encryption=require"]),
        ("FreeTDS", {"encrypt": "no"}, ["Server=localhost;Port=1433", "Encryption=off"]),
        ("FreeTDS", {"encrypt": "no", "login_instance": "X"}, ["Server=localhost\\X"]),
        ("FreeTDS", {"login_password": "a}b;c={"}, ["PWD={a}b;c={}"]),
        ("/opt/lib/libtdsodbc.so", {}, ["Driver={/opt/lib/libtdsodbc.so}", "TDS_Version=7.4"]),
    ],
)
def test_connection_string(driver: str, given: dict[str, Any], parts: list[str]) -> None:
    text = _connection.connection_string(options(**given), driver)
    for part in parts:
        assert f"{part};" in text


def test_windows_authentication_sends_no_password() -> None:
    for driver in (MICROSOFT, "FreeTDS"):
        text = _connection.connection_string(options(authentication="windows"), driver)
        assert "PWD" not in text
        assert "UID" not in text


@pytest.mark.parametrize(
    ("driver", "given", "field"),
    [
        (MICROSOFT, {"login_host": "a;PWD=x"}, "login_host"),
        (MICROSOFT, {"login_host": "a,1433"}, "login_host"),
        (MICROSOFT, {"login_host": "a\\b"}, "login_host"),
        (MICROSOFT, {"login_host": ""}, "login_host"),
        (MICROSOFT, {"login_port": 0}, "login_port"),
        (MICROSOFT, {"login_port": 65536}, "login_port"),
        (MICROSOFT, {"login_instance": "a b"}, "login_instance"),
        (MICROSOFT, {"login_user": "a\nb"}, "login_user"),
        (MICROSOFT, {"login_password": None}, "login_password"),
        (MICROSOFT, {"login_user": None}, "login_user"),
        (MICROSOFT, {"login_timeout": -1}, "login_timeout"),
        ("FreeTDS", {"encrypt": "strict"}, "encrypt"),
        ("FreeTDS", {"authentication": "entra_msi"}, "authentication"),
        ("FreeTDS", {"login_password": "a};b"}, "login_password"),
    ],
)
def test_what_cannot_work_is_refused_by_its_name(driver: str, given: dict[str, Any], field: str) -> None:
    with pytest.raises(_errors.InvalidInput) as caught:
        _connection.connection_string(options(**given), driver)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("wanted", "available", "chosen"),
    [
        (None, ["FreeTDS", MICROSOFT], MICROSOFT),
        (None, ["FreeTDS", "ODBC Driver 17 for SQL Server"], "FreeTDS"),
        ("FreeTDS", ["FreeTDS", MICROSOFT], "FreeTDS"),
        ("/dev/null", [], "/dev/null"),
    ],
)
def test_driver_is_found(wanted: str | None, available: list[str], chosen: str) -> None:
    assert _connection.choose_driver(wanted, available) == chosen


@pytest.mark.parametrize(
    ("wanted", "available"),
    [(None, []), (None, ["PostgreSQL"]), ("Nope", ["FreeTDS"]), ("/nope.so", ["FreeTDS"])],
)
def test_a_missing_driver_is_told_with_what_to_install(wanted: str | None, available: list[str]) -> None:
    with pytest.raises(_errors.DriverMissing) as caught:
        _connection.choose_driver(wanted, available)
    assert "msodbcsql18" in caught.value.remedy
    assert "tdsodbc" in caught.value.remedy


def _failure(instance: Instance, driver: str, **given: Any) -> _errors.MssqlError:
    with pytest.raises(_errors.MssqlError) as caught:
        _connection.open_connection(options(**login_options(instance, driver, **given)))
    assert "Sim-Admin" not in str(caught.value)
    assert caught.value.remedy
    return caught.value


def test_a_library_that_is_no_driver_is_told(instance: Instance, tmp_path: Any) -> None:
    (tmp_path / "libmsodbcsql-18.so").write_text("nothing")
    error = _failure(instance, "freetds", odbc_driver=str(tmp_path / "libmsodbcsql-18.so"))
    assert isinstance(error, _errors.DriverMissing)


def test_a_wrong_password_is_told_once(instance: Instance, driver: str, simulator: Simulator) -> None:
    before = len(simulator.trace(kinds=("login",)))
    error = _failure(instance, driver, login_password="wrong")
    assert isinstance(error, _errors.LoginFailed)
    assert error.number == 18456
    assert not error.retryable
    assert len(simulator.trace(kinds=("login",))) == before + 1


def test_a_database_that_cannot_be_opened_fails_the_login(instance: Instance, driver: str) -> None:
    # FreeTDS hands over the second of the server's two errors, so the class differs; the remedy names the
    # option.
    error = _failure(instance, driver, login_database="nowhere")
    assert error.number in (4060, 18456)
    assert "login_database" in error.remedy


def test_a_wrong_port_is_told_at_once(instance: Instance, driver: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = _failure(instance, driver, login_port=free.getsockname()[1])
    assert isinstance(error, _errors.ConnectionFailed)
    assert "nothing listens on port" in str(error)
    assert error.retryable


def test_an_unknown_host_is_told(instance: Instance, driver: str) -> None:
    assert "is unknown" in str(_failure(instance, driver, login_host="nowhere.invalid"))


def test_a_certificate_that_nobody_signed_is_refused(instance: Instance, driver: str) -> None:
    error = _failure(instance, driver, trust_server_certificate=False)
    assert isinstance(error, _errors.CertificateNotTrusted)
    assert "trust_server_certificate: true" in error.remedy


def test_a_certificate_of_a_known_authority_is_accepted(
    instance: Instance, driver: str, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(simulator.certificate))
    login = login_options(instance, driver, trust_server_certificate=False, login_host="localhost")
    connection = _connection.open_connection(options(**login))
    assert connection.execute("SELECT 1").fetchall()
    connection.close()
    assert "FREETDSCONF" not in os.environ


@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_encryption_can_be_chosen(simulator: Simulator, driver: str, encrypt: str) -> None:
    instance = simulator.instances["sql02"]
    _connection.open_connection(options(**login_options(instance, driver, encrypt=encrypt))).close()


def test_passwords_and_names_arrive_as_they_are(simulator: Simulator, driver: str) -> None:
    instance = simulator.instances["sql01"]
    name, password = f"o'br{{ien}}]; {driver}", "p;w}d{'=Ü 1 $(x)%"
    admin = _connection.open_connection(options(**login_options(instance, driver)))
    quoted = name.replace("]", "]]"), password.replace("'", "''")
    admin.execute(f"CREATE LOGIN [{quoted[0]}] WITH PASSWORD = N'{quoted[1]}', CHECK_POLICY = OFF")
    admin.close()
    login = login_options(instance, driver, login_user=name, login_password=password)
    connection = _connection.open_connection(options(**login))
    assert connection.execute("SELECT SUSER_SNAME()").fetchone()[0] == name
    connection.close()


@pytest.mark.parametrize(
    ("given", "label"),
    [({}, "localhost,1433"), ({"login_port": 5}, "localhost,5"), ({"login_instance": "X"}, "localhost\\X")],
)
def test_an_instance_has_one_name(given: dict[str, Any], label: str) -> None:
    assert _connection.instance_label(options(**given)) == label


def test_both_drivers_are_tested() -> None:
    assert {_connection.driver_kind(path) for path in DRIVERS.values()} == {"microsoft", "freetds"}
