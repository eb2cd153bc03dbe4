"""``sqlhosting database upgrade``: a new platform measures its databases by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from tests.support.portal import KEY, SECRET_KEY
from webapp.applications.job_templates import CheckQuota
from webapp.applications.measuring import SCHEDULE
from webapp.cli import main
from webapp.database import Database
from webapp.jobs.models import Schedule


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that is not there yet."""
    return f"sqlite:///{tmp_path / 'platform.db'}"


def upgrade(url: str) -> list[Schedule]:
    """Run the command; the schedules afterwards."""
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": KEY,
        "SQLHOSTING_DATABASE_URL": url,
    }
    assert CliRunner().invoke(main, ["database", "upgrade"], env=environment).exit_code == 0
    database = Database(url)
    with database.reading() as session:
        found = list(session.scalars(select(Schedule)))
    database.dispose()
    return found


def test_a_new_platform_measures_by_schedule_and_a_second_upgrade_adds_none(url: str) -> None:
    (made,) = upgrade(url)
    assert (made.name, made.template, made.is_enabled) == (SCHEDULE, CheckQuota.name, True)
    assert [one.id for one in upgrade(url)] == [made.id]
