"""The search in the top bar."""

from __future__ import annotations

import pytest

from tests.support.portal import Portal
from tests.webapp.pages.home.conftest import Rows
from webapp.accounts.models import PortalRole
from webapp.bookings.plans import PlanState
from webapp.database import new_id, now
from webapp.pages.home.searching import search
from webapp.statements.models import JobStatement, StatementKind, StatementStatus


def statement(rows: Rows, sha256: str) -> JobStatement:
    job = rows.job("Discover production")
    return rows.add(
        JobStatement(
            id=new_id(), job_id=job.id, attempt=1, stream=1, seq=1, at=now(), instance="sql01,1433",
            database="master", template="database/create.sql.j2", kind=StatementKind.CHANGE,
            status=StatementStatus.OK, text="CREATE DATABASE [x];", sha256=sha256, check_mode=False,
        )
    )  # fmt: skip


def test_staff_finds_applications_requests_jobs_and_instances_by_a_part_of_the_name(
    portal: Portal, rows: Rows
):
    rows.booking(rows.application(portal.create_user(), "Shop"), PlanState.READY)
    rows.job("Check quota of shop")
    portal.create_instance(rows.pool, name="shopsql")
    page = portal.client(portal.create_user(PortalRole.VIEWER)).get("/search?q=sHoP").text
    for text in ("<h2>Applications</h2>", "Add database stock to Shop", "Check quota of shop", "shopsql"):
        assert text in page, text


def test_a_customer_finds_only_what_is_theirs(portal: Portal, rows: Rows):
    customer, other = portal.create_user(), portal.create_user()
    rows.booking(rows.application(other, "shop_of_others"), PlanState.READY)
    rows.job("Book shop_of_others", customer_id=other.id)
    rows.application(customer, "shop_of_mine")
    portal.create_instance(rows.pool, name="shopsql")
    page = portal.client(customer).get("/search?q=shop").text
    assert "shop_of_mine" in page
    assert "shop_of_others" not in page
    assert "shopsql" not in page


def test_a_customer_finds_nothing_by_the_id_of_somebody_elses_object(portal: Portal, rows: Rows):
    theirs = rows.application(portal.create_user(), "secret_project")
    page = portal.client(portal.create_user()).get(f"/search?q={theirs.id}")
    assert page.status_code == 200
    assert "secret_project" not in page.text
    assert "Nothing that you may see fits" in page.text


def test_a_statement_is_found_by_its_id_and_by_the_start_of_its_hash(portal: Portal, rows: Rows):
    found = statement(rows, "0123456789abcdef" * 4)
    statement(rows, "f" * 64)
    viewer = portal.create_user(PortalRole.VIEWER)
    with portal.database.reading() as session:
        for text in (found.id, found.id.lower(), found.sha256, found.sha256[:8], found.sha256[:12].upper()):
            hits = [hit for hit in search(session, viewer, text) if hit.kind == "Statements"]
            with portal.app.test_request_context():
                assert [hit.place.path for hit in hits] == [f"/statements/{found.id}"], text
        customer = portal.create_user()
        assert search(session, customer, found.id) == []


@pytest.mark.parametrize(
    "text",
    ["", "   ", "%", "_", "x" * 5000, "'; DROP TABLE users; --", "<script>", "💥\u202e", "\\"],
)
def test_odd_texts_are_searched_for_as_they_are(portal: Portal, rows: Rows, text: str):
    rows.application(portal.create_user(), "shop")
    answer = portal.client(portal.create_user(PortalRole.ADMIN)).get("/search", query_string={"q": text})
    assert answer.status_code == 200
    assert "<script>" not in answer.text.split("<main", 1)[1]
    assert ">shop<" not in answer.text
