"""Jobs with their events, locks, the outbox, schedules and workers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.database import Base, Json, WithId, enum_of, now


class JobState(StrEnum):
    """AWX's words."""

    NEW = "new"  # made, and not yet to be run
    PENDING = "pending"  # waits for a worker
    WAITING = "waiting"  # waits for a lock that another job holds
    RUNNING = "running"  # a worker holds it
    SUCCESSFUL = "successful"
    FAILED = "failed"  # the playbook said no
    ERROR = "error"  # the platform could not finish it; job_explanation says what is unknown
    CANCELED = "canceled"  # asked to stop, and verified dead


ENDED_JOB_STATES = (JobState.SUCCESSFUL, JobState.FAILED, JobState.ERROR, JobState.CANCELED)
QUEUED_JOB_STATES = (JobState.PENDING, JobState.WAITING)


@dataclass(frozen=True)
class Kept:
    """Lines of an attempt's journal that are in no row: how many, on which machine, in which folder."""

    attempt: str
    lines: int
    host: str
    path: str


class Job(WithId, Base):
    """One playbook run, with all its attempts."""

    __tablename__ = "jobs"

    template: Mapped[str] = mapped_column(String(50), index=True)  # a name in webapp/registry.py
    title: Mapped[str] = mapped_column(String(200))  # for people: "Book shop on standalone"
    state: Mapped[JobState] = mapped_column(enum_of(JobState), default=JobState.PENDING, index=True)
    check_mode: Mapped[bool] = mapped_column(default=False)
    parameters: Mapped[
        dict[str, Any]
    ]  # what the template needs to prepare the run; ids and options, no secret
    schedule_id: Mapped[str | None] = mapped_column(String(26))
    launched_by_id: Mapped[str | None] = mapped_column(String(26))  # a user; empty: the platform
    customer_id: Mapped[str | None] = mapped_column(String(26), index=True)  # whose it is, if a customer's
    relaunch_of_id: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    # The claim.
    attempt: Mapped[int] = mapped_column(default=0)  # how often a worker has begun it
    lease_token: Mapped[str | None] = mapped_column(
        String(26)
    )  # the fencing token of the worker that holds it
    lease_until: Mapped[datetime | None]
    worker: Mapped[str | None] = mapped_column(String(200))
    host_name: Mapped[str | None] = mapped_column(String(200))  # where its process and private folder are
    session_pid: Mapped[int | None]  # ansible-playbook, leader of its own session
    session_started_at: Mapped[float | None]  # that process's start, UNIX time as psutil gives it
    private_folder: Mapped[str | None] = mapped_column(String(1000))
    cancel_requested_at: Mapped[datetime | None]
    cancel_requested_by_id: Mapped[str | None] = mapped_column(String(26))
    # What came of it.
    return_code: Mapped[int | None]
    job_explanation: Mapped[str | None] = mapped_column(Text)
    tasks_total: Mapped[int | None]
    tasks_done: Mapped[int] = mapped_column(default=0)
    stats: Mapped[Any | None] = mapped_column(Json)  # Ansible's, by host
    # Lines of its journals that have no row, by attempt: {"1": {"lines", "host", "path"}}; kept_journals.py
    unstored: Mapped[Any | None] = mapped_column(Json(dict, is_optional=True))
    stream: Mapped[int] = mapped_column(default=0)  # the position of the newest event or statement

    # Loaded with the job: locks and pages want them of every job, also of many at once.
    target_rows: Mapped[list[JobTarget]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="(JobTarget.kind, JobTarget.target_id)"
    )
    subject_rows: Mapped[list[JobSubject]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="JobSubject.position"
    )

    @property
    def kept(self) -> tuple[Kept, ...]:
        """What its row says of lines without a row, attempt by attempt; nothing where somebody spoilt it."""
        entries = (self.unstored or {}).items()
        return tuple(
            Kept(attempt, one["lines"], str(one.get("host", "")), str(one.get("path", "")))
            for attempt, one in sorted(entries)
            if isinstance(one, dict) and isinstance(one.get("lines"), int)
        )

    @property
    def targets(self) -> list[str]:
        """What it has to itself while it runs, as references: ``instance:<id>``."""
        return sorted(f"{one.kind}:{one.target_id}" for one in self.target_rows)

    @targets.setter
    def targets(self, references: Iterable[str]) -> None:
        self.target_rows = [
            JobTarget(kind=kind, target_id=key)
            for kind, key in (split(one) for one in sorted(set(references)))
        ]

    @property
    def subjects(self) -> list[str]:
        """What it is about, as references, in the order in which whoever launched it named them."""
        return [f"{one.kind}:{one.subject_id}" for one in self.subject_rows]

    @subjects.setter
    def subjects(self, references: Iterable[str]) -> None:
        pairs = [split(one) for one in dict.fromkeys(references)]
        self.subject_rows = [
            JobSubject(position=position, kind=kind, subject_id=key)
            for position, (kind, key) in enumerate(pairs)
        ]

    def subject(self, kind: str) -> str | None:
        """The id of the first thing of this kind that it is about; None when there is none."""
        return next((one.subject_id for one in self.subject_rows if one.kind == kind), None)


