"""Workers: they end when asked, hand back what they run when told twice, and say that they are alive."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engine import job_of, wait_for_job, wait_until
from tests.support.portal import migrate
from tests.webapp.jobs.test_kills import Scene, running_scene
from webapp.jobs.heartbeats import living
from webapp.jobs.models import JobState
from webapp.jobs.private_folder import folder_for
from webapp.jobs.processes import processes_of

HELD = r"SERVERPROPERTY\(N'ServerName'\)"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A platform whose leases are long: nothing here may depend on one that ends."""
    url = f"sqlite:///{tmp_path / 'platform.db'}"
    migrate(url)
    with running_scene(url, tmp_path, lease_s=60, heartbeat_s=0.5) as scene:
        yield scene


@pytest.fixture
def running(scene: Scene) -> Iterator[Callable[[], str]]:
    """Launches a booking and holds it up at its first statement; the job's id. Called again: it goes on."""
    faults: list[int] = []

    def toggle() -> str:
        if faults:
            scene.simulator.control.remove_fault(faults.pop())
            return ""
        faults.append(scene.simulator.control.add_fault("sql01", kind="hold", pattern=HELD, times=1))
        job_id = scene.book("shop", scene.folder / "hold")
        scene.simulator.control.wait_held(faults[0], timeout=30)
        return job_id

    yield toggle
    scene.simulator.control.clear_faults()


def test_a_worker_that_is_asked_to_stop_ends_its_job_first(scene: Scene, running: Callable[[], str]) -> None:
    job_id = running()
    scene.worker.signal()
    time.sleep(0.5)
    waiting = scene.book("other", scene.folder / "hold")
    running()
    assert wait_for_job(scene.runtime, job_id).state is JobState.SUCCESSFUL
    assert scene.worker.wait() == 0
    assert job_of(scene.runtime, waiting).state in (JobState.PENDING, JobState.WAITING)
    assert job_of(scene.runtime, job_id).attempt == 1


def test_a_worker_that_is_told_twice_hands_its_job_back_at_once(
    scene: Scene, running: Callable[[], str]
) -> None:
    job_id = running()
    scene.worker.signal()
    time.sleep(1.2)  # RQ takes two signals within a second for one
    scene.worker.signal(signal.SIGINT)
    scene.worker.wait()
    job = job_of(scene.runtime, job_id)
    assert (job.state, job.attempt) == (JobState.PENDING, 1), job.job_explanation
    folder = folder_for(scene.runtime.settings, job_id, 1)
    assert processes_of(folder.journal) == []
    assert not folder.path.exists()
    running()
    scene.worker.start()
    job = wait_for_job(scene.runtime, job_id)
    assert (job.state, job.attempt) == (JobState.SUCCESSFUL, 2)


def test_workers_and_dispatchers_say_that_they_are_alive_and_that_they_stopped(scene: Scene) -> None:
    def alive(kind: str) -> list[int]:
        with scene.runtime.database.reading() as session:
            return [row.pid for row in living(session, scene.runtime.settings, kind)]

    wait_until(lambda: alive("worker") == [scene.worker.pid], "the worker beats")
    wait_until(lambda: alive("dispatcher") == [scene.dispatcher.pid], "the dispatcher beats")
    scene.worker.signal()
    scene.dispatcher.signal()
    assert (scene.worker.wait(), scene.dispatcher.wait()) == (0, 0)
    assert alive("worker") == alive("dispatcher") == []


def test_a_keeper_that_is_killed_is_started_again_by_its_worker(
    scene: Scene, running: Callable[[], str]
) -> None:
    job_id = running()
    running()
    wait_for_job(scene.runtime, job_id)
    killed = scene.worker.keeper()
    killed.kill()
    job_id = scene.book("again", scene.folder / "hold")
    wait_for_job(scene.runtime, job_id)
    assert scene.worker.keeper().pid != killed.pid
