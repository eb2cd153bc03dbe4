"""A job live: nothing is missing and nothing comes twice, whenever one comes and goes."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.jobs import JobWriter, create_job
from tests.support.portal import Client, Portal
from tests.webapp.pages.jobs.events import Follow
from webapp.accounts.models import PortalRole, User, UserSession, UserState
from webapp.database import now
from webapp.jobs.models import Job, JobState
from webapp.pages.jobs import live
from webapp.statements.models import StatementKind, StatementStatus


def follow(client: Client, job: Job, after: str = "0", **query: str) -> Follow:
    return Follow().read(client.get(f"/jobs/{job.id}/stream", query_string={"after": after, **query}))


def test_a_finished_job_gives_everything_and_ends(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.output("PLAY [all]", "first\nsecond", "third")
    writer.task("Look around")
    writer.statement("SELECT 1", kind=StatementKind.READ)
    writer.end()
    seen = follow(operator, job)
    assert seen.kinds[-1] == "end"
    assert seen.lines[:4] == ["PLAY [all]", "first", "second", "third"]
    assert seen.line_numbers == list(range(1, len(seen.lines) + 1))
    assert seen.heading["state"] == "successful"
    assert len(seen.statements) == 1
    assert any("sql01" in html and "ok" in html for html in seen.results.values())


def test_coming_again_brings_only_what_is_new(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.output(*(f"line {number}" for number in range(1, 8)))
    writer.end()
    seen = follow(operator, job, after="5")
    assert seen.lines == ["line 6", "line 7"]
    assert seen.line_numbers == [6, 7]


def test_last_event_id_counts_more_than_the_address(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.output(*(f"line {number}" for number in range(1, 8)))
    writer.end()
    answer = operator.get(f"/jobs/{job.id}/stream?after=0", headers={"Last-Event-ID": "6"})
    assert Follow().read(answer).lines == ["line 7"]


def test_more_than_one_batch_comes_in_order(operator: Client, job: Job, writer: JobWriter) -> None:
    writer.output(*(f"line {number}" for number in range(1, 1201)))
    for number in range(30):
        writer.statement(f"SELECT {number}")
    writer.output(*(f"line {number}" for number in range(1201, 1301)))
    writer.end()
    seen = follow(operator, job)
    assert seen.lines == [f"line {number}" for number in range(1, 1301)]
    assert len(seen.statements) == 30
    ids = [int(message.id) for message in seen.messages]
    assert ids == sorted(ids)


def test_a_statement_comes_again_when_its_outcome_is_known(
    operator: Client, job: Job, writer: JobWriter
) -> None:
    statement = writer.statement("CREATE DATABASE [shop]", status=StatementStatus.SENT, duration_ms=None)
    writer.outcome(
        statement,
        StatementStatus.ERROR,
        error={"message": "The disk is full", "number": 1105},
        duration_ms=20.0,
    )
    writer.end(JobState.FAILED)
    seen = follow(operator, job, after="1")
    html = seen.statements[f"s-{statement}"]
    assert 'data-status="error"' in html
    assert "The disk is full" in html
    assert "1105" in html
    assert " open" in html.split(">", 1)[0]


def test_what_is_written_while_one_looks_arrives_without_gap_or_double(portal: Portal, job: Job) -> None:
    """Several streams, each cut after a moment and taken up again, while a writer goes on."""
    portal.app.config["JOB_STREAM_SECONDS"] = 0.4
    writer = JobWriter(portal.database, job.id)
    wanted = [f"line {number}" for number in range(1, 201)]
    operator = portal.create_user(PortalRole.OPERATOR)
    clients = [portal.client(operator) for _ in range(2)]

    def write() -> None:
        for start in range(0, 200, 5):
            writer.output(*wanted[start : start + 5])
            writer.statement(f"SELECT {start}")
            time.sleep(0.02)
        writer.end()

    def watch(client: Client, found: list[Follow]) -> None:
        seen, after = Follow(), "0"
        while "end" not in seen.kinds:
            seen.read(client.get(f"/jobs/{job.id}/stream", headers={"Last-Event-ID": after}))
            after = seen.cursor
        found.append(seen)

    found: list[Follow] = []
    threads = [threading.Thread(target=write)]
    threads += [threading.Thread(target=watch, args=(client, found)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    for seen in found:
        assert seen.lines == wanted
        assert seen.line_numbers == list(range(1, 201))
        assert len(seen.statements) == 40
        assert seen.kinds.count("end") == 1


def test_it_ends_after_a_while_so_that_threads_are_freed(portal: Portal, operator: Client, job: Job) -> None:
    portal.app.config["JOB_STREAM_SECONDS"] = 0.5
    begun = time.monotonic()
    seen = follow(operator, job)
    assert 0.4 < time.monotonic() - begun < 10
    assert "end" not in seen.kinds
    assert seen.heading["state"] == "running"


def test_with_too_many_pages_open_it_answers_at_once_and_says_when_to_come_again(
    portal: Portal, operator: Client, job: Job, writer: JobWriter
) -> None:
    writer.output("something")
    live._open_streams += portal.settings.portal_threads
    try:
        answer = operator.get(f"/jobs/{job.id}/stream?after=0")
    finally:
        live._open_streams -= portal.settings.portal_threads
    assert "retry: 2500" in answer.text
    assert Follow().read(answer).lines == ["something"]


def test_no_transaction_stays_open_behind_a_stream(portal: Portal, operator: Client, job: Job) -> None:
    answer = operator.client.get(f"/jobs/{job.id}/stream", buffered=False)
    assert portal.database.engine.pool.checkedout() == 0
    chunks = iter(answer.response)
    next(chunks)
    next(chunks)
    assert portal.database.engine.pool.checkedout() == 0
    answer.close()


def test_nobody_else_s_job_can_be_followed(portal: Portal) -> None:
    owner, other = (portal.create_user() for _ in range(2))
    job = create_job(portal.database, customer_id=owner.id)
    JobWriter(portal.database, job.id).end()
    assert portal.client(owner).get(f"/jobs/{job.id}/stream").status_code == 200
    assert portal.client(other).get(f"/jobs/{job.id}/stream").status_code == 404
    assert portal.client().get(f"/jobs/{job.id}/stream").status_code == 302


def test_a_position_must_be_a_number(operator: Client, job: Job) -> None:
    for after in ("x", "-1", "1e3", "9" * 30, "٣"):
        assert operator.get(f"/jobs/{job.id}/stream", query_string={"after": after}).status_code == 422


def test_access_is_checked_while_it_runs(
    portal: Portal, job: Job, writer: JobWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.pages.jobs.live.CHECK_ACCESS_S", 0.2)

    def log_out(user: User) -> None:
        with portal.database.transaction() as session:
            for begun in session.query(UserSession).filter_by(user_id=user.id):
                begun.ended_at = now()

    def disable(user: User) -> None:
        with portal.database.transaction() as session:
            session.get_one(User, user.id).state = UserState.DISABLED

    def demote(user: User) -> None:
        with portal.database.transaction() as session:
            session.get_one(User, user.id).role = PortalRole.CUSTOMER

    for take_away in (log_out, disable, demote):
        user = portal.create_user(PortalRole.OPERATOR)
        client = portal.client(user)
        timer = threading.Timer(0.5, take_away, [user])
        timer.start()
        seen = follow(client, job)
        timer.join()
        assert seen.kinds[-1] == "gone", take_away.__name__


def test_a_customer_sees_steps_and_changes_and_nothing_of_the_inside(portal: Portal) -> None:
    customer = portal.create_user()
    job = create_job(portal.database, customer_id=customer.id, worker="worker-7@0ffstage")
    writer = JobWriter(portal.database, job.id)
    writer.output("0ffstage: sql07 holds 12 databases")
    writer.task("Create the database", host="sql07.0ffstage", outcome="failed", message="0ffstage: no room")
    writer.statement(
        "SELECT 0ffstage FROM sys.databases", kind=StatementKind.READ, template="database/observe"
    )
    writer.statement(
        "CREATE DATABASE [shop_orders] ON (FILENAME = '0ffstage')",
        words="create database `shop_orders`",
        object="database:shop_orders",
        creates="database:shop_orders",
        inventory_host="sql07.0ffstage",
        status=StatementStatus.ERROR,
        error={"message": "0ffstage: disk", "number": 1},
    )
    writer.end(JobState.FAILED, job_explanation="0ffstage: sql07 is full")
    client = portal.client(customer)
    answer = client.get(f"/jobs/{job.id}/stream?parts=output,tasks,statements")
    seen = Follow().read(answer)
    page = client.get(f"/jobs/{job.id}").text
    for text in (answer.text, page):
        assert "0ffstage" not in text
        assert "Create the database" in text
        assert "Create database <code>shop_orders</code>" in text
        assert "SELECT" not in text
    assert seen.lines == []
    assert len(seen.statements) == 1


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_customer_sees_what_is_only_rehearsed_in_a_plan_alone(portal: Portal, check_mode: bool) -> None:
    customer = portal.create_user()
    job = create_job(portal.database, customer_id=customer.id, check_mode=check_mode)
    writer = JobWriter(portal.database, job.id)
    planned = writer.statement(
        "CREATE DATABASE [shop_orders]", creates="database:shop_orders", status=StatementStatus.PLANNED
    )
    writer.end()
    client = portal.client(customer)
    seen = Follow().read(client.get(f"/jobs/{job.id}/stream?parts=output,tasks,statements"))
    assert [f"s-{planned}"] * check_mode == list(seen.statements)
    assert (f"s-{planned}" in client.get(f"/jobs/{job.id}").text) == check_mode
