"""Fixtures of the engine: a runtime without Redis, and plays that tests write themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.portal import settings_for
from tests.support.redis import Redis, running_redis
from tests.webapp.jobs.job_templates import Play
from webapp.audit.operations import PLATFORM
from webapp.jobs.models import Job
from webapp.jobs.operations import launch
from webapp.jobs.templates import Launch
from webapp.runtime import Runtime, create_runtime

_HOST = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
LOCAL = {"all": {"hosts": {"local": _HOST}}}


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A runtime whose Redis does not answer, with the job template ``play``."""
    runtime = create_runtime(settings_for(database_url, data_folder=tmp_path / "data"))
    runtime.templates["play"] = Play()
    yield runtime
    runtime.database.dispose()


@pytest.fixture
def play(runtime: Runtime) -> Play:
    """The job template ``play``."""
    template = runtime.templates["play"]
    assert isinstance(template, Play)
    return template


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own."""
    with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def write_play(play: Play, tmp_path: Path) -> Callable[..., Launch]:
    """Writes a playbook with these tasks for the host ``local``, and makes it what ``play`` runs."""

    def write(*tasks: dict[str, Any], **options: Any) -> Launch:
        path = tmp_path / "play.yml"
        path.write_text(
            yaml.safe_dump([{"name": "A play", "hosts": "all", "gather_facts": False, "tasks": list(tasks)}])
        )
        options.setdefault("inventory", LOCAL)
        play.launch = Launch(str(path), **options)
        return play.launch

    return write


@pytest.fixture
def launched(runtime: Runtime) -> Callable[..., Job]:
    """Launches ``play``; keywords as of ``launch``."""

    def launch_play(**options: Any) -> Job:
        given: dict[str, Any] = {
            "template": "play",
            "title": "A play",
            "parameters": {},
            "launched_by": PLATFORM,
        }
        with runtime.database.transaction() as session:
            return launch(session, **{**given, **options})

    return launch_play
