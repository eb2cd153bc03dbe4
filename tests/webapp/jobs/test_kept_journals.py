"""A journal goes only when every line of it has its row, and is kept a while even then."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, make_url, select, text, update

import webapp.database
from tests.support.engine import job_of, run_job_now
from tests.support.portal import KEY, SECRET_KEY, Portal
from tests.webapp.jobs.job_templates import Play
from tests.webapp.jobs.test_leases import journal_line
from webapp.accounts.models import PortalRole
from webapp.cli import main
from webapp.database import Database, new_id, now
from webapp.jobs.claim import claim
from webapp.jobs.kept_journals import kept_here, prove_all
from webapp.jobs.models import Job, JobState
from webapp.jobs.private_folder import PrivateFolder, create_folder
from webapp.jobs.processes import JOURNAL_VARIABLE
from webapp.jobs.reconcile import reconcile
from webapp.jobs.runtime import Runtime
from webapp.jobs.templates import Launch
from webapp.statements.models import JobStatement, StatementStatus

DAY_S = 86_400
# As a full disk, a lock that is held, a server that only reads, and a deadlock are told: SQLSTATE.
PASSING = ("53100", "55P03", "25006", "40P01", "57014")
REFUSED = "22001"
ODD = "a line that no row takes"

_FUNCTION = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
    IF NEW.text LIKE '{like}' THEN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END IF;
    RETURN NEW;
END $$
"""


def journal_of(*letters: str, odd: bool = False) -> str:
    """A journal with a statement and its outcome for each letter, as modules write it."""
    lines = [
        journal_line("intent", 1, letter, f"CREATE LOGIN [{letter}]")
        + journal_line(
            "outcome", 2, letter, f"CREATE LOGIN [{letter}]", status="ok", duration_ms=1, rowcount=0
        )
        for letter in letters
    ]
    if odd:
        lines.insert(1, journal_line("intent", 3, "Z", ODD))
    return "".join(lines)


def begin(runtime: Runtime, job: Job, journal: str) -> PrivateFolder:
    """The folder that a worker left which died while it ran ``job``."""
    assert claim(runtime.database, runtime.settings, job.id, worker="dead")
    folder = create_folder(runtime.settings, Launch("x", {}), job_id=job.id, attempt=1, lease_until=now())
    folder.journal.write_text(journal, encoding="utf-8")
    end_lease(runtime, job)
    return folder


def end_lease(runtime: Runtime, job: Job) -> None:
    """Time passes."""
    with runtime.database.transaction() as session:
        session.execute(update(Job).where(Job.id == job.id).values(lease_until=now() - timedelta(hours=1)))


def stored(database: Database) -> dict[str, StatementStatus]:
    """The rows of statements: text → status."""
    with database.reading() as session:
        return {row.text: row.status for row in session.scalars(select(JobStatement))}


