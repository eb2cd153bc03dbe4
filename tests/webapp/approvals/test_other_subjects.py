"""A request need not be about an application: here a kind of the test's own, about an instance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.webapp.approvals.conftest import Story, line
from webapp.accounts.models import User
from webapp.approvals.operations import decide
from webapp.bookings.kinds.base import Fact, RequestKind
from webapp.bookings.kinds.registry import use_request_kinds
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.open_bookings import refuse_while_open
from webapp.bookings.plans import DecisionKind, Plan, PlanState
from webapp.bookings.submitting import submit
from webapp.database import new_id
from webapp.errors import Conflict
from webapp.jobs.models import Job, JobState
from webapp.jobs.subjects import target_kinds
from webapp.jobs.templates import Launch, NotLaunchable
from webapp.platform.operations import check_reachable, downgrade, newest_revision
from webapp.pools.models import Instance, Pool
from webapp.registry import request_kinds
from webapp.signed_rows import Signed


class LimitMemory(RequestKind[None]):
    """How much memory an instance may take."""

    name = "limit_memory"
    subject = "instance"
    label = "Limit an instance's memory"
    policy_words = "limits of memory"
    form = "nothing"
    is_alone = True
    changes_structure = asks_for_space = makes_database = chooses_place = reserves_names = sets_password = (
        False
    )

    def instance(self, booking: Booking) -> Instance:
        session = Session.object_session(booking)
        assert session is not None
        return session.get_one(Instance, booking.subject_id)

    def title(self, booking: Booking) -> str:
        return f"Limit the memory of {self.subject_name(booking)}"

    def subject_name(self, booking: Booking) -> str:
        return self.instance(booking).name

    def customer(self, booking: Booking) -> User | None:
        return None

    def pool(self, booking: Booking) -> Pool | None:
        return self.instance(booking).pool

    def built_on(self, session: Session, booking: Booking) -> list[Signed]:
        return [self.instance(booking), self.instance(booking).pool]

    def instance_id(self, session: Session, booking: Booking) -> str | None:
        return booking.subject_id

    def database_prefix(self, booking: Booking) -> str | None:
        return None

    def facts(self, booking: Booking) -> list[Fact]:
        return [Fact("Limit", f"{booking.parameters['memory_mib']} MiB")]

    def variables(self, booking: Booking) -> dict[str, Any]:
        return {"instance_memory_mib": booking.parameters["memory_mib"]}

    def part_id(self, booking: Booking) -> str | None:
        return None

    def wish_before(self, booking: Booking) -> None:
        """There is nothing to choose."""

    def change(self, session: Session, booking: Booking, wish: None) -> None:
        """There is nothing to choose."""

    def deployed(self, session: Session, booking: Booking, job: Job, results: dict[str, Any]) -> None:
        self.instance(booking).host = f"deployed.{booking.parameters['memory_mib']}"

    def ended_unbuilt(self, session: Session, booking: Booking) -> None:
        """It reserved nothing."""


@pytest.fixture
def limiting(story: Story) -> Iterator[Story]:
    """The platform with one kind more, and a database that takes it (a real one comes with a migration)."""
    use_request_kinds([*request_kinds(), LimitMemory()])
    yield story
    use_request_kinds(request_kinds())


def ask(story: Story, memory_mib: int = 4096) -> Booking:
    """An operator's request, whose planning job waits."""
    with story.portal.database.transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA ignore_check_constraints = ON"))
        else:
            session.execute(text("ALTER TABLE bookings DROP CONSTRAINT IF EXISTS ck_bookings_bookingkind"))
        instance = session.get_one(Instance, story.instance.id)
        refuse_while_open(session, instance.id, LimitMemory.name)
        return submit(
            session, story.actor(story.operator), LimitMemory.name, instance, {"memory_mib": memory_mib},
            reason="it starves the others", token=new_id(),
        )  # fmt: skip


def plan_of(story: Story, booking: Booking) -> Plan:
    with story.portal.database.reading() as session:
        plan = session.scalars(select(Plan).where(Plan.booking_id == booking.id)).one()
        _ = [*plan.items, *plan.targets, plan.booking.requester]
        return plan


