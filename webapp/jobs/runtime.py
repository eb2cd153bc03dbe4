"""What every process of the platform holds: settings, database, job templates, nudges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from webapp.database import Database
from webapp.jobs.nudges import Nudges
from webapp.jobs.templates import JobTemplate
from webapp.settings import Settings


@dataclass(frozen=True)
class Runtime:
    """One for each process."""

    settings: Settings
    database: Database
    templates: dict[str, JobTemplate]
    nudges: Nudges


_opener: list[Callable[..., Runtime]] = []


def use_opener(open_it: Callable[..., Runtime]) -> None:
    """How this process and its forks open a runtime; ``webapp.runtime`` says so, as it knows all rooms."""
    _opener[:] = [open_it]


def open_runtime(settings: Settings) -> Runtime:
    """A runtime of this process's own. A worker checked schema and keys once; its horses need not."""
    return _opener[0](settings, is_checked=False)
