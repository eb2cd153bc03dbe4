"""Approve, reject, send back: who may, what is needed, and what becomes of the request."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import select, update

from tests.webapp.approvals.conftest import Story, failed, ok
from webapp.accounts.models import PortalRole
from webapp.applications.models import Application, ApplicationState
from webapp.audit.models import AuditEntry
from webapp.bookings.models import BookingState
from webapp.bookings.operations import cancel, change
from webapp.bookings.plans import Decision, Plan, PlanItem, PlanState
from webapp.database import now
from webapp.errors import Conflict, InvalidInput, NotAllowed, PlatformError
from webapp.jobs.models import JobState
from webapp.registry import chores
from webapp.signed_rows import sign


def post(story: Story, plan: Plan, user, kind: str = "approve", **fields: str):
    data = {"kind": kind, "plan_hash": plan.hash, **fields}
    return story.client(user).post(f"/approvals/{plan.id}/decide", data)


def test_one_approval_sends_the_request_on_its_way(story: Story):
    plan = story.planned()
    answer = post(story, plan, story.operator, reason="fine")
    assert answer.status_code == 302
    booking = story.booking(plan.booking_id)
    assert booking.state is BookingState.APPROVED
    job = story.job(booking.job_id)
    assert (job.template, job.state) == ("apply_booking", JobState.PENDING)
    assert set(job.targets) == {f"instance:{story.instance.id}", f"application:{booking.subject_id}"}
    story.deploy(plan)
    assert story.plan(booking).state is PlanState.APPLIED
    assert story.events(booking.id) == ["requested", "planned", "approved", "running", "deployed"]
    with story.portal.database.reading() as session:
        actions = list(session.scalars(select(AuditEntry.action).where(AuditEntry.object_kind == "plan")))
    assert actions == ["plan:requested", "plan:ready", "plan:approved", "plan:applied"]


def test_a_rejection_needs_a_reason_and_frees_the_names(story: Story):
    plan = story.planned()
    refused = post(story, plan, story.admin, "reject", reason="  ")
    assert refused.status_code == 422
    assert "not rejected without a reason" in refused.text
    assert story.plan(plan.booking).state is PlanState.READY
    assert post(story, plan, story.admin, "reject", reason="Use the old shop.").status_code == 302
    booking = story.booking(plan.booking_id)
    assert booking.state is BookingState.REJECTED
    assert booking.events[-1].text == "Use the old shop."
    with story.portal.database.reading() as session:
        assert session.get_one(Application, booking.subject_id).state is ApplicationState.RELEASED


def test_a_request_that_is_sent_back_can_be_changed_and_shows_the_difference(story: Story):
    plan = story.planned()
    assert post(story, plan, story.admin, "send_back", reason="Smaller, please.").status_code == 302
    booking = story.booking(plan.booking_id)
    assert (booking.state, booking.events[-1].event) == (BookingState.PENDING, "sent_back")
    with story.portal.database.transaction() as session:
        wish = story.wish(size_gib=5)
        change(session, story.actor(story.customer), booking.id, wish, reason="as you wish")
    lines = story.lines()
    lines[1]["text"] += " -- smaller"
    lines[1]["sha256"] = hashlib.sha256(lines[1]["text"].encode()).hexdigest()
    newer = story.run_planning(booking, lines)
    assert newer.number == 2
    page = story.client(story.admin).get(f"/approvals/{newer.id}").text
    assert "What is different from plan 1" in page
    assert "1 statement fell away, 1 is new, 2 are as before" in page
    # Who still looks at the old one is led to the new one.
    answer = post(story, plan, story.admin)
    assert answer.status_code == 302
    assert answer.location.endswith(f"/approvals/{newer.id}#difference")


@pytest.mark.parametrize("role", [PortalRole.CUSTOMER, PortalRole.VIEWER])
def test_customers_and_viewers_decide_nothing(story: Story, role: PortalRole):
    plan = story.planned()
    user = story.portal.create_user(role)
    assert post(story, plan, user).status_code == 403
    assert story.plan(plan.booking).state is PlanState.READY


def test_nobody_approves_their_own_request(story: Story):
    booking = story.book(by=story.operator)
    plan = story.run_planning(booking)
    answer = post(story, plan, story.operator)
    assert answer.status_code == 403
    assert "nobody decides about their own request" in answer.text
    assert 'value="approve"' not in story.client(story.operator).get(f"/approvals/{plan.id}").text
    assert post(story, plan, story.admin).status_code == 302


def test_a_policy_that_allows_it_lets_people_approve_their_own(story: Story):
    story.policy(four_eyes=False)
    plan = story.run_planning(story.book(by=story.operator))
    assert post(story, plan, story.operator).status_code == 302
    assert story.booking(plan.booking_id).state is BookingState.APPROVED
    story.deploy(plan)


def test_two_of_two_approvals_come_from_two_people(story: Story):
    story.policy(approvals=2)
    plan = story.planned()
    assert post(story, plan, story.admin).status_code == 302
    assert story.booking(plan.booking_id).state is BookingState.PENDING
    assert "1 of 2" in story.client(story.operator).get(f"/approvals/{plan.id}").text
    twice = post(story, plan, story.admin)
    assert twice.status_code == 409
    assert "decided about this plan already" in twice.text
    assert post(story, plan, story.operator).status_code == 302
    assert story.booking(plan.booking_id).state is BookingState.APPROVED
    story.deploy(plan)


def test_one_rejection_ends_what_others_approved(story: Story):
    story.policy(approvals=2)
    plan = story.planned()
    post(story, plan, story.admin)
    assert post(story, plan, story.operator, "reject", reason="no").status_code == 302
    assert story.booking(plan.booking_id).state is BookingState.REJECTED


def test_a_policy_can_keep_operators_out(story: Story):
    story.policy(approver_roles=["admin"])
    plan = story.planned()
    assert post(story, plan, story.operator).status_code == 403
    assert post(story, plan, story.admin).status_code == 302


def test_small_bookings_of_trusted_customers_are_approved_at_once(story: Story):
    story.policy(name="Small ones", approvals=0, only_trusted=True, below_gib=10)
    with story.portal.database.transaction() as session:
        customer = session.merge(story.customer)
        customer.is_trusted = True
        sign(session, customer)
    small = story.planned(name="small", size_gib=5)
    assert small.state is PlanState.APPROVED
    assert "auto_approved" in story.events(small.booking_id)
    story.deploy(small)
    assert story.planned(name="large", size_gib=10).state is PlanState.READY


def test_a_plan_without_statements_needs_nobody_and_changes_nothing(story: Story):
    story.policy(approvals=2)
    plan = story.run_planning(story.book(), lines=[])
    assert plan.state is PlanState.APPROVED
    launch = story.engine.claim(story.booking(plan.booking_id).job_id)
    assert launch.approved_plan["statements"] == []
    page = story.client(story.admin).get(f"/approvals/{plan.id}").text
    assert "Nothing has to be changed" in page


def test_an_altered_plan_cannot_be_approved_and_its_page_warns(story: Story):
    plan = story.planned()
    with story.portal.database.transaction() as session:
        session.execute(
            update(PlanItem)
            .where(PlanItem.plan_id == plan.id, PlanItem.position == 0)
            .values(text="DROP DATABASE [other]")
        )
    page = story.client(story.admin).get(f"/approvals/{plan.id}").text
    assert "Do not trust this page" in page
    assert 'value="approve"' not in page
    answer = post(story, plan, story.admin)
    assert answer.status_code == 409
    assert "not as the platform made it" in answer.text


def test_only_the_plan_that_was_seen_is_approved(story: Story):
    plan = story.planned()
    answer = post(story, plan, story.admin, plan_hash="0" * 64)
    assert answer.status_code == 302
    assert story.plan(plan.booking).state is PlanState.READY


@pytest.mark.parametrize("kind", ["", "APPROVE", "apply", "' OR 1=1 --", "<script>"])
def test_a_forged_form_decides_nothing(story: Story, kind: str):
    plan = story.planned()
    assert post(story, plan, story.admin, kind).status_code == 422
    assert story.plan(plan.booking).state is PlanState.READY


@pytest.mark.parametrize(
    "reason", ["x" * 2001, "<script>alert(1)</script>", "'; DROP TABLE plans; --", "näh 😀 \x00"]
)
def test_reasons_are_texts_and_nothing_else(story: Story, reason: str):
    plan = story.planned()
    answer = post(story, plan, story.admin, "reject", reason=reason)
    if len(reason) > 2000:
        assert answer.status_code == 422
        return
    assert answer.status_code == 302
    assert story.booking(plan.booking_id).events[-1].text == reason.replace("\x00", "").strip()
    assert "<script>alert(1)" not in story.client(story.admin).get(f"/approvals/{plan.id}").text


def test_a_canceled_request_is_not_decided_about(story: Story):
    plan = story.planned()
    with story.portal.database.transaction() as session:
        cancel(session, story.actor(story.customer), plan.booking_id)
    assert post(story, plan, story.admin).status_code == 409
    assert story.plan(plan.booking).state is PlanState.SUPERSEDED
    assert story.client(story.admin).get(f"/approvals/{plan.id}").status_code == 200


def test_an_expired_plan_is_not_approved_and_can_be_planned_again_by_who_asked(story: Story):
    plan = story.planned()
    story_time = now() - timedelta(seconds=1)
    with story.portal.database.transaction() as session:
        session.execute(update(Plan).where(Plan.id == plan.id).values(expires_at=story_time))
    assert post(story, plan, story.admin).status_code == 409
    for one in chores():
        with story.portal.database.transaction() as session:
            one(session)
    expired = story.plan(plan.booking)
    assert expired.state is PlanState.EXPIRED
    assert story.events(plan.booking_id)[-1] == "plan_expired"
    asked = story.client(story.customer).get(f"/bookings/{plan.booking_id}").text
    assert "Nobody approved the plan in time" in asked
    assert f'action="/approvals/{plan.id}/plan-again"' in asked
    stranger = story.portal.create_user()
    assert story.client(stranger).post(f"/approvals/{plan.id}/plan-again").status_code == 404
    assert story.client(story.customer).post(f"/approvals/{plan.id}/plan-again").status_code == 302
    again = story.plan(plan.booking)
    assert (again.number, again.state) == (2, PlanState.PLANNING)
    assert story.client(story.customer).post(f"/approvals/{plan.id}/plan-again").status_code == 409


@pytest.mark.parametrize("pair", [("approve", "reject"), ("approve", "approve"), ("reject", "send_back")])
def test_of_two_who_decide_at_the_same_moment_one_wins(story: Story, pair: tuple[str, str]):
    plan = story.planned()
    start = Barrier(2)

    def run(user, kind: str) -> str:
        start.wait()
        try:
            story.decide(plan, user, kind, reason="because")
        except PlatformError as lost:
            assert isinstance(lost, Conflict), lost
            return "lost"
        return kind

    with ThreadPoolExecutor(2) as pool:
        tries = [
            pool.submit(run, user, kind)
            for user, kind in zip((story.admin, story.operator), pair, strict=True)
        ]
        results = [one.result() for one in tries]
    assert results.count("lost") == 1, results
    with story.portal.database.reading() as session:
        assert len(list(session.scalars(select(Decision).where(Decision.plan_id == plan.id)))) == 1
    won = next(one for one in results if one != "lost")
    expected = {
        "approve": BookingState.APPROVED,
        "reject": BookingState.REJECTED,
        "send_back": BookingState.PENDING,
    }
    assert story.booking(plan.booking_id).state is expected[won]


def test_of_a_cancel_and_an_approval_at_the_same_moment_one_wins(story: Story):
    plan = story.planned()
    start = Barrier(2)

    def approve() -> bool:
        start.wait()
        try:
            story.decide(plan, story.admin)
        except Conflict:
            return False
        return True

    def take_back() -> bool:
        start.wait()
        try:
            with story.portal.database.transaction() as session:
                cancel(session, story.actor(story.customer), plan.booking_id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(approve), pool.submit(take_back)
        assert {first.result(), second.result()} == {True, False}
    booking = story.booking(plan.booking_id)
    expected = BookingState.APPROVED if first.result() else BookingState.CANCELED
    assert booking.state is expected


def test_two_approvals_of_two_at_the_same_moment_are_both_counted(story: Story):
    story.policy(approvals=2)
    plan = story.planned()
    start = Barrier(2)

    def approve(user) -> None:
        start.wait()
        story.decide(plan, user)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(approve, story.admin), pool.submit(approve, story.operator)]:
            one.result()
    assert story.booking(plan.booking_id).state is BookingState.APPROVED


def test_the_operations_refuse_what_the_page_does_not_offer(story: Story):
    plan = story.planned()
    with pytest.raises(NotAllowed):
        story.decide(plan, story.customer)
    with pytest.raises(InvalidInput):
        story.decide(plan, story.admin, "reject")
    assert re.fullmatch(r"[0-9a-f]{64}", plan.hash or "")


def test_a_plan_without_room_tells_the_customer_how_much_would_fit(story: Story) -> None:
    booking = story.book(size_gib=40)
    plan = story.plan(booking)
    seen = {"disk_total_mib": 102_400, "disk_free_mib": 30_720, "promised_mib": 0, "is_reachable": True}
    story.engine.claim(plan.job_id)
    with story.portal.database.transaction() as session:
        row = session.get_one(Plan, plan.id)
        row.placement = {"candidates": {"sql01": seen}}
        row.seal_told()
    refused = {"instance": None, "refused": "no room", "cause": "no_room", "reasons": []}
    story.engine.observe(
        plan.job_id, ok(ansible_facts={"application_placement": refused}), failed("No instance can take it.")
    )
    story.engine.end(plan.job_id, JobState.FAILED)
    text = story.booking(booking.id).failure or ""
    assert "16 GiB would fit now" in text
    assert text in story.client(story.customer).get(f"/bookings/{booking.id}").text


def test_the_instances_own_collation_is_named_once_planning_has_seen_it(story: Story) -> None:
    booking = story.book()
    plan = story.plan(booking)
    story.engine.claim(plan.job_id)
    facts = {"version": {"collation": "Latin1_General_CS_AS"}}
    seen = ok(instance=facts)
    seen["event_data"]["task_action"] = "sqlhosting.mssql.mssql_discover"
    chosen = {"instance": "sql01", "exists": False, "reasons": []}
    story.engine.observe(
        plan.job_id, seen, ok(ansible_facts={"application_placement": chosen}), lines=story.lines()
    )
    story.engine.end(plan.job_id)
    named = "the instance&#39;s own: Latin1_General_CS_AS"
    assert named in story.client(story.customer).get(f"/bookings/{booking.id}").text
    assert named in story.client(story.admin).get(f"/approvals/{plan.id}").text
    assert "collation" not in story.plan(booking).launch["variables"]["application_databases"][0]
