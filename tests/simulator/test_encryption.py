"""Which part of a connection is encrypted, and when a client refuses, by server mode and driver."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyodbc
import pytest

from simulator.tds.prelogin import CLIENT_CERTIFICATE, Encryption, agree_on_encryption, parse_prelogin
from tests.support.raw_tds import RawClient
from tests.support.simulators import Simulator, connect, connection_string, running_simulator

OFF, ON, NOT_SUPPORTED, REQUIRED = (
    Encryption.OFF,
    Encryption.ON,
    Encryption.NOT_SUPPORTED,
    Encryption.REQUIRED,
)


@pytest.fixture(scope="module")
def modes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One instance for each encryption mode."""
    names = ("off", "on", "required", "not_supported")
    topology = {"instances": [{"name": n.replace("_", "-"), "encryption": n} for n in names]}
    with running_simulator(topology, folder=tmp_path_factory.mktemp("modes")) as running:
        yield running


@pytest.mark.parametrize(
    ("mode", "asked", "answer", "scope"),
    [
        ("off", OFF, OFF, "login"),
        ("off", ON, ON, "all"),
        ("off", REQUIRED, ON, "all"),
        ("off", CLIENT_CERTIFICATE | ON, ON, "all"),
        ("off", CLIENT_CERTIFICATE | REQUIRED, ON, "all"),
        ("off", NOT_SUPPORTED, NOT_SUPPORTED, "nothing"),
        ("on", OFF, ON, "all"),
        ("on", ON, ON, "all"),
        ("on", REQUIRED, ON, "all"),
        ("on", NOT_SUPPORTED, REQUIRED, "all"),
        ("required", OFF, REQUIRED, "all"),
        ("required", ON, ON, "all"),
        ("required", REQUIRED, ON, "all"),
        ("required", NOT_SUPPORTED, REQUIRED, "all"),
        ("not_supported", OFF, NOT_SUPPORTED, "nothing"),
        ("not_supported", ON, NOT_SUPPORTED, "nothing"),
        ("not_supported", REQUIRED, NOT_SUPPORTED, "nothing"),
        ("not_supported", NOT_SUPPORTED, NOT_SUPPORTED, "nothing"),
    ],
)
def test_client_and_server_agree_on_encryption(mode: str, asked: int, answer: int, scope: str) -> None:
    agreed = agree_on_encryption(mode, asked)
    assert (agreed.answer, agreed.scope) == (answer, scope)


@pytest.mark.parametrize(
    ("mode", "answer"), [("off", ON), ("on", ON), ("required", ON), ("not-supported", NOT_SUPPORTED)]
)
def test_a_client_that_requires_encryption_is_answered_as_one_that_asks_for_it(
    modes: Simulator, mode: str, answer: Encryption
) -> None:
    with RawClient(modes.instances[mode], encryption=REQUIRED) as client:
        assert parse_prelogin(client.prelogin_reply).encryption == answer


@pytest.mark.parametrize("mode", ["off", "on", "required"])
@pytest.mark.parametrize("encrypt", ["yes", "no"])
def test_a_client_that_trusts_the_certificate_connects(
    modes: Simulator, driver: str, mode: str, encrypt: str
) -> None:
    with connect(modes.instances[mode], driver=driver, encrypt=encrypt) as connection:
        assert connection.execute("SELECT 1").fetchval() == 1


@pytest.mark.parametrize(
    ("mode", "encrypt"), [("off", "yes"), ("on", "yes"), ("on", "no"), ("required", "no")]
)
def test_microsofts_driver_refuses_a_certificate_that_it_does_not_trust(
    modes: Simulator, mode: str, encrypt: str
) -> None:
    with pytest.raises(pyodbc.OperationalError, match="certificate verify failed"):
        connect(modes.instances[mode], encrypt=encrypt, trust=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_microsofts_driver_accepts_a_certificate_that_its_machine_trusts(modes: Simulator, host: str) -> None:
    instance = replace(modes.instances["on"], host=host)
    code = "import pyodbc, sys; print(pyodbc.connect(sys.argv[1]).execute('SELECT 1').fetchval())"
    client = subprocess.run(
        [sys.executable, "-c", code, connection_string(instance, trust=False)],
        env={**os.environ, "SSL_CERT_FILE": str(modes.certificate)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (client.stdout, client.stderr) == ("1\n", "")


def test_without_encryption_the_certificate_does_not_matter(modes: Simulator) -> None:
    with connect(modes.instances["off"], encrypt="no", trust=False) as connection:
        assert connection.execute("SELECT 1").fetchval() == 1


def test_a_client_that_insists_on_encryption_refuses_a_server_without_it(
    modes: Simulator, driver: str
) -> None:
    with pytest.raises(pyodbc.Error):
        connect(modes.instances["not-supported"], driver=driver, encrypt="yes")
    with connect(modes.instances["not-supported"], driver=driver, encrypt="no") as connection:
        assert connection.execute("SELECT 1").fetchval() == 1


@pytest.mark.parametrize("mode", ["off", "on", "required"])
def test_strict_encryption_connects_with_the_servers_certificate(modes: Simulator, mode: str) -> None:
    with connect(
        modes.instances[mode], encrypt="strict", ServerCertificate=str(modes.certificate)
    ) as connection:
        assert connection.execute("SELECT 1").fetchval() == 1


def test_strict_encryption_refuses_a_certificate_that_it_does_not_trust(modes: Simulator) -> None:
    with pytest.raises(pyodbc.OperationalError):
        connect(modes.instances["on"], encrypt="strict", trust=False)


def test_the_certificate_file_holds_no_key(modes: Simulator) -> None:
    assert "PRIVATE" not in Path(modes.certificate).read_text(encoding="ascii")
