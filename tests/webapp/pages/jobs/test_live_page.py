"""A person watches a job in a browser."""

from __future__ import annotations

import re
import threading
import time

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Pages
from tests.support.jobs import JobWriter, create_job
from tests.support.portal import Portal
from tests.support.served import log_in, served
from tests.webapp.pages.jobs.hostile import PAYLOAD, store_hostile
from webapp.accounts.models import PortalRole
from webapp.jobs.models import Job, JobState
from webapp.statements.models import StatementStatus


def line_numbers(page: Page) -> list[int]:
    return page.evaluate("[...document.querySelectorAll('.line')].map(line => Number(line.id.slice(1)))")


def test_a_running_job_is_watched_to_its_end(portal: Portal, pages: Pages, job: Job) -> None:
    portal.app.config["JOB_STREAM_SECONDS"] = 1.0  # the browser comes back several times
    writer = JobWriter(portal.database, job.id)
    writer.output("PLAY [all] ***")
    go_on = threading.Event()

    def run() -> None:
        for number in range(1, 121):
            writer.output(f"\x1b[0;32mok: [sql01] step {number}\x1b[0m")
            if number == 60:
                go_on.wait(30)
            time.sleep(0.01)
        writer.task("Create the database", is_changed=True)
        statement = writer.statement("CREATE DATABASE [shop]", status=StatementStatus.SENT, duration_ms=None)
        writer.outcome(statement, StatementStatus.OK, duration_ms=42.0)
        writer.end()

    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        page.goto(f"/jobs/{job.id}")
        thread = threading.Thread(target=run)
        thread.start()
        expect(page.get_by_text("step 60", exact=False)).to_be_visible()
        assert page.locator(".line .t-green").count() > 0
        page.reload()
        expect(page.get_by_text("step 60", exact=False)).to_be_visible()
        statements = page.context.new_page()
        statements.goto(f"/jobs/{job.id}/statements")
        expect(statements.get_by_text("No statement was sent or planned.")).to_be_visible()
        tasks = page.context.new_page()
        tasks.goto(f"/jobs/{job.id}/tasks")
        go_on.set()
        expect(page.locator("#job-heading [data-state=successful]")).to_be_visible()
        thread.join()
        expect(page.get_by_text("step 120", exact=False)).to_be_visible()
        numbers = line_numbers(page)
        assert numbers == list(range(1, numbers[-1] + 1)), "a gap or a double"
        expect(page.get_by_role("button", name="Relaunch")).to_be_visible()
        expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
        expect(page).to_have_title(re.compile("successful"))
        expect(statements.locator(".statement")).to_have_count(1)
        expect(statements.locator(".statement[data-status=ok]")).to_contain_text("42.0 ms")
        expect(tasks.locator("#results")).to_contain_text("changed")
        for one in (page, statements, tasks):
            expect(one.locator("#job[data-ended=yes]")).to_be_attached()


def test_output_follows_the_end_and_pauses_when_one_scrolls_up(
    portal: Portal, pages: Pages, job: Job
) -> None:
    writer = JobWriter(portal.database, job.id)
    writer.output(*(f"line {number}" for number in range(1, 201)))
    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        page.goto(f"/jobs/{job.id}")
        box = page.locator("#output")
        expect(page.locator("#l200")).to_be_in_viewport()
        writer.output("line 201")
        expect(page.locator("#l201")).to_be_in_viewport()
        box.evaluate("box => { box.scrollTop = 0; }")
        expect(page.get_by_role("button", name="Follow", exact=True)).to_be_visible()
        writer.output("line 202")
        expect(page.locator("#l202")).to_be_attached()
        expect(page.locator("#l1")).to_be_in_viewport()
        page.get_by_role("button", name="Follow", exact=True).click()
        expect(page.locator("#l202")).to_be_in_viewport()
        writer.end()
        expect(page.locator("#job[data-ended=yes]")).to_be_attached()


def test_ten_thousand_events_stay_quick_and_every_line_can_be_reached(
    portal: Portal, pages: Pages, job: Job
) -> None:
    writer = JobWriter(portal.database, job.id)
    for start in range(1, 10_001, 2000):
        writer.events(*({"stdout": f"line {number}"} for number in range(start, start + 2000)))
    writer.end()
    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        begun = time.monotonic()
        page.goto(f"/jobs/{job.id}")
        expect(page.locator("#l10000")).to_be_in_viewport()
        seconds = time.monotonic() - begun
        assert seconds < 5, f"{seconds:.1f} s"  # 0.3 s on an idle machine
        assert page.locator(".line").count() <= 1000
        first = line_numbers(page)[0]
        page.get_by_role("button", name="Older lines").click()
        expect(page.locator(f"#l{first - 1}")).to_be_attached()
        page.goto(f"/jobs/{job.id}#l123")
        page.wait_for_url(re.compile(r"\?line=123#l123"))
        expect(page.locator("#l123")).to_have_text("line 123")
        expect(page.locator("#l123")).to_be_in_viewport()
        page.get_by_role("link", name="To the end").click()
        expect(page.locator("#l10000")).to_be_in_viewport()
        find = page.get_by_role("searchbox", name="Search the output")
        find.fill("line 777")
        page.get_by_role("button", name="Search all lines").click()
        expect(page.get_by_text("11 lines with “line 777”")).to_be_visible()
        page.get_by_role("link", name=re.compile("7770 ")).click()
        expect(page.locator("#l7770")).to_be_in_viewport()
        page.get_by_role("searchbox", name="Search the output").fill("line 7771")
        expect(page.locator("#find-count")).to_have_text("1")
        page.keyboard.press("Enter")
        expect(page.locator("#find-count")).to_have_text("1 of 1")


def test_what_a_job_brings_is_text_and_never_a_page(portal: Portal, pages: Pages) -> None:
    """Colours and scripts in output, names of tasks, statements and errors; live and after a reload."""
    job = create_job(portal.database, title=PAYLOAD)
    with served(portal.app) as address:
        page = pages.new_page(address)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        tabs = {}
        for tab in ("", "/tasks", "/statements"):
            tabs[tab] = page.context.new_page()
            tabs[tab].goto(f"/jobs/{job.id}{tab}")
        statement = store_hostile(portal.database, job)
        for tab in tabs.values():
            expect(tab.locator("#job[data-ended=yes]")).to_be_attached()
            expect(tab.locator("#job")).to_contain_text("<script>")
            tab.reload()
            expect(tab.locator("#job")).to_contain_text("<script>")
        for path in (
            f"/jobs/{job.id}/details",
            "/jobs",
            f"/statements/{statement}",
            "/statements",
            "/jobs/queue",
        ):
            page.goto(path)
        for one in page.context.pages:
            assert one.evaluate("window.stolen") is None
            assert one.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(portal: Portal, pages: Pages, width: int) -> None:
    job = create_job(portal.database, title="A" * 180)
    writer = JobWriter(portal.database, job.id)
    writer.task("T" * 300, outcome="failed", message="m" * 500)
    statement = writer.statement("SELECT '" + "x" * 2000 + "'", database="d" * 128)
    writer.end(JobState.FAILED, job_explanation="e" * 2000)
    with served(portal.app) as address:
        page = pages.new_page(address, width=width)
        log_in(page, portal.create_user(PortalRole.OPERATOR))
        for path in (
            "/jobs", "/jobs/queue", f"/jobs/{job.id}", f"/jobs/{job.id}/tasks", f"/jobs/{job.id}/statements",
            f"/jobs/{job.id}/details", "/statements", f"/statements/{statement}", "/schedules", "/workers",
        ):  # fmt: skip
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
