"""The main story once more, in short, with PostgreSQL as the platform database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.conftest import set_up
from tests.end_to_end.people import Town, log_in_over_odbc
from tests.support.browser import shared_browser
from tests.support.leaks import database_texts, leaks
from tests.support.platform import Platform, running_platform
from tests.support.postgres import shared_postgres


@pytest.fixture(scope="module")
def platform(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform of its own, set up like the one of the other stories."""
    folder = tmp_path_factory.mktemp("platform") / "postgres"
    with running_platform(folder, database_url=shared_postgres(pytestconfig).create_database()) as platform:
        with shared_browser(pytestconfig).pages() as pages:
            set_up(Town(platform, pages).admin())
        yield platform


def test_a_booking_from_registering_to_logging_in_with_the_password(town: Town) -> None:
    customer, admin = town.customer(), town.admin()
    customer.book("shop")
    customer.wait_for_plan()
    admin.approve("shop")
    customer.wait_for("deployed", event="Done")
    customer.follow("Open shop")
    password = customer.reveal_password()
    log_in_over_odbc(town.platform, "shop_app", password, database="shop_orders").close()
    planted = {"elevated": town.platform.secrets.elevated_core, "customer's": password}
    with town.platform.database() as engine:
        kept = list(database_texts(engine))
    assert leaks({"login": "shop_app"}, kept)
    assert leaks(planted, [*kept, ("logs", town.platform.logs())]) == []
