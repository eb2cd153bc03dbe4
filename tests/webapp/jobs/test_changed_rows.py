"""Somebody changes rows of jobs in the database: no folder but the jobs' own is touched on the worker."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.engine import job_of
from webapp.database import new_id, now
from webapp.jobs.claim import claim
from webapp.jobs.models import Job, JobState
from webapp.jobs.private_folder import FolderUnavailable, create_folder, folder_for
from webapp.jobs.reconcile import reconcile
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch
from webapp.jobs.turns import unblocked_jobs

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def abandoned(runtime: Runtime, job_id: str, private_folder: Path | None = None) -> str:
    """A job whose worker is gone, as somebody wrote it; its id."""
    with runtime.database.transaction() as session:
        session.add(
            Job(
                id=job_id, template="play", title="Play", state=JobState.RUNNING, parameters={}, targets=[],
                attempt=1, host_name=runtime.settings.host_name, lease_token=new_id(),
                lease_until=now() - timedelta(hours=1), private_folder=private_folder and str(private_folder),
            )
        )  # fmt: skip
    return job_id


def test_the_folder_that_a_row_names_is_not_removed(runtime: Runtime, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    (precious / "secrets").mkdir(parents=True)
    for name in ("file", "lease", "secrets/file"):
        (precious / name).write_text("x")
    job_id = abandoned(runtime, new_id(), precious)
    assert reconcile(runtime) == 1
    assert job_of(runtime, job_id).state is JobState.PENDING
    assert sorted(path.name for path in precious.rglob("*")) == ["file", "file", "lease", "secrets"]


def test_an_id_leads_nowhere_else(runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    precious = tmp_path / "precious-1"
    precious.mkdir()
    (precious / "file").write_text("x")
    runtime.settings.jobs_folder.mkdir(parents=True, mode=0o700)
    evil = abandoned(runtime, "../../precious")
    other = abandoned(runtime, new_id())
    assert reconcile(runtime) == 1
    assert job_of(runtime, other).state is JobState.PENDING
    assert "job_id_refused" in caplog.text
    with pytest.raises(FolderUnavailable, match="no id of a job"):
        folder_for(runtime.settings, evil, 1)
    with pytest.raises(FolderUnavailable, match="no id of a job"):
        create_folder(runtime.settings, Launch("play.yml", {}), job_id=evil, attempt=1, lease_until=now())
    assert (precious / "file").exists()


@pytest.mark.parametrize("spoilt", ["{broken", "17", "null", '"shop"'])
def test_a_job_whose_row_was_spoilt_keeps_no_other_from_running(
    runtime: Runtime, launched: Callable[..., Job], write_play: Callable[..., Launch], spoilt: str
) -> None:
    write_play()
    bad, good = launched(targets=["instance:1"]), launched(targets=["instance:1"])
    with runtime.database.transaction() as session:
        session.execute(
            text("UPDATE jobs SET parameters = :spoilt, stats = :spoilt WHERE id = :id"),
            {"spoilt": spoilt, "id": bad.id},
        )
        session.execute(text("DELETE FROM job_targets WHERE job_id = :id"), {"id": bad.id})
    assert job_of(runtime, bad.id).targets == []
    with runtime.database.reading() as session:
        assert set(unblocked_jobs(session)) == {bad.id, good.id}
    assert claim(runtime.database, runtime.settings, good.id, worker="one") is not None
    assert claim(runtime.database, runtime.settings, bad.id, worker="two") is not None
