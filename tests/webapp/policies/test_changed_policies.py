"""Somebody changes policies in the database: what they say no longer counts, until an admin has looked."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from tests.support.portal import KEY
from tests.webapp.approvals.conftest import Story
from webapp.bookings.models import BookingState
from webapp.bookings.plans import PlanState
from webapp.platform.operations import rotate_keys
from webapp.policies.listing import all_policies
from webapp.policies.terms import UNSEALED
from webapp.sealing import Box, use_box

INSERTED = (
    "INSERT INTO policies (id, position, name, is_enabled, only_trusted, approvals, approver_roles,"
    " four_eyes, plan_hours, changed_at, seal) SELECT '0', -1, 'forged', is_enabled, only_trusted, 0,"
    " approver_roles, four_eyes, plan_hours, changed_at, seal FROM policies"
)


def run(story: Story, statement: str) -> None:
    """What somebody does who can write to the database."""
    with story.portal.database.transaction() as session:
        session.execute(text(statement))


@pytest.mark.parametrize(
    ("columns", "statement"),
    [
        ({"approvals": 2}, "UPDATE policies SET approvals = 0"),
        ({"approvals": 0, "below_gib": 1}, "UPDATE policies SET below_gib = NULL"),
        ({"approvals": 0, "only_trusted": True}, "UPDATE policies SET only_trusted = (1 = 0)"),
        ({"approvals": 0, "is_enabled": False}, "UPDATE policies SET is_enabled = (1 = 1)"),
        ({"approvals": 2}, "UPDATE policies SET is_enabled = (1 = 0)"),
        ({"approver_roles": ["admin"]}, "UPDATE policies SET approver_roles = '[\"operator\"]'"),
        ({}, "UPDATE policies SET four_eyes = (1 = 0)"),
        ({"approvals": 0}, "UPDATE policies SET seal = NULL"),
        ({}, "UPDATE policies SET position = position + 1"),
        ({}, INSERTED),
    ],
)
def test_a_policy_that_was_changed_in_the_database_does_not_count(
    story: Story, columns: dict[str, Any], statement: str
) -> None:
    story.policy(**columns)
    run(story, statement)
    plan = story.planned()
    assert plan.state is PlanState.READY
    assert plan.policy == UNSEALED.as_json()
    assert story.booking(plan.booking_id).state is BookingState.PENDING
    page = story.client(story.admin).get("/policies")
    if "is_enabled = (1 = 0)" not in statement:
        assert "changed in the platform database" in page.text


def test_an_admin_saves_it_and_it_counts_again(story: Story) -> None:
    policy = story.policy(approvals=2)
    run(story, "UPDATE policies SET approvals = 0")
    client = story.client(story.admin)
    client.post(f"/policies/{policy.id}/disable")
    client.post(f"/policies/{policy.id}/enable")
    assert story.planned(name="first").policy == UNSEALED.as_json()  # switching it is not looking at it
    form = {
        "name": "ours",
        "approvals": "1",
        "approver_roles": "admin",
        "plan_hours": "5",
        "is_enabled": "y",
        "pool_id": "",
        "below_gib": "",
    }
    assert client.post(f"/policies/{policy.id}", form).status_code == 302
    assert story.planned(name="second").policy["name"] == "ours"


def test_policies_outlive_the_key_that_signed_them(story: Story) -> None:
    story.policy(name="ours")
    new = Fernet.generate_key().decode("ascii")
    try:
        use_box(Box([new, KEY]))
        with story.portal.database.transaction() as session:
            rotate_keys(session)
        use_box(Box([new]))
        with story.portal.database.reading() as session:
            assert [(policy.name, policy.is_intact) for policy in all_policies(session)] == [("ours", True)]
    finally:
        use_box(Box([KEY]))
