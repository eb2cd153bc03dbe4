"""Empty databases and those of the platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.portal import KEY
from tests.support.postgres import shared_postgres
from webapp.database import Database
from webapp.sealing import Box, use_box


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[Database]:
    """A database without tables."""
    use_box(Box([KEY]))
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = shared_postgres(pytestconfig).create_database()
    database = Database(url)
    yield database
    database.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database."""
    use_box(Box([KEY]))
    database = Database(database_url)
    yield database
    database.dispose()
