"""A run that nobody renews sends no change any more, is taken over once, and its story is stored whole."""

from __future__ import annotations

import dataclasses
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.engine import job_of, run_job_now, wait_until
from tests.support.playbooks import instance
from tests.support.simulators import Simulator, running_simulator
from tests.webapp.jobs.with_booking import Book
from webapp.audit.operations import PLATFORM
from webapp.database import new_id, now
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobEvent, JobState, TargetLock
from webapp.jobs.operations import launch, request_cancel
from webapp.jobs.private_folder import create_folder, folder_for
from webapp.jobs.processes import processes_of
from webapp.jobs.reconcile import reconcile
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch
from webapp.statements.models import JobStatement, StatementStatus

PLACED = r"SERVERPROPERTY\(N'ServerName'\)"


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """One instance."""
    with running_simulator({"instances": [instance("sql01")]}, folder=tmp_path / "sim") as simulator:
        yield simulator


@pytest.fixture
def book(runtime: Runtime, simulator: Simulator, tmp_path: Path) -> Callable[[], str]:
    """Launches a booking; the job's id."""
    runtime.templates["test_book"] = Book()

    def launch_booking() -> str:
        where = {name: [one.host, one.port] for name, one in simulator.instances.items()}
        parameters: dict[str, Any] = {
            "application": "shop",
            "instances": where,
            "hold": str(tmp_path / "hold"),
        }
        with runtime.database.transaction() as session:
            return launch(
                session, template="test_book", title="Book shop", parameters=parameters,
                targets=["instance:1"], launched_by=PLATFORM,
            ).id  # fmt: skip

    return launch_booking


def journal_line(event: str, seq: int, letter: str, text: str, **more: Any) -> str:
    """A line as modules write it; ``letter`` tells statements apart."""
    line = {
        "event": event, "run": "r", "seq": seq, "statement_id": f"01J0000000000000000000000{letter}",
        "at": "2026-01-01T00:00:00Z", "instance": "h,1", "inventory_host": "sql01", "database": "master",
        "task": "T", "template": "login/create", "kind": "change", "text": text, "sha256": "00",
        "check_mode": False, **more,
    }  # fmt: skip
    return json.dumps(line) + "\n"


def changes_sent(simulator: Simulator) -> list[str]:
    """The changing statements of the booking that the instance got."""
    words = ("create", "alter", "grant", "deny")
    return [text for text in simulator.sent_by_modules() if text.lower().startswith(words)]


def give_to_another(runtime: Runtime, job_id: str) -> None:
    """What a reconciler elsewhere does: it takes the job with a token of its own."""
    with runtime.database.transaction() as session:
        values = {"lease_token": new_id(), "lease_until": now() + timedelta(minutes=5)}
        session.execute(update(Job).where(Job.id == job_id).values(**values))


def test_a_worker_that_lost_its_lease_ends_its_own_run_and_no_change_is_sent(
    runtime: Runtime, simulator: Simulator, book: Callable[[], str]
) -> None:
    fault = simulator.control.add_fault("sql01", kind="hold", pattern=PLACED, times=1)
    job_id = book()
    runner = threading.Thread(target=run_job_now, args=(runtime, job_id))
    runner.start()
    simulator.control.wait_held(fault, timeout=30)
    give_to_another(runtime, job_id)
    runner.join(20)
    assert not runner.is_alive()
    simulator.control.remove_fault(fault)
    assert processes_of(folder_for(runtime.settings, job_id, 1).journal) == []
    assert changes_sent(simulator) == []
    assert job_of(runtime, job_id).state is JobState.RUNNING, "it is the other one's to end"


def test_a_run_whose_platform_database_is_away_sends_nothing_after_its_lease_and_begins_again(
    runtime: Runtime, simulator: Simulator, book: Callable[[], str]
) -> None:
    """The database is 'away' by a lease file that is never renewed: the modules only know that file."""
    settings = runtime.settings.model_copy(update={"lease_s": 2.0, "heartbeat_s": 600.0})
    hurried = dataclasses.replace(runtime, settings=settings)
    fault = simulator.control.add_fault("sql01", kind="hold", pattern=PLACED, times=1)
    job_id = book()
    runner = threading.Thread(target=run_job_now, args=(hurried, job_id))
    runner.start()
    simulator.control.wait_held(fault, timeout=30)
    lease = folder_for(settings, job_id, 1).lease
    wait_until(lambda: float(lease.read_text()) < time.time(), "the lease ended")
    simulator.control.remove_fault(fault)
    runner.join(30)
    assert changes_sent(simulator) == []
    job = job_of(runtime, job_id)
    assert (job.state, job.job_explanation) == (
        JobState.PENDING, "Attempt 1 was lost: The lease ran out. Another one begins."
    )  # fmt: skip
    assert run_job_now(runtime, job_id).state is JobState.SUCCESSFUL
    assert len(changes_sent(simulator)) > 5


