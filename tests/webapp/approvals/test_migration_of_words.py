"""Plans from before statements had words: they hold as they were made, and are told by their templates."""

from __future__ import annotations

import pytest
from sqlalchemy import inspect, text

from tests.webapp.approvals.conftest import Story
from webapp.approvals.signature import is_sealed, sign_plan
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.templates import Launch
from webapp.platform.operations import downgrade, upgrade


@pytest.fixture
def old(story: Story) -> Plan:
    """A plan that waits, as it was made and signed before."""
    plan = story.planned(name="shop")
    with story.portal.database.transaction() as session:
        row = session.get_one(Plan, plan.id)
        row.seal_version = 2
        for item in row.items:
            item.words = item.object = None
        row.seal = sign_plan(row)
    return plan


def is_as_made(story: Story, plan: Plan) -> bool:
    """Whether the seal of ``plan`` fits its rows."""
    with story.portal.database.reading() as session:
        return is_sealed(session.get_one(Plan, plan.id))


def test_an_old_plan_is_told_by_its_templates_and_carried_out(story: Story, old: Plan) -> None:
    page = story.client(story.admin).get(f"/approvals/{old.id}").text
    assert "Do not trust" not in page
    assert "login: create, in <code>master</code>" in page
    story.decide(old, story.admin)
    job_id = story.booking(old.booking_id).job_id
    assert isinstance(story.engine.claim(job_id), Launch)


@pytest.mark.parametrize("column", ["words", "object"])
def test_nobody_puts_words_into_an_old_plan(story: Story, old: Plan, column: str) -> None:
    assert is_as_made(story, old)
    with story.portal.database.transaction() as session:
        item = session.get_one(Plan, old.id).items[1]
        setattr(item, column, "drop `nothing`")
    assert not is_as_made(story, old)


def test_back_and_forth_keeps_old_plans_and_lets_new_ones_expire(story: Story, old: Plan) -> None:
    new = story.planned(name="stock")
    assert is_as_made(story, new)
    database = story.portal.database

    downgrade(database, "0004")
    looking = inspect(database.engine)
    for table in ("plan_items", "job_statements"):
        assert not {"words", "object"} & {each["name"] for each in looking.get_columns(table)}
    with database.engine.connect() as connection:
        states = dict(connection.execute(text("SELECT id, state FROM plans")).tuples().all())
        kept = connection.execute(text("SELECT count(*) FROM plan_items")).scalar_one()
    assert (states[old.id], states[new.id], kept) == ("ready", "expired", 6)

    upgrade(database)
    assert is_as_made(story, old)
    assert story.plan(story.booking(new.booking_id)).state is PlanState.EXPIRED
    page = story.client(story.admin).get(f"/bookings/{new.booking_id}").text
    assert "set back to an older version" in page
