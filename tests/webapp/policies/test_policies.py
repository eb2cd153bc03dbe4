"""Policies: which one counts, how they read, what they may be, and who writes them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from tests.webapp.approvals.conftest import Story
from webapp.accounts.models import PortalRole
from webapp.audit.models import AuditEntry
from webapp.bookings.models import BookingKind
from webapp.policies.models import Policy
from webapp.policies.terms import BUILT_IN, fits, strictest
from webapp.policies.words import what_fits

BOOK, DELETE = BookingKind.BOOK_APPLICATION, BookingKind.DELETE_APPLICATION


def form(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Small ones",
        "approvals": "1",
        "approver_roles": ["admin"],
        "plan_hours": "24",
        "four_eyes": "y",
        "is_enabled": "y",
        "pool_id": "",
        "below_gib": "",
        **fields,
    }


@pytest.mark.parametrize(
    ("policy", "kind", "trusted", "gib", "expected"),
    [
        ({}, BOOK, False, 100, True),
        ({"kinds": ["add_login"]}, BOOK, False, 1, False),
        ({"kinds": ["add_login", "book_application"]}, BOOK, False, 1, True),
        ({"pool_id": "another"}, BOOK, False, 1, False),
        ({"pool_id": "pool"}, BOOK, False, 1, True),
        ({"only_trusted": True}, BOOK, False, 1, False),
        ({"only_trusted": True}, BOOK, True, 1, True),
        ({"below_gib": 10}, BOOK, False, 9.9, True),
        ({"below_gib": 10}, BOOK, False, 10, False),
        ({"below_gib": 10}, DELETE, False, 0, False),
        ({"below_gib": 10}, BookingKind.RESET_LOGIN, True, 0, False),
    ],
)
def test_a_policy_fits_what_it_says(policy, kind, trusted, gib, expected):
    given = Policy(**{"only_trusted": False, **policy})
    assert fits(given, kind=kind, pool_id="pool", is_trusted=trusted, gib=gib) is expected


@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({}, "Requests of every kind"),
        ({"below_gib": 10, "only_trusted": True}, "Requests for less than 10 GiB by trusted customers"),
        (
            {"kinds": ["book_application"], "below_gib": 5, "pool": "gold"},
            "Bookings of applications below 5 GiB on the pool gold",
        ),
        (
            {"kinds": ["add_login", "reset_login", "remove_login"]},
            "New logins, new passwords and removals of logins",
        ),
    ],
)
def test_policies_read_as_sentences(policy, sentence):
    empty = {"kinds": None, "pool": None, "only_trusted": False, "below_gib": None}
    assert what_fits(**{**empty, **policy}) == sentence


def test_the_first_enabled_policy_counts_and_a_plan_keeps_it(story: Story):
    story.policy(name="Off", approvals=3, is_enabled=False)
    story.policy(name="First", approvals=2)
    story.policy(name="Second", approvals=0)
    plan = story.planned()
    assert (plan.policy or {})["name"] == "First"
    with story.portal.database.transaction() as session:
        for policy in session.scalars(select(Policy)):
            policy.approvals = 1
    story.decide(plan, story.admin)
    assert story.plan(plan.booking).state.value == "ready"  # still two, as when it was planned


def test_an_admin_writes_orders_switches_and_deletes_policies(story: Story):
    admin = story.client(story.admin)
    assert (
        admin.post(
            "/policies/new", form(name="A", below_gib="10", only_trusted="y", approvals="0")
        ).status_code
        == 302
    )
    assert (
        admin.post("/policies/new", form(name="B", kinds=["delete_application"], approvals="1")).status_code
        == 302
    )
    page = admin.get("/policies").text
    assert "Requests for less than 10 GiB by trusted customers are approved at once" in page
    assert page.index("1. A") < page.index("2. B") < page.index("3. Built in")
    with story.portal.database.reading() as session:
        ids = {policy.name: policy.id for policy in session.scalars(select(Policy))}
    admin.post(f"/policies/{ids['B']}/earlier")
    admin.post(f"/policies/{ids['A']}/disable")
    page = admin.get("/policies").text
    assert page.index("1. B") < page.index("2. A")
    assert admin.post(f"/policies/{ids['A']}", form(name="A2", approvals="1")).status_code == 302
    admin.post(f"/policies/{ids['A']}/delete")
    page = admin.get("/policies").text
    assert ". A2" not in page
    with story.portal.database.reading() as session:
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.object_kind == "policy")))
    assert actions == [
        "policy:created",
        "policy:created",
        "policy:moved",
        "policy:disabled",
        "policy:changed",
        "policy:deleted",
    ]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "x" * 101}, "101 characters"),
        ({"approvals": "-1"}, "-1 approvals are not possible"),
        ({"approvals": "1e309"}, "Not a valid integer"),
        ({"approvals": "99"}, "99 approvals are not possible"),
        ({"plan_hours": "0"}, "0 hours are not possible"),
        ({"plan_hours": "999999999999999999999"}, "hours are not possible"),
        ({"below_gib": "-5"}, "-5 GiB are not possible"),
        ({"below_gib": "5", "kinds": ["delete_application"]}, "nothing would fit"),
        ({"kinds": ["x'); DROP TABLE policies; --"]}, "valid choice"),
        ({"pool_id": "nowhere"}, "Not a valid choice"),
        ({"approver_roles": []}, "Nobody could approve"),
        ({"approver_roles": ["customer"]}, "valid choice"),
        ({"approver_roles": ["operator"]}, "nobody could approve"),
    ],
)
def test_wrong_values_are_told_at_their_field_and_kept(story: Story, fields: dict[str, Any], problem: str):
    if fields.get("approver_roles") == ["operator"]:
        with story.portal.database.transaction() as session:
            session.merge(story.operator).role = PortalRole.VIEWER
    answer = story.client(story.admin).post("/policies/new", form(**fields))
    assert answer.status_code == 422
    assert problem in answer.text
    with story.portal.database.reading() as session:
        assert list(session.scalars(select(Policy))) == []


def test_a_policy_that_too_few_people_can_fulfil_is_saved_with_a_warning(story: Story):
    answer = story.client(story.admin).post("/policies/new", form(approvals="2"), follow_redirects=True)
    assert "It asks for 2 approvals, and 1 person has one of its roles." in answer.text


def test_markup_in_a_name_is_text(story: Story):
    answer = story.client(story.admin).post(
        "/policies/new", form(name="<script>x</script>"), follow_redirects=True
    )
    assert "<script>x" not in answer.text
    assert "&lt;script&gt;x" in answer.text


@pytest.mark.parametrize("role", [PortalRole.OPERATOR, PortalRole.VIEWER, PortalRole.CUSTOMER])
def test_only_admins_write_policies(story: Story, role: PortalRole):
    policy = story.policy()
    client = story.client(story.portal.create_user(role))
    assert client.get("/policies").status_code == (403 if role is PortalRole.CUSTOMER else 200)
    for path in ("new", policy.id, f"{policy.id}/disable", f"{policy.id}/delete", f"{policy.id}/earlier"):
        assert client.post(f"/policies/{path}", form()).status_code == 403


def test_of_several_terms_all_that_each_asks_for_has_to_be_given():
    admins = replace(BUILT_IN, name="Admins", approver_roles=("admin",), approvals=2, plan_hours=100)
    lenient = replace(BUILT_IN, name="Operators", approver_roles=("operator",), approvals=0, four_eyes=False)
    assert strictest([admins]) is admins
    assert strictest([BUILT_IN, BUILT_IN]) is BUILT_IN
    both = strictest([lenient, admins])
    assert (both.name, both.approvals, both.four_eyes) == ("Operators and Admins", 2, True)
    assert both.plan_hours == 72
    assert both.approver_roles == ("admin",)  # no role is in both
    assert strictest([BUILT_IN, lenient]).approver_roles == ("operator",)
