"""The servers that these tests run against: a simulated one always, and a real one when one is given.

``SQLHOSTING_VERIFY_DSN`` is an ODBC connection string of a login with sysadmin rights on a server that may be
thrown away, such as ``Server=tcp:sql.example.com,1433;UID=sa;PWD=…;Encrypt=yes;TrustServerCertificate=yes``.
The tests create and drop databases and logins whose names begin with ``sqlhosting_verify_``.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tests.support.modules  # noqa: F401 - Ansible's finder must be the first to load ansible_collections
from tests.support.simulators import DRIVERS, SA_PASSWORD, running_simulator
from tests.verified.server import Server, options_from_dsn

PREFIX = "sqlhosting_verify_"
TARGETS = ["simulator", *(["real server"] if os.environ.get("SQLHOSTING_VERIFY_DSN") else [])]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Connection options of a simulated instance, without the driver."""
    with running_simulator({"instances": [{"name": "sql01"}]}, folder=tmp_path_factory.mktemp("sim")) as sim:
        at = sim.instances["sql01"]
        yield {
            "login_host": at.host,
            "login_port": at.port,
            "login_user": "sa",
            "login_password": SA_PASSWORD,
            "trust_server_certificate": True,
        }


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """The simulator, and the real server when one is given."""
    return str(request.param)


@pytest.fixture(params=sorted(DRIVERS))
def server(target: str, request: pytest.FixtureRequest, simulated: dict[str, Any], tmp_path: Path) -> Server:
    """The server to verify against, over each ODBC driver in turn."""
    driver = DRIVERS[request.param]
    if target == "simulator":
        return Server({**simulated, "odbc_driver": driver}, tmp_path)
    return Server(options_from_dsn(os.environ["SQLHOSTING_VERIFY_DSN"], driver), tmp_path)


@pytest.fixture
def name(server: Server) -> Iterator[str]:
    """A name for a database and a login that do not exist; both are gone afterwards."""
    drawn = PREFIX + secrets.token_hex(4)
    yield drawn
    server.run("mssql_database", name=drawn, state="absent", terminate_sessions=True)
    server.run("mssql_login", name=drawn, state="absent", terminate_sessions=True)
