"""Plan, approve, apply with the real engine, playbooks and modules against simulated instances."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import note_journals, run_job_now
from tests.support.playbooks import PLATFORM_PASSWORD, instance
from tests.support.portal import Portal
from tests.support.simulators import Simulator, connect, running_simulator
from tests.webapp.approvals.conftest import Story
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan, PlanState
from webapp.jobs.models import JobState


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """Two instances of one pool."""
    topology = {"instances": [instance("sql01"), instance("sql02")]}
    with running_simulator(topology, folder=tmp_path / "simulator") as running:
        yield running


class Real(Story):
    """A story on simulated instances."""

    def __init__(self, portal: Portal, simulator: Simulator) -> None:
        super().__init__(portal)
        self.simulator = simulator
        with portal.database.transaction() as session:
            session.delete(self.instance)
        account = portal.create_account(login_password=PLATFORM_PASSWORD)
        self.pool = portal.create_pool(elevated_account_id=account.id)
        for one in simulator.instances.values():
            portal.create_instance(
                self.pool, name=one.name, host=one.host, port=one.port, customer_port=one.port
            )

    def run(self, job_id: str | None) -> JobState:
        assert job_id is not None
        job = run_job_now(self.portal.runtime, job_id)
        with self.portal.database.reading() as session:
            note_journals(session)
        print(job.title, job.state, job.job_explanation)  # for whoever reads a failure
        return job.state

    def planned(self, **options: Any) -> Plan:
        booking = self.book(**options)
        assert self.run(self.plan(booking).job_id) is JobState.SUCCESSFUL
        return self.plan(booking)

    def apply(self, booking_id: str) -> Booking:
        self.run(self.booking(booking_id).job_id)
        return self.booking(booking_id)

    def databases(self, name: str) -> dict[str, Any]:
        found = self.simulator.control.call("databases", instance=name)["databases"]
        return {one["name"]: one for one in found}

    def changes(self) -> list[str]:
        """Texts of changing statements that modules really sent."""
        begins = ("CREATE", "ALTER", "DROP", "GRANT", "DENY")
        return [text for text in self.simulator.sent_by_modules() if text.lstrip().startswith(begins)]


@pytest.fixture
def real(portal: Portal, simulator: Simulator) -> Real:
    """The stage."""
    return Real(portal, simulator)


def test_what_was_approved_is_what_the_instance_receives(real: Real):
    plan = real.planned()
    assert plan.state is PlanState.READY, plan.failure
    assert all(check["is_passed"] for check in plan.checks or [] if check["is_blocking"]), plan.checks
    assert set((plan.placement or {})["candidates"]) == {"sql01", "sql02"}
    assert real.changes() == []
    real.decide(plan, real.admin)
    booking = real.apply(plan.booking_id)
    assert booking.state is BookingState.DEPLOYED, booking.failure
    assert "shop_orders" in real.databases(plan.target_names[0])
    assert real.plan(booking).state is PlanState.APPLIED
    sent = real.changes()
    assert len(sent) == len(plan.statements)
    assert [text.split("PASSWORD")[0] for text in sent] == [
        one.text.split("PASSWORD")[0] for one in plan.statements
    ]


def test_a_target_that_changed_is_refused_before_any_change_and_planned_again(real: Real):
    plan = real.planned()
    real.decide(plan, real.admin)
    owner_sid = real.booking(plan.booking_id).application.owner_sid
    somebody = connect(real.simulator.instances[plan.target_names[0]])
    try:  # the owner login is there already, by somebody who knew its SID: a statement less would be sent
        somebody.execute(f"CREATE LOGIN [shop_owner] WITH PASSWORD = N'Another-1-Secret', SID = {owner_sid}")
        somebody.execute("CREATE DATABASE [shop_orders]")
        somebody.execute("ALTER AUTHORIZATION ON DATABASE::[shop_orders] TO [shop_owner]")
    finally:
        somebody.close()
    booking = real.apply(plan.booking_id)
    assert real.changes() == []
    assert booking.state is BookingState.PENDING, (booking.state, booking.failure)
    assert [one.state for one in real.plans(booking)] == [PlanState.DRIFTED, PlanState.PLANNING]
    assert "drifted" in real.events(booking.id)

    again = real.plan(booking)
    real.run(again.job_id)
    again = real.plan(booking)
    assert again.state is PlanState.READY, again.failure
    assert again.hash != plan.hash
    page = real.client(real.admin).get(f"/approvals/{again.id}").text
    assert "What is different from plan 1" in page
    real.decide(again, real.operator)
    assert real.apply(booking.id).state is BookingState.DEPLOYED


def test_an_instance_that_dies_between_plan_and_approval_is_told_and_gone_on_with(real: Real):
    plan = real.planned()
    dead = plan.target_names[0]
    real.simulator.control.call("add_fault", instance=dead, fault={"kind": "down"})
    real.decide(plan, real.admin)
    booking = real.apply(plan.booking_id)
    print(real.plan(booking).outcome)
    assert real.changes() == []
    assert booking.state is BookingState.FAILED
    assert "did not answer" in (booking.failure or "")

    real.simulator.control.call("clear_faults", instance=dead)  # the approval still holds
    answer = real.client(real.operator).post(f"/jobs/{booking.job_id}/relaunch")
    assert answer.status_code in (302, 303)
    again = job_in(answer.location)
    assert real.run(again) is JobState.SUCCESSFUL
    assert real.booking(booking.id).state is BookingState.DEPLOYED
    assert real.plan(booking).state is PlanState.APPLIED


@pytest.mark.parametrize("number", [1803, 5149])
def test_what_a_server_refuses_in_a_loop_is_a_failure_with_its_cause_and_no_drift(real: Real, number: int):
    plan = real.planned()
    where = plan.target_names[0]
    real.decide(plan, real.admin)
    fault = {"kind": "error", "number": number, "pattern": "^CREATE DATABASE"}
    real.simulator.control.call("add_fault", instance=where, fault=fault)
    booking = real.apply(plan.booking_id)
    assert any("CREATE LOGIN [shop_owner]" in text for text in real.changes())
    assert booking.state is BookingState.FAILED
    assert [one.state for one in real.plans(booking)] == [PlanState.APPROVED]
    assert "drifted" not in real.events(booking.id)
    operator, job_page = real.client(real.operator), f"/jobs/{booking.job_id}"
    for path in (f"/bookings/{booking.id}", "/", job_page, f"{job_page}/tasks"):
        page = operator.get(path).text
        assert str(number) in page, path
        assert "items failed" not in page, path
    assert "changing statements by then." in operator.get(f"/bookings/{booking.id}").text
    customer = real.client(real.customer).get(f"/bookings/{booking.id}").text
    assert "goes on from what is there" in customer
    assert str(number) not in customer

    real.simulator.control.call("clear_faults", instance=where)
    again = job_in(operator.post(f"{job_page}/relaunch").location)
    assert real.run(again) is JobState.SUCCESSFUL
    assert real.booking(booking.id).state is BookingState.DEPLOYED


def job_in(location: str) -> str:
    """The job that a redirect leads to."""
    return location.rstrip("/").rpartition("/")[2]
