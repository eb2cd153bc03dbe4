"""One platform for all stories: they book under different names.

It runs on PostgreSQL; ``python -m demo``, whose story is tested as well, on SQLite. ``make matrix`` runs
these stories on both.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.people import POOL, Staff, Town
from tests.support.browser import Pages, shared_browser
from tests.support.platform import Platform, running_platform
from tests.support.postgres import shared_postgres


@pytest.fixture(scope="package", params=["postgresql", pytest.param("sqlite", marks=pytest.mark.matrix)])
def platform(
    request: pytest.FixtureRequest, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """A platform with a pool of two instances that were looked at; an admin set it up on the pages."""
    url = shared_postgres(pytestconfig).create_database() if request.param == "postgresql" else None
    with running_platform(tmp_path_factory.mktemp("platform") / "one", database_url=url) as platform:
        with shared_browser(pytestconfig).pages() as pages:
            set_up(Town(platform, pages).admin())
        yield platform


@pytest.fixture
def pages(pytestconfig: pytest.Config, platform: Platform) -> Iterator[Pages]:
    """The browser windows of one test."""
    with shared_browser(pytestconfig).pages() as pages:
        yield pages


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A test that failed also tells what became of the platform's jobs."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    platform = getattr(item, "funcargs", {}).get("platform")
    if report.failed and platform is not None:
        report.sections.append(("jobs of the platform", platform.jobs()))


@pytest.fixture
def town(platform: Platform, pages: Pages) -> Town:
    """Everybody who meets at the platform."""
    return Town(platform, pages)


def set_up(admin: Staff) -> None:
    """An elevated account, a pool, its instances; account checked and instances discovered by jobs."""
    page = admin.page
    admin.open("/elevated-accounts/new")
    page.get_by_label("Name", exact=True).fill("platform on all instances")
    page.get_by_label("Login", exact=True).fill("platform")
    page.get_by_label("Password", exact=True).fill(admin.platform.secrets.elevated)
    admin.press("Save")
    admin.open("/pools/new")
    page.get_by_label("Name", exact=True).fill(POOL)
    admin.press("Save")
    pool = page.url
    for name, instance in admin.platform.simulator.instances.items():
        admin.open(pool)
        page.get_by_role("link", name="Add an instance").first.click()
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Address", exact=True).fill(instance.host)
        page.get_by_label("Port", exact=True).fill(str(instance.port))
        page.get_by_label("Trust any certificate").check()
        admin.press("Save")
    for button in ("Check account", "Discover now"):
        admin.open(pool)
        admin.press(button)
        admin.wait_for_job()
