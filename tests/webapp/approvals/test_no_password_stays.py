"""A password that a role draws is in the run's private folder alone, and gone with it whatever happens."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engine import job_of, run_job_now, wait_until
from tests.support.playbooks import instance
from tests.support.portal import Portal
from tests.support.simulators import ROOT, running_simulator
from tests.webapp.approvals.conftest import Story
from tests.webapp.approvals.test_end_to_end import Real
from webapp.approvals.job_templates import ApplyBooking, PlanBooking
from webapp.bookings.models import Booking
from webapp.jobs.models import JobState
from webapp.jobs.templates import Launch, RunPath

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is about files


def password_files(real: Real) -> list[Path]:
    """Every file of a drawn password: in the portal's data, and where playbooks keep theirs."""
    folders = (real.portal.runtime.settings.jobs_folder.absolute(), ROOT / ".credentials")
    return [path for folder in folders for path in folder.rglob("*.password") if folder.is_dir()]


@pytest.fixture
def real(portal: Portal, tmp_path: Path) -> Iterator[Real]:
    """A customer, an admin and one instance."""
    with running_simulator({"instances": [instance("sql01")]}, folder=tmp_path / "simulator") as simulator:
        yield Real(portal, simulator)


@pytest.fixture
def before(real: Real) -> list[Path]:
    """What other runs left in the folder that playbooks share."""
    return password_files(real)


def approved_without_password(real: Real) -> str:
    """The job of an approved booking whose password the role has to draw."""
    booking = real.book()
    with real.portal.database.transaction() as session:
        session.get_one(Booking, booking.id).secret = None
    real.run(real.plan(booking).job_id)
    plan = real.plan(booking)
    real.decide(plan, real.admin)
    job_id = real.booking(booking.id).job_id
    assert job_id is not None
    return job_id


@pytest.mark.parametrize("job", [PlanBooking, ApplyBooking])
def test_each_run_of_a_request_draws_into_its_own_folder(story: Story, job: type) -> None:
    plan = story.approved() if job is ApplyBooking else story.plan(story.book())
    job_id = story.booking(plan.booking_id).job_id if job is ApplyBooking else plan.job_id
    launch = story.engine.claim(job_id or "")
    assert isinstance(launch, Launch), launch
    assert isinstance(launch.variables["application_credentials_folder"], RunPath)
    assert "application_credentials_folder" not in ((plan.launch or {}).get("variables") or {})


def test_nothing_is_left_after_success(real: Real, before: list[Path]) -> None:
    assert real.run(approved_without_password(real)) is JobState.SUCCESSFUL
    assert any("CREATE LOGIN [shop_app]" in text for text in real.changes())
    assert password_files(real) == before


def test_nothing_is_left_after_a_failure(real: Real, before: list[Path]) -> None:
    job_id = approved_without_password(real)
    real.simulator.control.add_fault("sql01", kind="error", pattern="create user", number=1105)
    assert real.run(job_id) is JobState.FAILED
    assert any("CREATE LOGIN [shop_app]" in text for text in real.changes())
    assert password_files(real) == before


def test_nothing_is_left_after_a_kill_and_the_run_that_goes_on(real: Real, before: list[Path]) -> None:
    job_id = approved_without_password(real)
    runtime = real.portal.runtime
    fault = real.simulator.control.add_fault("sql01", kind="hold", pattern="create user", times=1)
    runner = threading.Thread(target=run_job_now, args=(runtime, job_id))
    runner.start()
    real.simulator.control.wait_held(fault, timeout=60)
    drawn = [path for path in password_files(real) if path not in before]
    os.kill(wait_until(lambda: job_of(runtime, job_id).session_pid, "its pid"), signal.SIGKILL)
    runner.join(60)
    real.simulator.control.remove_fault(fault)
    assert [path.name for path in drawn] == ["shop_app.password"]
    assert drawn[0].is_relative_to(runtime.settings.jobs_folder.absolute())
    assert job_of(runtime, job_id).state is JobState.PENDING
    assert password_files(real) == before
    assert real.run(job_id) is JobState.SUCCESSFUL
    assert password_files(real) == before
