"""The real servers and the browser that these tests prove to work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Chromium, shared_browser
from tests.support.postgres import Postgres, shared_postgres
from tests.support.redis import Redis, embedded_executable, executable, running_redis


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Postgres:
    """This test process's PostgreSQL."""
    return shared_postgres(pytestconfig)


@pytest.fixture(params=[executable, embedded_executable], ids=["preferred", "embedded"])
def redis_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Redis]:
    """A Redis: the one that tests get by default, and the one that a machine without Redis gets."""
    with running_redis(tmp_path / "redis", program=request.param()) as server:
        yield server


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Chromium:
    """This test process's Chromium."""
    return shared_browser(pytestconfig)
