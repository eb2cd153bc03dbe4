"""Whatever is killed, whenever: a booking has one end, is deployed once, and every statement is known."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from tests.support.engine import EngineProcess, job_of, running_engine, wait_for_job, wait_until
from tests.support.playbooks import instance, unexplained
from tests.support.portal import migrate, settings_for
from tests.support.postgres import shared_postgres
from tests.support.redis import Redis, running_redis
from tests.support.simulators import Simulator, running_simulator
from tests.webapp.jobs.with_booking import APPLICATION_PASSWORD, COMMAND, Book
from webapp.audit.models import AuditEntry
from webapp.audit.operations import PLATFORM
from webapp.jobs.models import JobEvent, JobState, OutboxEntry, TargetLock
from webapp.jobs.operations import launch
from webapp.jobs.processes import processes_of
from webapp.runtime import Runtime, create_runtime
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

# What holds the booking up, at which of its statements.
HELD = {
    "first event": r"SERVERPROPERTY\(N'ServerName'\)",
    "after the first change": "create database",
    "near the end": "grant execute",
}
ATTEMPTS = 10  # on a machine that is busy with other tests a short lease may run out by itself
WITHIN_S = 90.0
STAGES = ("queued", "claimed", *HELD)
DATABASES = {
    "worker": "sqlite",
    "work horse": "sqlite",
    "playbook": "postgresql",
    "dispatcher": "postgresql",
    "redis": "sqlite",
    "what redis holds": "postgresql",
}
# Each victim once, each stage at least once.
ONCE = {
    "sqlite": [("work horse", "claimed"), ("worker", "after the first change"), ("redis", "near the end")],
    "postgresql": [
        ("what redis holds", "queued"),
        ("playbook", "first event"),
        ("dispatcher", "near the end"),
    ],
}
NOT_THERE = {("work horse", "queued"), ("playbook", "queued"), ("playbook", "claimed")}


class Scene:
    """A platform at work: simulator, Redis, one worker, one dispatcher."""

    def __init__(self, runtime: Runtime, simulator: Simulator, redis: Redis, folder: Path) -> None:
        self.runtime, self.simulator, self.redis, self.folder = runtime, simulator, redis, folder
        self.worker: EngineProcess
        self.dispatcher: EngineProcess

    def book(self, application: str, hold: Path) -> str:
        """Launch a booking; the job's id."""
        where = {name: [one.host, one.port] for name, one in self.simulator.instances.items()}
        parameters: dict[str, Any] = {"application": application, "instances": where, "hold": str(hold)}
        with self.runtime.database.transaction() as session:
            return launch(
                session, template="test_book", title=f"Book {application}", parameters=parameters,
                targets=["instance:1", f"application:{application}"], launched_by=PLATFORM,
            ).id  # fmt: skip

    @contextmanager
    def held_at(self, stage: str, application: str) -> Iterator[str]:
        """A booking that is held up at that stage; it goes on afterwards."""
        hold = self.folder / f"hold-{application}"
        fault = None
        if stage == "queued":
            self.worker.signal(signal.SIGSTOP)
        elif stage == "claimed":
            hold.touch()
        else:
            fault = self.simulator.control.add_fault("sql01", kind="hold", pattern=HELD[stage], times=1)
        job_id = self.book(application, hold)
        if stage == "queued":
            wait_until(lambda: self._is_rung(job_id), "Redis was told")
        elif stage == "claimed":
            wait_for_job(self.runtime, job_id, [JobState.RUNNING])
        else:
            assert fault is not None
            self.simulator.control.wait_held(fault, timeout=WITHIN_S)
            wait_until(lambda: self.count(JobEvent, job_id), "an event was stored")
        yield job_id
        if stage == "queued":
            self.worker.signal(signal.SIGCONT)
        elif fault is not None:
            self.simulator.control.remove_fault(fault)
        hold.unlink(missing_ok=True)

    def kill(self, victim: str, job_id: str) -> None:
        """SIGKILL, and a new one in its place where a service would start one."""
        match victim:
            case "worker":
                self.worker.kill()
                self.worker.start()
            case "work horse":
                (horse,) = self.worker.horses()
                horse.kill()
            case "playbook":
                pid = wait_until(lambda: job_of(self.runtime, job_id).session_pid, "its pid was noted")
                os.kill(pid, signal.SIGKILL)
            case "dispatcher":
                self.dispatcher.kill()
                self.dispatcher.start()
            case "redis":
                self.redis.kill()
                time.sleep(0.3)
                self.redis.start()
            case "what redis holds":
                self.redis.flush()

    def count(self, table: Any, job_id: str) -> int:
        """How many rows of ``table`` are the job's."""
        with self.runtime.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table).where(table.job_id == job_id)) or 0

    def _is_rung(self, job_id: str) -> bool:
        with self.runtime.database.reading() as session:
            entries = session.scalars(select(OutboxEntry).where(OutboxEntry.job_id == job_id)).all()
        return bool(entries) and all(entry.sent_at for entry in entries)


def database_for(kind: str, pytestconfig: pytest.Config, migrated_sqlite: Path, folder: Path) -> str:
    """A migrated platform database."""
    if kind == "sqlite":
        shutil.copy(migrated_sqlite, folder / "platform.db")
        return f"sqlite:///{folder / 'platform.db'}"
    postgres = shared_postgres(pytestconfig)
    return postgres.create_database(template=postgres.create_template("migrated", migrate))