@contextmanager
def refusing(database: Database, *, code: str = REFUSED, like: str = "%") -> Iterator[None]:
    """The database takes no statement whose text is ``like``; on PostgreSQL with the SQLSTATE ``code``."""
    if database.engine.dialect.name == "postgresql":
        begun = [
            _FUNCTION.format(like=like, code=code),
            "CREATE TRIGGER refuse BEFORE INSERT ON job_statements FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
        ended = ["DROP TRIGGER refuse ON job_statements", "DROP FUNCTION refuse"]
    else:
        begun = [
            f"CREATE TRIGGER refuse BEFORE INSERT ON job_statements WHEN NEW.text LIKE '{like}' "
            "BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ]
        ended = ["DROP TRIGGER refuse"]
    for statements in (begun, ended):
        with database.transaction() as session:
            for statement in statements:
                session.execute(text(statement))
        if statements is begun:
            yield


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """SQLite's file is locked by somebody else, for longer than anybody waits."""
    file = make_url(str(database.engine.url)).database
    with sqlite3.connect(str(file), isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    connection.close()


def command(runtime: Runtime, *arguments: str) -> tuple[int, str]:
    """Exit status and output of ``sqlhosting …`` with the settings of ``runtime``."""
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": KEY,
        "SQLHOSTING_DATABASE_URL": runtime.settings.database_url.get_secret_value(),
        "SQLHOSTING_DATA_FOLDER": str(runtime.settings.data_folder),
    }
    result = CliRunner().invoke(main, list(arguments), env=environment)
    return result.exit_code, result.output


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_in_trouble_while_a_dead_run_is_harvested_loses_nothing(
    runtime: Runtime, launched: Callable[..., Job], code: str
) -> None:
    job, other = launched(), launched()
    folder = begin(runtime, job, journal_of("A", "B"))
    with refusing(runtime.database, code=code):
        begin(runtime, other, "")
        assert reconcile(runtime) == 1, "the other run is none the worse"
        assert folder.journal.read_text() == journal_of("A", "B")
        assert job_of(runtime, job.id).state is JobState.RUNNING
        assert job_of(runtime, other.id).state is JobState.PENDING
    end_lease(runtime, job)
    assert reconcile(runtime) == 1
    assert set(stored(runtime.database).values()) == {StatementStatus.OK}
    assert len(stored(runtime.database)) == 2
    assert not folder.path.exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database_keeps_the_folder_of_a_run_that_went_on_elsewhere(
    runtime: Runtime, launched: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webapp.database, "SQLITE_BUSY_MS", 20)
    runtime.database.engine.dispose()  # those that wait for long
    job = launched()
    folder = begin(runtime, job, journal_of("A"))
    with runtime.database.transaction() as session:
        values = {"attempt": 2, "host_name": "elsewhere", "lease_until": now() + timedelta(hours=1)}
        session.execute(update(Job).where(Job.id == job.id).values(**values))
    with locked(runtime.database):
        assert reconcile(runtime) == 0
        assert folder.journal.read_text() == journal_of("A")
    assert reconcile(runtime) == 0
    assert stored(runtime.database) == {"CREATE LOGIN [A]": StatementStatus.OK}
    assert not folder.path.exists()


def test_a_line_that_cannot_be_stored_takes_no_other_with_it_and_is_brought_in_later(
    runtime: Runtime, launched: Callable[..., Job], portal: Portal
) -> None:
    job = launched()
    operator, customer = (
        portal.client(portal.create_user(PortalRole.OPERATOR)),
        portal.client(portal.create_user()),
    )
    torn = '{"event": "intent", "run"\n'  # announces what was not sent: no line of its own
    folder = begin(runtime, job, journal_of("A", "B", "C", odd=True) + torn)
    with refusing(runtime.database, like=f"{ODD}%"):
        assert reconcile(runtime) == 1
        assert sorted(stored(runtime.database)) == [f"CREATE LOGIN [{letter}]" for letter in "ABC"]
        assert not folder.path.exists()
        (kept,) = kept_here(runtime.settings)
        page = operator.get(f"/jobs/{job.id}").text
        assert "1 line of the journal of attempt 1 could not be" in page
        assert str(kept.path.parent) in page
        assert "sqlhosting journal store" in page
        assert "are not stored" in operator.get("/").text
        assert "not stored" not in customer.get("/").text
        status, said = command(runtime, "journal", "store")
        assert (status, "1 journal looked through, 0 lines stored" in said) == (1, True)
    assert command(runtime, "journal", "store") == (
        0, "1 journal looked through, 1 line stored that had been missing.\n",
    )  # fmt: skip
    assert ODD in stored(runtime.database)
    assert "of the journal of attempt" not in operator.get(f"/jobs/{job.id}").text
    assert "are not stored" not in operator.get("/").text


@pytest.mark.parametrize("odd", [{"plan_position": 1 << 70}, {"at": "never"}, {"parameters": 7}])
def test_a_line_that_no_module_writes_stops_nobody(
    runtime: Runtime, launched: Callable[..., Job], odd: dict[str, Any]
) -> None:
    job, other = launched(), launched()
    begin(runtime, job, journal_line("intent", 1, "Z", ODD, **odd) + journal_of("A"))
    begin(runtime, other, journal_of("B"))
    assert reconcile(runtime) == 2
    assert {*stored(runtime.database)} - {ODD} == {"CREATE LOGIN [A]", "CREATE LOGIN [B]"}
    assert [one.lines for one in job_of(runtime, job.id).kept] == (
        [] if ODD in stored(runtime.database) else [1]
    )


def test_what_the_database_forgets_comes_back_from_the_kept_journals(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    job = launched()
    begin(runtime, job, journal_of("A", "B"))
    assert reconcile(runtime) == 1
    with runtime.database.transaction() as session:  # as a promoted replica that had not heard of them
        session.execute(delete(JobStatement).where(JobStatement.text.contains("[B]")))
        session.execute(update(JobStatement).values(status=StatementStatus.SENT, duration_ms=None))
    assert prove_all(runtime).lines_stored == 3  # an outcome, and a whole statement
    assert stored(runtime.database) == {f"CREATE LOGIN [{letter}]": StatementStatus.OK for letter in "AB"}
    assert prove_all(runtime).lines_stored == 0


def test_kept_journals_are_their_owners_and_go_when_they_are_old_and_stored(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    jobs = [launched() for _ in range(3)]
    with refusing(runtime.database, like=f"{ODD}%"):
        for job, letter in zip(jobs, "ABC", strict=True):
            begin(runtime, job, journal_of(letter, odd=letter == "C"))
        assert reconcile(runtime) == 3
        kept = {one.job_id: one.path for one in kept_here(runtime.settings)}
        assert {path.stat().st_mode & 0o777 for path in kept.values()} == {0o600}
        assert runtime.settings.journals_folder.stat().st_mode & 0o777 == 0o700
        old = time.time() - (runtime.settings.journal_days * DAY_S + 60)
        for job in (jobs[0], jobs[2]):
            os.utime(kept[job.id], (old, old))
        prove_all(runtime)
    assert sorted(path.exists() for path in kept.values()) == [False, True, True]
    assert not kept[jobs[0].id].exists()


def test_a_run_that_ends_by_itself_leaves_its_journal_behind(
    runtime: Runtime, launched: Callable[..., Job], write_play: Callable[..., Launch], play: Play
) -> None:
    line = journal_of("A").replace("\n", "\\n")
    write_play({
        "name": "Journal something",
        "ansible.builtin.shell": f"printf '{line}' >> \"${JOURNAL_VARIABLE}\"",
    })  # fmt: skip
    job = launched()
    assert run_job_now(runtime, job.id).state is JobState.SUCCESSFUL
    (kept,) = kept_here(runtime.settings)
    assert (kept.job_id, kept.attempt) == (job.id, 1)
    assert kept.path.read_text() == journal_of("A")
    assert stored(runtime.database) == {"CREATE LOGIN [A]": StatementStatus.OK}
    assert list(runtime.settings.jobs_folder.iterdir()) == []


def test_a_journal_that_cannot_be_read_is_not_taken_for_stored(
    runtime: Runtime, launched: Callable[..., Job]
) -> None:
    job = launched()
    begin(runtime, job, journal_of("A"))
    assert reconcile(runtime) == 1
    (kept,) = kept_here(runtime.settings)
    kept.path.unlink()
    kept.path.mkdir()  # as root reads every file
    os.utime(kept.path, (0, 0))
    assert [one.path for one in prove_all(runtime).unstored] == [kept.path]
    assert kept.path.exists()
    assert job_of(runtime, job.id).kept[0].lines == 1


def test_an_attempt_that_the_database_forgot_is_finished_before_its_number_is_used_again(
    runtime: Runtime, launched: Callable[..., Job], write_play: Callable[..., Launch]
) -> None:
    write_play({"name": "Say something", "ansible.builtin.debug": {"msg": "x"}})
    job = launched()
    begin(runtime, job, journal_of("A"))
    with runtime.database.transaction() as session:  # as a promoted replica that had not heard of the claim
        values = {"state": JobState.PENDING, "attempt": 0, "lease_token": None, "lease_until": None}
        session.execute(update(Job).where(Job.id == job.id).values(**values))
    assert run_job_now(runtime, job.id).state is JobState.SUCCESSFUL
    assert stored(runtime.database) == {"CREATE LOGIN [A]": StatementStatus.OK}
    assert [one.path.read_text() for one in kept_here(runtime.settings)] == [journal_of("A")]


def test_a_folder_of_an_unknown_job_and_its_processes_are_let_alone(runtime: Runtime) -> None:
    folder = create_folder(runtime.settings, Launch("x", {}), job_id=new_id(), attempt=1, lease_until=now())
    folder.journal.write_text(journal_of("A"))
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", "import time; time.sleep(600)"],
                env={**os.environ, JOURNAL_VARIABLE: str(folder.journal)},
            )
        )
        stack.callback(process.kill)
        for _ in range(2):
            assert reconcile(runtime) == 0
        assert process.poll() is None
        assert folder.journal.read_text() == journal_of("A")
        assert folder.lease.exists()


@pytest.mark.parametrize("kind", ["worker", "dispatcher"])
def test_two_platforms_do_not_share_a_data_folder(
    runtime: Runtime, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.commands.engine.run_worker", lambda _settings: None)
    monkeypatch.setattr("webapp.commands.engine.Dispatcher.run", lambda _self, _stopping: None)
    assert command(runtime, kind) == (0, "")
    assert command(runtime, kind) == (0, ""), "again, by the same"
    url = f"sqlite:///{tmp_path / 'second.db'}"
    second = CliRunner()
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": KEY,
        "SQLHOSTING_DATABASE_URL": url,
        "SQLHOSTING_DATA_FOLDER": str(runtime.settings.data_folder),
    }
    assert second.invoke(main, ["database", "upgrade"], env=environment).exit_code == 0
    refused = second.invoke(main, [kind], env=environment)
    assert refused.exit_code == 1
    assert "belongs to another platform" in refused.output
    assert "Give each platform its own folder" in refused.output
