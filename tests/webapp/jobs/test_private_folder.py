"""The private folder: for its owner alone, the only place of secrets, gone afterwards; Jinja stays text."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine import environment_of, run_job_now
from tests.support.processes import watched_arguments
from tests.webapp.jobs.conftest import LOCAL
from tests.webapp.jobs.job_templates import Play
from webapp.database import new_id, now
from webapp.jobs import private_folder
from webapp.jobs.models import Job, JobEvent, JobState
from webapp.jobs.private_folder import FolderUnavailable, create_folder, folders_here
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch, SecretFile
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

SECRET = "A-Planted-Secret-1!"
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def with_secret() -> Launch:
    """What needs a secret."""
    inventory = {
        "all": {"hosts": {"local": {**LOCAL["all"]["hosts"]["local"], "password": SecretFile("one")}}}
    }
    return Launch("play.yml", inventory, secrets={"one": SECRET})


def test_a_private_folder_is_for_its_owner_alone(runtime: Runtime) -> None:
    folder = create_folder(runtime.settings, with_secret(), job_id="0" * 26, attempt=1, lease_until=now())
    try:
        paths = [folder.path, *folder.path.rglob("*")]
        modes = {stat.S_IMODE(path.stat().st_mode) for path in paths}
        assert modes == {0o700, 0o600}
        holding = [path for path in paths if path.is_file() and SECRET in path.read_text()]
        assert holding == [folder.secrets / "one"]
    finally:
        folder.remove()
    assert not folder.path.exists()


@pytest.fixture
def secret_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker's environment holds the platform's own secrets."""
    monkeypatch.setenv("SQLHOSTING_ENCRYPTION_KEYS", "the platform's own secret")
    monkeypatch.setenv("SOME_TOKEN", "somebody's token")


@pytest.mark.usefixtures("secret_environment")
def test_a_secret_reaches_the_run_and_nothing_else(
    runtime: Runtime,
    play: Play,
    write_play: Callable[..., Launch],
    launched: Callable[..., Job],
    tmp_path: Path,
) -> None:
    look = (
        "import json, os, pathlib; folder = pathlib.Path(os.environ['SQLHOSTING_JOURNAL']).parent; "
        "command = (folder / 'artifacts' / 'run' / 'command').read_text(); "
        "print(json.dumps([dict(os.environ), command]))"
    )
    secret = with_secret()
    write_play(
        {
            "name": "Read",
            "ansible.builtin.assert": {"that": [f"password | length == {len(SECRET)}"], "quiet": True},
        },
        {"name": "Leak", "ansible.builtin.debug": {"msg": "it is {{ password }}"}},
        {"name": "Look", "ansible.builtin.command": {"argv": ["{{ ansible_playbook_python }}", "-c", look]}},
        inventory=secret.inventory,
        secrets=secret.secrets,
    )
    with watched_arguments() as arguments:
        job = run_job_now(runtime, launched().id)
    assert job.state is JobState.SUCCESSFUL, job.job_explanation
    assert not any(SECRET in line for line in arguments)
    (looked,) = [
        event["event_data"]["res"]["stdout"]
        for event in play.observed
        if event["event"] == "runner_on_ok" and event["event_data"]["task"] == "Look"
    ]
    environment, command = json.loads(looked)
    for text in (json.dumps(environment), command):
        assert SECRET not in text
        assert "the platform's own secret" not in text
        assert "somebody's token" not in text
    with runtime.database.reading() as session:
        stored = [event.stdout for event in session.query(JobEvent)]
    assert any("it is ********" in text for text in stored)
    assert not any(SECRET in text for text in stored)
    assert list(runtime.settings.jobs_folder.iterdir()) == []
    found = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert found == []


def test_values_that_look_like_jinja_stay_texts(
    runtime: Runtime,
    play: Play,
    write_play: Callable[..., Launch],
    launched: Callable[..., Job],
    tmp_path: Path,
) -> None:
    mark = tmp_path / "executed"
    evil = f"{{{{ lookup('ansible.builtin.pipe', 'touch {mark}') }}}}"
    inventory = {"all": {"hosts": {"local": {**LOCAL["all"]["hosts"]["local"], "note": evil}}}}
    write_play(
        {"name": "Show", "ansible.builtin.debug": {"msg": "{{ note }} {{ given }} {{ listed[0].name }}"}},
        inventory=inventory,
        variables={"given": evil, "listed": [{"name": evil}]},
    )
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.SUCCESSFUL, job.job_explanation
    (said,) = [e["event_data"]["res"]["msg"] for e in play.observed if e["event"] == "runner_on_ok"]
    assert said == f"{evil} {evil} {evil}"
    assert not mark.exists()