def test_what_a_dead_worker_left_is_harvested_and_the_job_begins_again(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    other = launched().id
    settings = runtime.settings.model_copy(update={"lease_s": 0.1})
    claimed = claim(runtime.database, settings, other, worker="dead")
    assert claimed
    folder = create_folder(
        settings, Launch("x", {}), job_id=other, attempt=1, lease_until=claimed.lease_until
    )
    torn = '{"event":"intent","run":"r","seq":2,"torn'
    folder.journal.write_text(journal_line("intent", 1, "A", "CREATE LOGIN [a]") + torn)
    folder.events.mkdir(parents=True)
    (folder.events / "1-aaaa.json").write_text(
        '{"uuid":"aaaa","counter":1,"event":"playbook_on_start","stdout":"a"}'
    )
    (folder.events / "bbbb-partial.json").write_text(
        '{"uuid":"bbbb","event":"runner_on_ok","event_data":{"task":"T"}}'
    )
    (folder.events / "2-cccc.json").write_text('{"uuid":"cc')
    time.sleep(0.2)
    assert reconcile(runtime) == 1
    assert not folder.path.exists()
    with runtime.database.reading() as session:
        (row,) = session.scalars(select(JobStatement).where(JobStatement.job_id == other)).all()
        assert (row.text, row.status) == ("CREATE LOGIN [a]", StatementStatus.UNKNOWN)
        events = session.scalars(
            select(JobEvent.uuid).where(JobEvent.job_id == other).order_by(JobEvent.stream)
        )
        assert list(events) == ["aaaa", "bbbb"]
    now_ = job_of(runtime, other)
    assert now_.state is JobState.PENDING
    assert "its worker died" in (now_.job_explanation or "")
    assert reconcile(runtime) == 0


def test_only_one_of_many_reconcilers_takes_a_run_over(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    settings = runtime.settings.model_copy(update={"lease_s": 0.01})
    job = launched()
    assert claim(runtime.database, settings, job.id, worker="dead")
    time.sleep(0.05)
    counts: list[int] = []
    threads = [threading.Thread(target=lambda: counts.append(reconcile(runtime))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(counts) == [0, 0, 0, 0, 0, 1]


def test_a_run_on_another_machine_is_left_alone_until_its_lease_and_a_grace_have_passed(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    elsewhere = runtime.settings.model_copy(update={"host_name": "elsewhere"})
    grace = timedelta(seconds=runtime.settings.lease_s)
    job = launched(targets=["instance:1"])
    assert claim(runtime.database, elsewhere, job.id, worker="elsewhere")
    for ended, taken_over in ((-grace / 2, 0), (grace / 2, 0), (grace, 1)):
        with runtime.database.transaction() as session:
            session.execute(update(Job).values(lease_until=now() - ended))
        assert reconcile(runtime) == taken_over
    now_ = job_of(runtime, job.id)
    assert now_.state is JobState.PENDING
    assert "elsewhere does not renew its lease" in (now_.job_explanation or "")
    with runtime.database.reading() as session:
        assert [lock.job_id for lock in session.scalars(select(TargetLock))] == [job.id]


def test_a_machine_that_comes_back_stores_what_nobody_could_reach(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    job = launched()
    claimed = claim(runtime.database, runtime.settings, job.id, worker="w")
    assert claimed
    folder = create_folder(runtime.settings, Launch("x", {}), job_id=job.id, attempt=1, lease_until=now())
    folder.journal.write_text(
        journal_line("intent", 1, "B", "CREATE LOGIN [b]")
        + journal_line("outcome", 2, "B", "CREATE LOGIN [b]", status="ok", duration_ms=1.5, rowcount=1)
    )
    with runtime.database.transaction() as session:  # meanwhile the job has gone on elsewhere
        session.execute(update(Job).where(Job.id == job.id).values(attempt=2, host_name="elsewhere"))
    assert reconcile(runtime) == 0
    assert not folder.path.exists()
    with runtime.database.reading() as session:
        (row,) = session.scalars(select(JobStatement)).all()
        assert (row.attempt, row.status, row.duration_ms) == (1, StatementStatus.OK, 1.5)
    assert job_of(runtime, job.id).state is JobState.RUNNING


def test_a_canceled_run_whose_worker_died_is_canceled_not_begun_again(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    settings = runtime.settings.model_copy(update={"lease_s": 0.1})
    job = launched()
    assert claim(runtime.database, settings, job.id, worker="dead")
    with runtime.database.transaction() as session:
        request_cancel(session, PLATFORM, job.id)
    time.sleep(0.2)
    assert reconcile(runtime) == 1
    assert job_of(runtime, job.id).state is JobState.CANCELED


def test_after_the_last_attempt_the_error_names_the_statements_of_unknown_outcome(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    settings = runtime.settings.model_copy(update={"lease_s": 0.1, "job_attempts": 1})
    hurried = dataclasses.replace(runtime, settings=settings)
    job = launched(targets=["instance:1"])
    claimed = claim(runtime.database, settings, job.id, worker="dead")
    assert claimed
    folder = create_folder(settings, Launch("x", {}), job_id=job.id, attempt=1, lease_until=now())
    folder.journal.write_text(journal_line("intent", 1, "C", "CREATE DATABASE [c]"))
    time.sleep(0.2)
    assert reconcile(hurried) == 1
    now_ = job_of(runtime, job.id)
    assert now_.state is JobState.ERROR
    assert "The outcome of 1 changing statement is unknown:\n- CREATE DATABASE [c] on sql01" in str(
        now_.job_explanation
    )
    with runtime.database.reading() as session:
        assert session.scalars(select(TargetLock)).all() == []
    shutil.rmtree(settings.jobs_folder)