@contextmanager
def running_scene(database_url: str, folder: Path, **settings: Any) -> Iterator[Scene]:
    """A platform with short leases."""
    with ExitStack() as stack:
        simulator = stack.enter_context(
            running_simulator({"instances": [instance("sql01")]}, folder=folder / "sim")
        )
        redis = stack.enter_context(running_redis(folder / "redis"))
        given: dict[str, Any] = {
            "redis_url": redis.url, "data_folder": folder / "data", "lease_s": 3, "heartbeat_s": 0.5,
            "dispatch_interval_s": 0.2, "job_attempts": ATTEMPTS, **settings,
        }  # fmt: skip
        runtime = create_runtime(settings_for(database_url, **given))
        stack.callback(runtime.database.dispose)
        runtime.templates["test_book"] = Book()
        scene = Scene(runtime, simulator, redis, folder)
        engine = running_engine(runtime.settings, folder / "engine", command=COMMAND)
        workers, dispatchers = stack.enter_context(engine)
        scene.worker, scene.dispatcher = workers[0], dispatchers[0]
        yield scene


def check_one_story(scene: Scene, job_ids: dict[str, str]) -> None:
    """What must be true of every booking, whatever happened to it."""
    runtime, simulator = scene.runtime, scene.simulator
    for application, job_id in job_ids.items():
        job = wait_for_job(runtime, job_id, timeout_s=WITHIN_S)
        assert job.state is JobState.SUCCESSFUL, (application, job.state, job.job_explanation)
        with runtime.database.reading() as session:
            ends = session.scalars(
                select(AuditEntry.action).where(
                    AuditEntry.object_id == job_id, AuditEntry.action.like("test:%")
                )
            ).all()
            assert ends == ["test:successful"], application
            statuses = Counter(
                session.scalars(select(JobStatement.status).where(JobStatement.job_id == job_id))
            )
            assert statuses[StatementStatus.SENT] == 0, application
            assert session.scalars(select(TargetLock).where(TargetLock.job_id == job_id)).all() == []
            streams = session.scalars(select(JobEvent.stream).where(JobEvent.job_id == job_id)).all()
            assert len(set(streams)) == len(streams)
    names = {database["name"] for database in simulator.control.databases("sql01")}
    assert {f"{application}_orders" for application in job_ids} <= names

    # The driver closes a statement with bound parameters by itself.
    trace = [line for line in simulator.trace() if line["text"] != "sp_unprepare"]
    with runtime.database.reading() as session:
        stored = session.scalars(select(JobStatement)).all()
        changes = {row.text for row in stored if row.kind is StatementKind.CHANGE}
    assert unexplained(trace, [{"event": "intent", "text": row.text} for row in stored]) == []
    done = Counter((line["database"], line["text"]) for line in trace if line["outcome"] == "ok")
    assert changes
    twice = [text for (_, text), times in done.items() if times > 1 and not _only_reads(text, stored)]
    assert twice == []

    folders = runtime.settings.jobs_folder
    wait_until(lambda: not folders.exists() or not list(folders.iterdir()), "no private folder is left")
    for job_id in job_ids.values():
        for attempt in range(1, ATTEMPTS + 1):
            assert processes_of(folders.absolute() / f"{job_id}-{attempt}" / "journal.jsonl") == []
    assert APPLICATION_PASSWORD not in scene.redis.dump()


def _only_reads(text: str, stored: Any) -> bool:
    """Whether no changing statement has this text; secrets are written differently in trace and journal."""
    head = text.partition("N'")[0].strip()
    return not any(
        row.kind is StatementKind.CHANGE and row.text.partition("N'")[0].strip() == head for row in stored
    )


def kill_each(database_url: str, kills: list[tuple[str, str]], folder: Path) -> None:
    """One booking for each (victim, stage), one after the other."""
    with running_scene(database_url, folder) as scene:
        job_ids: dict[str, str] = {}
        for number, (victim, stage) in enumerate(kills):
            application = f"app{number}"
            with scene.held_at(stage, application) as job_id:
                job_ids[application] = job_id
                scene.kill(victim, job_id)
            wait_for_job(scene.runtime, job_id, timeout_s=WITHIN_S)
        check_one_story(scene, job_ids)


@pytest.mark.timeout(600)  # three bookings, one after the other: 15 s on two cores
@pytest.mark.parametrize("kind", ONCE)
def test_one_booking_has_one_story_whatever_is_killed(
    kind: str, pytestconfig: pytest.Config, migrated_sqlite: Path, tmp_path: Path
) -> None:
    kill_each(database_for(kind, pytestconfig, migrated_sqlite, tmp_path), ONCE[kind], tmp_path)


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("victim", DATABASES)
def test_one_booking_has_one_story_whatever_is_killed_and_when(
    victim: str, pytestconfig: pytest.Config, migrated_sqlite: Path, tmp_path: Path
) -> None:
    database_url = database_for(DATABASES[victim], pytestconfig, migrated_sqlite, tmp_path)
    kills = [(victim, stage) for stage in STAGES if (victim, stage) not in NOT_THERE]
    kill_each(database_url, kills, tmp_path)


def test_a_booking_goes_on_when_one_process_of_its_playbook_is_killed(
    migrated_sqlite: Path, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    database_url = database_for("sqlite", pytestconfig, migrated_sqlite, tmp_path)
    with running_scene(database_url, tmp_path) as scene:
        with scene.held_at("after the first change", "shop") as job_id:
            pid = wait_until(lambda: job_of(scene.runtime, job_id).session_pid, "its pid was noted")
            (forked,) = wait_until(lambda: psutil.Process(pid).children(), "a module runs")
            forked.kill()  # as the kernel does when memory runs out
        check_one_story(scene, {"shop": job_id})
        job = job_of(scene.runtime, job_id)
        assert job.attempt == 2
        with scene.runtime.database.reading() as session:
            resumed = session.scalars(
                select(AuditEntry).where(AuditEntry.object_id == job_id, AuditEntry.action == "job:resumed")
            ).one()
        assert "broke off within a task" in resumed.details["reason"]
