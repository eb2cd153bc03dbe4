"""Search over all statements, and one of them with its story."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from tests.support.jobs import JobWriter, create_job
from tests.support.portal import Client, Portal
from webapp.accounts.models import PortalRole
from webapp.applications.models import Application
from webapp.bookings.models import Booking, BookingKind
from webapp.bookings.plans import Decision, DecisionKind, Plan, PlanState
from webapp.database import now
from webapp.jobs.models import Job
from webapp.statements import listing
from webapp.statements.models import StatementKind, StatementStatus


def found(operator: Client, **query: str) -> set[str]:
    """The texts of the statements that a search gives."""
    page = operator.get("/statements", query_string=query)
    assert page.status_code == 200, page.text
    return {one for one in ("alpha", "beta", "gamma", "100%_done") if f">{one}</a>" in page.text}


def test_each_field_narrows_the_search(operator: Client, writer: JobWriter, job: Job) -> None:
    writer.statement("alpha", kind=StatementKind.READ, inventory_host="sql07", at=now() - timedelta(days=9))
    writer.statement("beta", database="shop_orders", status=StatementStatus.ERROR, error={"message": "no"})
    writer.statement("gamma", instance="other.example.com,1433", inventory_host=None)
    writer.statement("100%_done", status=StatementStatus.PLANNED)
    day = (now() - timedelta(days=2)).strftime("%Y-%m-%d")
    for query, wanted in (
        ({}, {"alpha", "beta", "gamma", "100%_done"}),
        ({"q": "ALPH"}, {"alpha"}),
        ({"q": "0%_d"}, {"100%_done"}),
        ({"q": "a%a"}, set()),
        ({"instance": "sql07"}, {"alpha"}),
        ({"instance": "other.example.com,1433"}, {"gamma"}),
        ({"database": "shop_orders"}, {"beta"}),
        ({"kind": "read"}, {"alpha"}),
        ({"status": "error"}, {"beta"}),
        ({"status": "planned"}, {"100%_done"}),
        ({"since": day}, {"beta", "gamma", "100%_done"}),
        ({"until": f"{day}T12:00"}, {"alpha"}),
        ({"sha256": hashlib.sha256(b"beta").hexdigest()}, {"beta"}),
        ({"sha256": hashlib.sha256(b"beta").hexdigest()[:8].upper()}, {"beta"}),
        ({"job": job.id, "kind": "change"}, {"beta", "gamma", "100%_done"}),
        ({"job": "another"}, set()),
    ):
        assert found(operator, **query) == wanted, query


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"kind": "write"}, "write"),
        ({"status": "fine"}, "fine"),
        ({"since": "yesterday"}, "yesterday"),
        ({"until": "2026-13-01"}, "2026-13-01"),
        ({"sha256": "xyz"}, "hash"),
    ],
)
def test_bad_input_is_named(operator: Client, query: dict[str, str], field: str) -> None:
    answer = operator.get("/statements", query_string=query)
    assert answer.status_code == 422
    assert field in answer.text


def test_a_long_search_stops_and_goes_on_from_there(
    operator: Client, writer: JobWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SEARCHED_AT_ONCE", 10)
    writer.statement("alpha")
    for number in range(30):
        writer.statement(f"filler {number}")
    page = operator.get("/statements?q=alpha").text
    for _ in range(5):
        if ">alpha</a>" in page:
            break
        assert "Search further back" in page
        following = page.split('class="next-page"')[1].split('href="')[1].split('"')[0]
        page = operator.get(following.replace("&amp;", "&")).text
    assert ">alpha</a>" in page


def test_pages_by_key_bring_each_statement_once(operator: Client, writer: JobWriter) -> None:
    ids = [writer.statement(f"filler {number}") for number in range(120)]
    seen: list[str] = []
    path = "/statements"
    while path:
        page = operator.get(path).text
        seen += [one for one in reversed(ids) if f'href="/statements/{one}"' in page]
        rest = page.split('class="next-page"')
        path = rest[1].split('href="')[1].split('"')[0].replace("&amp;", "&") if len(rest) > 1 else ""
    assert seen == ids[::-1]


def test_a_statement_tells_its_whole_story(portal: Portal) -> None:
    customer = portal.create_user(email="customer@example.com")
    admin = portal.create_user(PortalRole.ADMIN, email="admin@example.com")
    instance = portal.create_instance(name="sql07")
    with portal.database.transaction() as session:
        application = Application(
            name="shop", name_key="shop", customer_id=customer.id, pool_id=instance.pool_id, owner_sid="0x01"
        )
        session.add(application)
        session.flush()
        booking = Booking(
            kind=BookingKind.BOOK_APPLICATION, application_id=application.id, requester_id=customer.id,
            parameters={},
        )  # fmt: skip
        session.add(booking)
        session.flush()
        plan = Plan(booking_id=booking.id, number=3, state=PlanState.APPROVED, hash="ab" * 32)
        session.add(plan)
        session.flush()
        session.add(
            Decision(
                plan_id=plan.id, user_id=admin.id, kind=DecisionKind.APPROVE, plan_hash="ab" * 32,
                signature="cd" * 32,
            )
        )  # fmt: skip
    job = create_job(
        portal.database,
        title="Book shop",
        subjects=[f"booking:{booking.id}", f"plan:{plan.id}"],
        customer_id=customer.id,
    )
    writer = JobWriter(portal.database, job.id)
    before = writer.statement("SELECT 1")
    row = writer.statement(
        "CREATE LOGIN [shop_app] WITH PASSWORD = N'$(password)'", inventory_host="sql07", plan_position=1,
        secrets=["password"], parameters=["<secret>"], messages=[{"text": "said the server"}],
    )  # fmt: skip
    after = writer.statement("SELECT 2")
    page = portal.client(admin).get(f"/statements/{row}").text
    for text in (
        "customer@example.com", f"/bookings/{booking.id}", "plan 3", f"/approvals/{plan.id}", "statement 2",
        "admin@example.com", f"/jobs/{job.id}", f"/instances/{instance.id}", "shipped:0123456789ab",
        "said the server", "&lt;secret&gt;", "$(password)", f"/statements/{before}", f"/statements/{after}",
        hashlib.sha256(b"CREATE LOGIN [shop_app] WITH PASSWORD = N'$(password)'").hexdigest(),
    ):  # fmt: skip
        assert text in page, text
    client = portal.client(customer)
    assert client.get(f"/statements/{row}").status_code == 403
    assert portal.client(admin).get("/statements/01ARZ3NDEKTSV4RRFFQ69G5FAV").status_code == 404
