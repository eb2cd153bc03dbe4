"""Fixtures for the portal: every test that uses ``portal`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Pages, shared_browser
from tests.support.hosting import Hosting, create_hosting
from tests.support.portal import KEY, Client, Portal, migrate, settings_for
from tests.support.postgres import shared_postgres
from webapp.accounts.models import PortalRole
from webapp.bookings.kinds.registry import use_request_kinds
from webapp.database import Database
from webapp.registry import request_kinds
from webapp.sealing import Box, use_box


@pytest.fixture(scope="session", autouse=True)
def kinds_of_requests() -> None:
    """As in every process of the platform, also for tests of pure functions, which open no runtime."""
    use_request_kinds(request_kinds())


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "platform.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, migrated_sqlite: Path, tmp_path: Path
) -> Iterator[str]:
    """A migrated, otherwise empty platform database."""
    if request.param == "sqlite":
        shutil.copy(migrated_sqlite, tmp_path / "platform.db")
        yield f"sqlite:///{tmp_path / 'platform.db'}"
        return
    postgres = shared_postgres(pytestconfig)
    with postgres.lent_database(postgres.create_template("migrated", migrate)) as url:
        yield url


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


@pytest.fixture
def operator(portal: Portal) -> Client:
    """A client that an operator is logged in with."""
    return portal.client(portal.create_user(PortalRole.OPERATOR))


@pytest.fixture
def pages(pytestconfig: pytest.Config) -> Iterator[Pages]:
    """Visitors' pages; the test fails for any error in them."""
    with shared_browser(pytestconfig).pages() as pages:
        yield pages


@pytest.fixture
def hosting(portal: Portal) -> Hosting:
    """A pool with an instance that was looked at."""
    return create_hosting(portal)


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