def test_a_full_disk_ends_the_job_before_anything_is_started_and_says_so(
    runtime: Runtime,
    play: Play,
    write_play: Callable[..., Launch],
    launched: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(private_folder, "MIN_FREE_MIB", 1 << 40)
    write_play({"name": "Never", "ansible.builtin.debug": {"msg": "x"}})
    job = run_job_now(runtime, launched().id)
    assert job.state is JobState.ERROR
    assert "The disk is full" in (job.job_explanation or "")
    assert "Nothing was started and nothing was changed." in (job.job_explanation or "")
    assert play.told == [("finished", "error")]
    assert list(runtime.settings.jobs_folder.iterdir()) == []


def test_a_later_attempt_that_cannot_start_says_what_an_earlier_one_sent(
    runtime: Runtime,
    write_play: Callable[..., Launch],
    launched: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(private_folder, "MIN_FREE_MIB", 1 << 40)
    write_play({"name": "Never", "ansible.builtin.debug": {"msg": "x"}})
    job = launched()
    with runtime.database.transaction() as session:
        session.get_one(Job, job.id).attempt = 1
        session.add(
            JobStatement(
                id=new_id(), job_id=job.id, attempt=1, seq=1, stream=1, kind=StatementKind.CHANGE,
                status=StatementStatus.OK, template="database/create", text="CREATE DATABASE [shop_orders]",
                check_mode=False,
                sha256="0" * 64, instance="sql01", database="master", at=now(),
            )
        )  # fmt: skip
    job = run_job_now(runtime, job.id)
    assert job.state is JobState.ERROR
    assert "earlier ones sent 1 changing statement" in (job.job_explanation or "")
    assert "Nothing was" not in (job.job_explanation or "")


def test_a_disk_that_fills_up_while_the_folder_is_written_leaves_nothing_behind(
    runtime: Runtime,
) -> None:
    large = Launch("play.yml", LOCAL, variables={"text": "x" * 100_000})
    pid = os.fork()
    if pid == 0:  # the limit holds for a whole process: this one has no database open that it could hurt
        import resource  # noqa: PLC0415 - only the child needs it

        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        status = 1
        try:
            create_folder(runtime.settings, large, job_id="0" * 26, attempt=1, lease_until=now())
        except FolderUnavailable as exc:
            status = 0 if "The disk is full" in str(exc) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert list(runtime.settings.jobs_folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_names_the_setting(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = runtime.settings.model_copy(update={"data_folder": tmp_path / "file"})
    with pytest.raises(FolderUnavailable, match="SQLHOSTING_DATA_FOLDER"):
        create_folder(settings, with_secret(), job_id="0" * 26, attempt=1, lease_until=now())
    assert "SQLHOSTING_DATA_FOLDER" in environment_of(settings)


def test_a_place_where_others_can_write_is_not_used(runtime: Runtime, tmp_path: Path) -> None:
    """Another user of the machine could put in an inventory, a plan or a journal of their own."""
    settings = runtime.settings
    settings.data_folder.mkdir(exist_ok=True)
    forged = tmp_path / "elsewhere" / f"{'0' * 26}-1"
    forged.mkdir(parents=True)
    settings.jobs_folder.symlink_to(tmp_path / "elsewhere")
    open_to_all = runtime.settings.model_copy(update={"data_folder": tmp_path / "open"})
    (open_to_all.jobs_folder / forged.name).mkdir(parents=True)
    open_to_all.jobs_folder.chmod(0o777)
    for each in (settings, open_to_all):
        with pytest.raises(FolderUnavailable, match="others than the worker's user can write"):
            create_folder(each, with_secret(), job_id="1" * 26, attempt=1, lease_until=now())
        assert [path.name for path in each.jobs_folder.iterdir()] == [forged.name]
        assert folders_here(each) == []
