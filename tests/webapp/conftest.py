"""Fixtures for the portal: every test that uses ``portal`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.portal import Portal, migrate, settings_for
from tests.support.postgres import shared_postgres


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "platform.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, migrated_sqlite: Path, tmp_path: Path
) -> str:
    """A migrated, otherwise empty platform database."""
    if request.param == "sqlite":
        shutil.copy(migrated_sqlite, tmp_path / "platform.db")
        return f"sqlite:///{tmp_path / 'platform.db'}"
    postgres = shared_postgres(pytestconfig)
    return postgres.create_database(template=postgres.create_template("migrated", migrate))


@pytest.fixture
def portal(database_url: str, tmp_path: Path) -> Iterator[Portal]:
    """The portal without workers and without Redis."""
    portal = Portal(settings_for(database_url, data_folder=tmp_path / "data"))
    yield portal
    portal.close()


@pytest.fixture
def new_portal(database_url: str, tmp_path: Path) -> Iterator[Portal]:
    """The same, for a test that adds routes: they can be added to an application that has served nothing."""
    portal = Portal(settings_for(database_url, data_folder=tmp_path / "data"), is_new=True)
    yield portal
    portal.close()