def split(reference: str) -> tuple[str, str]:
    """(kind, id) of ``instance:<id>``."""
    kind, _, key = reference.partition(":")
    return kind, key


class JobTarget(Base):
    """Something that a job has to itself while it runs. The kinds are registered: jobs/subjects.py"""

    __tablename__ = "job_targets"
    __table_args__ = (Index("ix_job_targets_kind_target_id", "kind", "target_id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(26), primary_key=True)


class JobSubject(Base):
    """Something that a job is about, for lists, names and filters. Plain ids: this room knows no other."""

    __tablename__ = "job_subjects"
    __table_args__ = (Index("ix_job_subjects_kind_subject_id", "kind", "subject_id", "job_id"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(30), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(26), primary_key=True)
    position: Mapped[int]  # from 0


class JobEvent(Base):
    """One event of ansible-runner. Stored once, whoever brings it."""

    __tablename__ = "job_events"
    __table_args__ = (
        UniqueConstraint("job_id", "uuid"),
        Index("ix_job_events_job_id_stream", "job_id", "stream"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    attempt: Mapped[int]
    uuid: Mapped[str] = mapped_column(String(64))
    stream: Mapped[int]  # its position in the job's stream of events and statements
    counter: Mapped[int]  # ansible-runner's
    event: Mapped[str] = mapped_column(String(50))
    play: Mapped[str | None] = mapped_column(String(300))
    task: Mapped[str | None] = mapped_column(String(500))
    task_uuid: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str | None] = mapped_column(String(200))
    host: Mapped[str | None] = mapped_column(String(100))
    is_changed: Mapped[bool] = mapped_column(default=False)
    is_failed: Mapped[bool] = mapped_column(default=False)
    at: Mapped[datetime]
    duration_s: Mapped[float | None]
    message: Mapped[str | None] = mapped_column(Text)  # a failed task's msg
    stdout: Mapped[str] = mapped_column(Text, default="")  # with terminal colours


class TargetLock(Base):
    """A target that a running job holds."""

    __tablename__ = "target_locks"

    target: Mapped[str] = mapped_column(String(60), primary_key=True)
    job_id: Mapped[str] = mapped_column(String(26), index=True)
    acquired_at: Mapped[datetime] = mapped_column(default=now)


class OutboxEntry(WithId, Base):
    """A ring of the doorbell that Redis has not heard yet; written with what made it necessary."""

    __tablename__ = "outbox"

    job_id: Mapped[str] = mapped_column(String(26), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    sent_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(String(500))


class CatchUp(StrEnum):
    """What happens to due times that passed while nobody looked."""

    ONCE = "once"  # one run for all of them
    SKIP = "skip"  # none


class Schedule(WithId, Base):
    """When a job template is launched by itself."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(100), unique=True)
    template: Mapped[str] = mapped_column(String(50))
    parameters: Mapped[dict[str, Any]]
    cron: Mapped[str] = mapped_column(String(100))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    catch_up: Mapped[CatchUp] = mapped_column(enum_of(CatchUp), default=CatchUp.ONCE)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    next_due_at: Mapped[datetime | None] = mapped_column(index=True)
    created_by_id: Mapped[str | None] = mapped_column(String(26))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ScheduleRun(WithId, Base):
    """One due time of a schedule; unique, so that several dispatchers launch it once."""

    __tablename__ = "schedule_runs"
    __table_args__ = (UniqueConstraint("schedule_id", "due_at"),)

    schedule_id: Mapped[str] = mapped_column(ForeignKey("schedules.id"), index=True)
    due_at: Mapped[datetime]
    # Empty: skipped. That of an earlier due time: merged into its job, which still waited.
    job_id: Mapped[str | None] = mapped_column(String(26))
    at: Mapped[datetime] = mapped_column(default=now)


class WorkerHeartbeat(Base):
    """A worker or dispatcher process that said it is alive."""

    __tablename__ = "worker_heartbeats"

    name: Mapped[str] = mapped_column(String(200), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))  # worker, dispatcher
    host_name: Mapped[str] = mapped_column(String(200))
    pid: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime] = mapped_column(default=now)
    last_seen_at: Mapped[datetime] = mapped_column(default=now)
    stopped_at: Mapped[datetime | None]