def planned(story: Story, database: str = "master") -> Plan:
    """The request, planned: one statement in ``database``."""
    booking = ask(story)
    job_id = plan_of(story, booking).job_id
    launch = story.engine.claim(str(job_id))
    assert isinstance(launch, Launch), launch
    assert launch.variables["instance_memory_mib"] == 4096
    text = "EXEC sys.sp_configure N'max server memory (MB)', 4096"
    lines = [line("server/configure", text, inventory_host=story.instance.name, database=database)]
    story.engine.observe(str(job_id), lines=lines)
    story.engine.end(str(job_id))
    return plan_of(story, booking)


def test_it_is_planned_for_its_instance_approved_and_carried_out_once(limiting: Story) -> None:
    story = limiting
    plan = planned(story)
    assert (plan.state, plan.target_names) == (PlanState.READY, [story.instance.name])
    with story.portal.database.transaction() as session:
        decide(
            session, story.actor(story.admin), plan.id, kind=DecisionKind.APPROVE, seen_hash=str(plan.hash)
        )
    with story.portal.database.reading() as session:
        booking = session.get_one(Booking, plan.booking_id)
        job = session.get_one(Job, booking.job_id)
        assert job.targets == [f"instance:{story.instance.id}"]
        assert job.title == "Limit the memory of sql01"
    launch = story.engine.claim(job.id)
    assert isinstance(launch, Launch), launch
    assert launch.playbook == "playbooks/limit_memory.yml"
    story.engine.end(job.id)
    with story.portal.database.reading() as session:
        assert session.get_one(Booking, booking.id).state is BookingState.DEPLOYED
        assert session.get_one(Instance, story.instance.id).host == "deployed.4096"


def test_another_subject_in_its_row_does_not_pass_the_gate(limiting: Story) -> None:
    story = limiting
    plan = planned(story)
    with story.portal.database.transaction() as session:
        decide(
            session, story.actor(story.admin), plan.id, kind=DecisionKind.APPROVE, seen_hash=str(plan.hash)
        )
    other = story.portal.create_instance(story.pool, name="sql02")
    with story.portal.database.transaction() as session:
        session.get_one(Booking, plan.booking_id).subject_id = other.id
    with story.portal.database.reading() as session:
        job_id = session.get_one(Booking, plan.booking_id).job_id
    refused = story.engine.claim(str(job_id))
    assert isinstance(refused, NotLaunchable)
    assert story.job(job_id).state is JobState.FAILED


def test_two_about_one_instance_wait_for_each_other(limiting: Story) -> None:
    ask(limiting)
    with pytest.raises(Conflict, match="Limit the memory of sql01"):
        ask(limiting)


def test_its_statements_run_in_master_only(limiting: Story) -> None:
    plan = planned(limiting, database="shop_orders")
    assert plan.state is PlanState.FAILED
    assert "not the application's: shop_orders" in str(plan.failure)


def test_the_staff_see_it_on_every_page_and_customers_do_not(limiting: Story) -> None:
    plan = planned(limiting)
    for user in (limiting.operator, limiting.admin):
        client = limiting.client(user)
        for page in ("/", "/bookings", f"/bookings/{plan.booking_id}", f"/approvals/{plan.id}", "/approvals"):
            answer = client.get(page)
            assert answer.status_code == 200, page
            assert "Limit the memory of sql01" in answer.text, page
    admin = limiting.client(limiting.admin)
    assert "Limit an instance&#39;s memory" in admin.get("/policies/new").text
    assert "sql01" in admin.get(f"/users/{limiting.operator.id}").text
    customer = limiting.client(limiting.customer)
    assert "Limit the memory" not in customer.get("/bookings").text
    assert customer.get(f"/bookings/{plan.booking_id}").status_code == 404


def test_an_older_version_that_knows_no_other_subjects_is_not_gone_back_to(limiting: Story) -> None:
    ask(limiting)
    with pytest.raises(Conflict, match="1 requests are about other things"):
        downgrade(limiting.portal.database, "0003")
    assert check_reachable(limiting.portal.database) == newest_revision()


def test_each_kind_is_about_something_that_jobs_lock(story: Story) -> None:
    assert {kind.subject for kind in request_kinds()} <= set(target_kinds())
