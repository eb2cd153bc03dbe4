"""Nothing keeps a connection to the platform database once it is done: the database closes few at its end."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests.support.engine import wait_until
from tests.support.portal import KEY, NO_REDIS, SECRET_KEY, settings_for
from tests.webapp.test_keys import NEW
from webapp.cli import main
from webapp.platform.operations import PlatformNotReady
from webapp.runtime import create_runtime
from webapp.sealing import Box, use_box


def connections(url: str) -> int:
    """How many connections this process has to the database."""
    if url.startswith("sqlite"):
        path = str(Path(make_url(url).database or "").resolve())
        return sum(file.path == path for file in psutil.Process().open_files())
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    with create_engine(url, poolclass=NullPool).connect() as connection:
        return int(connection.scalar(text(query)) or 0) - 1


def test_a_runtime_in_use_is_counted(database_url: str) -> None:
    runtime = create_runtime(settings_for(database_url))
    assert connections(database_url) == 1
    runtime.database.dispose()
    wait_until(lambda: connections(database_url) == 0, "the connection was closed")


def test_a_start_that_is_refused_leaves_none(database_url: str) -> None:
    with pytest.raises(PlatformNotReady) as refused:  # kept, and with it all frames that could hold one
        create_runtime(settings_for(database_url, encryption_keys=NEW))
    wait_until(lambda: connections(database_url) == 0, "the connection was closed")
    assert "put the right key there" in str(refused.value)
    use_box(Box([KEY]))


@pytest.mark.parametrize(
    ("arguments", "with_keys", "status"),
    [
        (["database", "check"], "right", 0),
        (["database", "check"], "wrong", 1),
        (["database", "upgrade"], "right", 0),
        (["key", "rotate"], "both", 0),
        (["user", "list"], "right", 0),
        (["user", "reset-password", "nobody@example.com", "--password-file", "-"], "right", 1),
    ],
)
def test_a_command_leaves_none(database_url: str, arguments: list[str], with_keys: str, status: int) -> None:
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": {"right": KEY, "wrong": NEW, "both": f"{NEW},{KEY}"}[with_keys],
        "SQLHOSTING_DATABASE_URL": database_url,
        "SQLHOSTING_REDIS_URL": NO_REDIS,
    }
    result = CliRunner().invoke(main, arguments, input="a phrase for nobody\n", env=environment)
    assert result.exit_code == status, result.output
    wait_until(lambda: connections(database_url) == 0, "the connection was closed")
    use_box(Box([KEY]))
