"""The pages of jobs: list, filters, queue, tabs, downloads, and what operators do."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from tests.support.jobs import JobWriter, create_job
from tests.support.portal import Client, Portal
from webapp.accounts.models import PortalRole
from webapp.audit.models import AuditEntry
from webapp.database import now
from webapp.jobs.models import Job, JobState, TargetLock
from webapp.statements.journal import Status, read_journal
from webapp.statements.models import StatementKind, StatementStatus

PAGES = ("", "/tasks", "/statements", "/details", "/output.txt", "/journal.jsonl", "/script.sql")
STAFF_LISTS = ("/jobs", "/jobs.csv", "/jobs/queue", "/statements", "/schedules", "/workers")


@pytest.mark.parametrize("role", [PortalRole.ADMIN, PortalRole.OPERATOR, PortalRole.VIEWER])
def test_staff_sees_every_page_of_every_job(portal: Portal, role: PortalRole) -> None:
    job = create_job(portal.database, customer_id=portal.create_user().id)
    client = portal.client(portal.create_user(role))
    for path in [*STAFF_LISTS, *(f"/jobs/{job.id}{page}" for page in PAGES)]:
        assert client.get(path).status_code == 200, path


def test_a_customer_opens_only_their_own_jobs_and_no_details(portal: Portal) -> None:
    owner, other = portal.create_user(), portal.create_user()
    job = create_job(portal.database, customer_id=owner.id)
    theirs, foreign = portal.client(owner), portal.client(other)
    assert theirs.get(f"/jobs/{job.id}").status_code == 200
    assert foreign.get(f"/jobs/{job.id}").status_code == 404
    for path in [*STAFF_LISTS, *(f"/jobs/{job.id}{page}" for page in PAGES[1:])]:
        assert theirs.get(path).status_code == 403, path
    for verb in ("cancel", "relaunch", "resume"):
        assert theirs.post(f"/jobs/{job.id}/{verb}").status_code == 403, verb
    assert theirs.get(f"/jobs/{job.id}/output/older?before=1").status_code == 403


def test_a_viewer_changes_nothing(portal: Portal) -> None:
    job = create_job(portal.database)
    client = portal.client(portal.create_user(PortalRole.VIEWER))
    assert "Cancel" not in client.get(f"/jobs/{job.id}").text
    for verb in ("cancel", "relaunch", "resume"):
        assert client.post(f"/jobs/{job.id}/{verb}").status_code == 403
    assert client.get("/schedules/new").status_code == 403


def test_the_list_is_filtered_by_its_address(portal: Portal, operator: Client) -> None:
    pool = portal.create_pool(name="production")
    instance = portal.create_instance(pool, name="sql07")
    user = portal.create_user(PortalRole.OPERATOR, email="launcher@example.com")
    create_job(
        portal.database,
        title="wanted",
        launched_by_id=user.id,
        subjects=[f"instance:{instance.id}", f"pool:{pool.id}"],
    )
    create_job(portal.database, title="other", state=JobState.FAILED, template="check_quota")
    for query, wanted in {
        "state=running": "wanted",
        "state=active": "wanted",
        f"pool={pool.id}": "wanted",
        f"instance={instance.id}": "wanted",
        f"launched_by={user.id}": "wanted",
        "state=failed": "other",
        "template=check_quota": "other",
        "launched_by=platform": "other",
    }.items():
        page = operator.get(f"/jobs?{query}").text
        assert (">wanted</a>" in page, ">other</a>" in page) == (wanted == "wanted", wanted == "other"), query
    page = operator.get(f"/jobs?pool={pool.id}&state=running").text
    assert "pool: production" in page
    assert 'href="/jobs?state=running"' in page  # the chip takes its own filter away
    assert operator.get("/jobs?state=nonsense").status_code == 422
    assert "No job fits these filters" in operator.get("/jobs?state=canceled").text


def test_the_list_has_pages_by_key(portal: Portal, operator: Client) -> None:
    for number in range(53):
        create_job(portal.database, title=f"job-{number:02}-")
    first = operator.get("/jobs").text
    assert first.count(">job-") == 50
    following = first.split('class="next-page"')[1].split('href="')[1].split('"')[0]
    second = operator.get(following.replace("&amp;", "&")).text
    assert [f">job-{number:02}-" in second for number in (0, 1, 2, 3)] == [True, True, True, False]


def test_the_csv_is_no_program(portal: Portal, operator: Client) -> None:
    create_job(portal.database, title='=HYPERLINK("http://example.com")', state=JobState.FAILED)
    answer = operator.get("/jobs.csv?state=failed")
    assert answer.mimetype == "text/csv"
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["title"] == '\'=HYPERLINK("http://example.com")'
    assert row["state"] == "failed"


def test_the_queue_says_who_holds_what_and_who_waits_for_whom(portal: Portal, operator: Client) -> None:
    instance = portal.create_instance(name="sql07")
    target = f"instance:{instance.id}"
    runs = create_job(portal.database, title="the holder", targets=[target])
    with portal.database.transaction() as session:
        session.add(TargetLock(target=target, job_id=runs.id))
    queued = {"started_at": None, "attempt": 0, "targets": [target]}
    waits = create_job(portal.database, title="the second", state=JobState.WAITING, **queued)
    create_job(portal.database, title="the third", state=JobState.WAITING, **queued)
    create_job(portal.database, title="the fourth", state=JobState.PENDING, started_at=None, attempt=0)
    page = " ".join(operator.get("/jobs/queue").text.split())
    running, waiting, pending = page.split("<section")[1:]
    assert "the holder" in running
    assert "instance sql07" in running
    assert 'held by</small> <a href="/jobs/' + runs.id in waiting
    assert "the third" in waiting
    assert "the fourth" in pending
    job_page = operator.get(f"/jobs/{waits.id}").text
    assert "Waits for" in job_page
    assert "the holder" in job_page


def test_cancel_relaunch_and_what_is_not_possible(portal: Portal, operator: Client) -> None:
    queued = create_job(portal.database, state=JobState.PENDING, started_at=None, attempt=0)
    operator.post(f"/jobs/{queued.id}/cancel")
    assert "canceled" in operator.get(f"/jobs/{queued.id}").text
    answer = operator.post(f"/jobs/{queued.id}/cancel", follow_redirects=True)
    assert 'role="alert"' in answer.text
    running = create_job(portal.database)
    page = operator.post(f"/jobs/{running.id}/cancel", follow_redirects=True).text
    assert "being stopped" in page
    with portal.database.reading() as session:
        assert session.get_one(Job, running.id).cancel_requested_at is not None
    again = operator.post(f"/jobs/{queued.id}/relaunch")
    new_id = again.headers["Location"].rsplit("/", 1)[1]
    with portal.database.reading() as session:
        assert session.get_one(Job, new_id).relaunch_of_id == queued.id
        actions = set(session.scalars(AuditEntry.__table__.select().with_only_columns(AuditEntry.action)))
    assert {"job:launched"} <= actions
    assert operator.post("/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel").status_code == 404
    assert operator.client.post(f"/jobs/{running.id}/cancel").status_code == 400  # without a CSRF token


def test_details_hide_what_is_called_like_a_secret(portal: Portal, operator: Client) -> None:
    job = create_job(
        portal.database,
        parameters={
            "name": "shop",
            "nested": [{"login_password": "Plan-ted-1!"}],
            "api_token": "Plan-ted-2!",
        },
        stats={"sql01": {"ok": 3, "failed": 1}},
        return_code=2,
        lease_until=now() + timedelta(seconds=20),
        worker="worker-1",
    )
    page = operator.get(f"/jobs/{job.id}/details").text
    assert "Plan-ted" not in page
    assert "shop" in page
    assert "worker-1" in page


def test_tasks_are_shown_for_each_host_and_filtered(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.task("Look around", host="sql01")
    writer.task("Create it", host="sql02", is_changed=True)
    writer.task("Grant it", host="sql03", outcome="failed", message="no right to do that")
    writer.task("Try it", host="sql04", outcome="failed", is_failed=False)
    everything = operator.get(f"/jobs/{job.id}/tasks").text
    for text in ("Look around", "sql02", "no right to do that", "ignored"):
        assert text in everything
    failed = operator.get(f"/jobs/{job.id}/tasks?show=failed").text
    assert "sql03" in failed
    assert "sql02" not in failed
    assert "sql04" not in failed
    changed = operator.get(f"/jobs/{job.id}/tasks?show=changed").text
    assert "sql02" in changed
    assert "sql03" not in changed
    assert operator.get(f"/jobs/{job.id}/tasks?show=x").status_code == 422


def test_statements_are_shown_in_order_and_filtered(operator: Client, job: Job, writer: JobWriter) -> None:
    ids = [
        writer.statement("SELECT 'a read'", kind=StatementKind.READ),
        writer.statement("CREATE DATABASE [one]"),
        writer.statement(
            "CREATE DATABASE [two]",
            status=StatementStatus.ERROR,
            error={"message": "it is full", "number": 1105},
        ),
        writer.statement("CREATE DATABASE [three]", status=StatementStatus.UNKNOWN, duration_ms=None),
    ]
    for show, wanted in {"": ids, "changes": ids[1:], "reads": ids[:1], "trouble": ids[2:]}.items():
        page = operator.get(f"/jobs/{job.id}/statements?show={show}").text
        assert [page.find(f'id="s-{one}"') > 0 for one in ids] == [one in wanted for one in ids], show
        places = [page.find(f'id="s-{one}"') for one in wanted]
        assert places == sorted(places)
    assert "it is full" in page
    assert "nobody knows whether it took effect" in page


def test_many_statements_come_in_windows(operator: Client, job: Job, writer: JobWriter) -> None:
    ids = [writer.statement(f"SELECT {number}") for number in range(205)]
    newest = operator.get(f"/jobs/{job.id}/statements").text
    assert newest.count("<details") == 200
    assert ids[4] not in newest.replace(f"before={ids[5]}", "")
    earlier = operator.get(f"/jobs/{job.id}/statements?before={ids[5]}").text
    assert earlier.count("<details") == 5
    other = create_job(operator.client.application.extensions["sqlhosting"].database)
    assert operator.get(f"/jobs/{other.id}/statements?before={ids[5]}").status_code == 422


def test_downloads_hold_everything(operator: Client, job: Job, writer: JobWriter, tmp_path: Path) -> None:
    writer.output("\x1b[32mok\x1b[0m: [sql01]\r\nsecond", "third <&>")
    writer.statement("SELECT 1", kind=StatementKind.READ)
    writer.statement("CREATE DATABASE [shop]")
    writer.statement("ALTER DATABASE [shop] SET ONLINE", status=StatementStatus.SENT, duration_ms=None)
    writer.statement(
        "DROP DATABASE [other]", status=StatementStatus.ERROR, error={"message": "no", "number": 3701}
    )
    assert operator.get(f"/jobs/{job.id}/output.txt").text == "ok: [sql01]\nsecond\nthird <&>\n"
    script = operator.get(f"/jobs/{job.id}/script.sql").text
    assert "\nCREATE DATABASE [shop]\nGO" in script
    assert "--   ALTER DATABASE [shop] SET ONLINE" in script  # nobody knows: a comment
    assert "SELECT 1" not in script
    assert "SELECT 1" in operator.get(f"/jobs/{job.id}/script.sql?reads=yes").text
    lines = operator.get(f"/jobs/{job.id}/journal.jsonl").text
    assert all(json.loads(line) for line in lines.splitlines())
    file = tmp_path / "journal.jsonl"
    file.write_text(lines, encoding="utf-8")
    statuses = [statement.status for statement in read_journal(file).statements]
    assert statuses == [Status.OK, Status.OK, Status.UNKNOWN, Status.ERROR]


def test_output_is_searched_over_all_lines(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.events(*({"stdout": f"\x1b[32mline {number}\x1b[0m of many"} for number in range(1, 1501)))
    page = operator.get(f"/jobs/{job.id}", query_string={"q": "LINE 7 of"}).text
    assert "1 line with" in page
    assert f"/jobs/{job.id}?line=7#l7" in page
    assert 'id="l7"' not in page  # far from the end
    assert 'id="l7"' in operator.get(f"/jobs/{job.id}?line=7").text
    assert "No line holds" in operator.get(f"/jobs/{job.id}?q=nowhere").text
    older = operator.get(f"/jobs/{job.id}/output/older?before=1001").get_json()
    assert 'id="l1000"' in older["html"]
    assert older["has_older"]
    assert operator.get(f"/jobs/{job.id}/output/older?before=x").status_code == 422


@pytest.mark.parametrize("line", ["0", "1", "99999999", "abc", "-5", ""])
def test_any_line_of_the_address_gives_a_page(
    operator: Client, job: Job, writer: JobWriter, line: str
) -> None:
    writer.output("only\ntwo")
    assert operator.get(f"/jobs/{job.id}?line={line}").status_code == 200


def test_a_job_without_anything_says_so(portal: Portal, operator: Client) -> None:
    job = create_job(portal.database, state=JobState.PENDING, started_at=None, attempt=0)
    assert "Output appears here as soon as the job runs." in operator.get(f"/jobs/{job.id}").text
    assert "No task has begun." in operator.get(f"/jobs/{job.id}/tasks").text
    assert "No statement was sent or planned." in operator.get(f"/jobs/{job.id}/statements").text


def test_a_job_whose_row_was_spoilt_is_shown_and_hides_no_other(portal: Portal, operator: Client) -> None:
    job = create_job(portal.database, state=JobState.PENDING, started_at=None)
    with portal.database.transaction() as session:
        for spoilt in (
            "UPDATE jobs SET parameters = '{', stats = '[' WHERE id = :id",
            "INSERT INTO job_targets (job_id, kind, target_id) VALUES (:id, 'nothing', '7')",
            "INSERT INTO job_subjects (job_id, kind, subject_id, position) VALUES (:id, 'nothing', '7', 7)",
        ):
            session.execute(sql(spoilt), {"id": job.id})
    for page in ("/jobs", "/jobs/queue", f"/jobs/{job.id}", f"/jobs/{job.id}/details", "/workers", "/"):
        assert operator.get(page).status_code == 200, page
