"""A real booking whose run dies: the next attempt passes the same gate and sends only what is missing."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.engine import job_of, run_job_now, wait_until
from tests.support.playbooks import instance
from tests.support.portal import Portal
from tests.support.simulators import running_simulator
from tests.webapp.approvals.test_end_to_end import Real
from webapp.bookings.models import BookingState
from webapp.jobs.models import JobState
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

STAGES = {
    "before the first change": "create login",
    "in the middle": "create database",
    "at the end": "grant execute",
}


@pytest.fixture
def real(portal: Portal, tmp_path: Path) -> Iterator[Real]:
    """A customer, an admin and one instance."""
    with running_simulator({"instances": [instance("sql01")]}, folder=tmp_path / "simulator") as simulator:
        yield Real(portal, simulator)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("stage", STAGES)
def test_an_approved_booking_that_dies_is_deployed_by_the_next_attempt(real: Real, stage: str) -> None:
    runtime = real.portal.runtime
    plan = real.approved()
    job_id = real.booking(plan.booking_id).job_id
    assert job_id
    fault = real.simulator.control.add_fault("sql01", kind="hold", pattern=STAGES[stage], times=1)
    runner = threading.Thread(target=run_job_now, args=(runtime, job_id))
    runner.start()
    real.simulator.control.wait_held(fault, timeout=60)
    pid = wait_until(lambda: job_of(runtime, job_id).session_pid, "its pid was noted")
    os.kill(pid, signal.SIGKILL)
    runner.join(60)
    real.simulator.control.remove_fault(fault)
    assert job_of(runtime, job_id).state is JobState.PENDING
    assert real.booking(plan.booking_id).state is BookingState.RUNNING

    job = run_job_now(runtime, job_id)
    assert (job.state, job.attempt) == (JobState.SUCCESSFUL, 2), job.job_explanation
    assert real.booking(plan.booking_id).state is BookingState.DEPLOYED
    done = Counter(line["text"] for line in real.simulator.trace() if line["outcome"] == "ok")
    assert [
        text for text, times in done.items() if times > 1 and text.startswith(("CREATE", "GRANT", "DENY"))
    ] == []
    with runtime.database.reading() as session:
        rows = session.scalars(
            select(JobStatement).where(
                JobStatement.job_id == job_id,
                JobStatement.kind == StatementKind.CHANGE,
                JobStatement.status != StatementStatus.PLANNED,
            )
        ).all()
    unknown = [row.text for row in rows if row.status is StatementStatus.UNKNOWN]
    assert len(unknown) == 1, "the one that was under way"
    assert unknown[0].lower().startswith(STAGES[stage])
    assert {row.status for row in rows} == {StatementStatus.OK, StatementStatus.UNKNOWN}
