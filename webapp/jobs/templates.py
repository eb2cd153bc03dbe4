"""What a job template is: how a room tells the engine which playbook to run, and hears what came of it.

The engine calls, in this order: ``prepare`` (in a worker, before anything is started), ``started``,
``observe`` for every event exactly once, ``take_answer`` for every line of the file that a run may write its
answers to, ``finished`` in the transaction that ends the job. A job that is resumed after its worker died is
prepared and started again; events are still observed once each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from webapp.errors import PlatformError
from webapp.jobs.models import Job


class NotLaunchable(PlatformError):
    """The job must not run, for the reason in the text. It fails before any process is started."""

    status = 409


@dataclass(frozen=True)
class SecretFile:
    """Stands in inventory variables for a secret; Ansible reads it from that file in the private folder."""

    name: str  # letters, digits, underscores


@dataclass(frozen=True)
class RunPath:
    """Stands in variables for a path in the run's private folder, which is removed when the run has ended."""

    name: str


# One JSON object {"host", "result"} a line, as mssql_fleet writes it: see JobTemplate.take_answer.
ANSWERS = RunPath("answers.jsonl")


@dataclass(frozen=True)
class Launch:
    """One ``ansible-playbook`` run."""

    playbook: str  # under the project folder, for instance playbooks/discover.yml
    inventory: dict[str, Any]  # as a YAML inventory; may hold SecretFile values
    variables: dict[str, Any] = field(default_factory=dict)  # extra vars; never a secret; may hold RunPaths
    secrets: dict[str, str] = field(default_factory=dict)  # SecretFile name: the secret
    check_mode: bool = False
    approved_plan: dict[str, Any] | None = None  # then nothing else may be changed


class JobTemplate:
    """Base of all job templates. Stateless: one object serves all jobs of a process."""

    name: str  # snake_case, unique; what Job.template holds
    description: str  # a sentence for people
    is_schedulable: bool = False  # whether a schedule may launch it: it needs no more than its parameters

    def prepare(self, session: Session, job: Job) -> Launch:
        """What to run. Raises :class:`NotLaunchable`. Reads only."""
        raise NotImplementedError

    def started(self, session: Session, job: Job) -> None:
        """An attempt begins (``job.attempt`` says which)."""

    def observe(self, session: Session, job: Job, event: dict[str, Any]) -> None:
        """One event of ansible-runner with its whole ``event_data``, in the transaction that stores it."""

    def take_answer(self, session: Session, job: Job, host: str, result: dict[str, Any]) -> None:
        """What a module returned for ``host``, as soon as it stands in :data:`ANSWERS`.

        Called once in each attempt for an answer, maybe more often for one that is a failure (``failed``).
        """

    def finished(self, session: Session, job: Job) -> None:
        """The job has its end state. Set in the same transaction; make follow-up jobs here."""

    def explain(self, text: str) -> str:
        """What a failed task said, in the words of whoever reads it in the portal."""
        return text

    def has_work(self, session: Session, parameters: dict[str, Any]) -> bool:
        """Whether a schedule that is due shall launch it: False where it would find nothing to do."""
        return True

    def subjects(self, parameters: dict[str, Any]) -> list[str]:
        """What a job with these parameters is about, for one that a schedule launches: references."""
        return []

    def relaunch(self, session: Session, job: Job) -> None:
        """A person wants to run an ended job again, or to know whether that can be. Reads only.

        Raises Conflict where it makes no sense.
        """
