"""Job templates for the engine's own tests: small plays, and a booking without the rooms around it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from webapp.jobs.models import Job
from webapp.jobs.subjects import references
from webapp.jobs.templates import JobTemplate, Launch, NotLaunchable


class Play(JobTemplate):
    """Runs what the test hands over; remembers what it was told."""

    name = "play"
    description = "Runs a playbook of a test."
    is_schedulable = True

    def __init__(self, launch: Launch | None = None) -> None:
        self.launch = launch
        self.refusal: str | None = None
        self.told: list[tuple[str, str]] = []
        self.observed: list[dict[str, Any]] = []
        self.failing: set[str] = set()

    def prepare(self, session: Session, job: Job) -> Launch:
        """The launch of the test."""
        if self.refusal:
            raise NotLaunchable(self.refusal)
        assert self.launch is not None
        return self.launch

    def subjects(self, parameters: dict[str, Any]) -> list[str]:
        """The pool that a schedule of a test names."""
        return references(pool=parameters.get("pool_id"))

    def started(self, session: Session, job: Job) -> None:
        """Remember."""
        self.told.append(("started", str(job.attempt)))

    def observe(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """Remember, or fail when the test wants it."""
        if "observe" in self.failing:
            raise RuntimeError("a mistake in a room")
        self.observed.append(event)

    def finished(self, session: Session, job: Job) -> None:
        """Remember, or fail when the test wants it."""
        self.told.append(("finished", job.state.value))
        if "finished" in self.failing:
            raise RuntimeError("a mistake in a room")
