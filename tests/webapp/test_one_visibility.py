"""One rule of who sees a thing, whichever face shows it: list, page, search, home, export, API.

The case is field report A10: an operator asks for something on behalf of a customer. The customer sees it
everywhere, somebody else nowhere, the hosting team everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.support.portal import Client, Portal
from tests.webapp.pages.home.conftest import Rows
from webapp.accounts.models import PortalRole
from webapp.applications.models import Application
from webapp.bookings.models import Booking, BookingEvent, BookingState
from webapp.bookings.plans import PlanState
from webapp.database import new_id, now
from webapp.jobs.models import JobState
from webapp.jobs.subjects import references
from webapp.statements.models import JobStatement, StatementKind, StatementStatus

OWNER, STRANGER, OPERATOR, VIEWER = "owner", "stranger", "operator", "viewer"
ALL = frozenset({OWNER, OPERATOR, VIEWER})
STAFF = frozenset({OPERATOR, VIEWER})


@dataclass(frozen=True)
class Face:
    """Where a thing is shown. ``path``: with the ids of :class:`World`; ``shows``: what stands there."""

    thing: str
    face: str
    path: str
    shows: str
    seen_by: frozenset[str] = ALL


FACES = [
    Face("booking", "list", "/bookings", "/bookings/{booking}"),
    Face("booking", "filtered list", "/bookings?state=failed&q=market", "/bookings/{booking}"),
    Face("booking", "page", "/bookings/{booking}", "Add database stock to market"),
    Face("booking", "live page", "/bookings/{booking}/live", "version"),
    Face("booking", "search by name", "/search?q=market", "/bookings/{booking}"),
    Face("booking", "search by id", "/search?q={booking}", "/bookings/{booking}"),
    Face("booking", "home", "/", "/bookings/{booking}", frozenset({OWNER, OPERATOR, VIEWER})),
    Face("booking", "application", "/applications/{application}/activity", "/bookings/{booking}"),
    Face("application", "list", "/applications", "/applications/{application}"),
    Face("application", "filtered list", "/applications?q=MARKET", "/applications/{application}"),
    Face("application", "page", "/applications/{application}", "market"),
    Face("application", "search by name", "/search?q=market", "/applications/{application}"),
    Face("application", "search by id", "/search?q={application}", "/applications/{application}"),
    Face("application", "home", "/", "/applications/{application}", frozenset({OWNER, OPERATOR, VIEWER})),
    Face("job", "list", "/jobs", "/jobs/{job}", STAFF),
    Face("job", "export", "/jobs.csv", "{job}", STAFF),
    Face("job", "page", "/jobs/{job}", "Carry out stock"),
    Face("job", "search by title", "/search?q=stock", "/jobs/{job}"),
    Face("job", "search by id", "/search?q={job}", "/jobs/{job}"),
    Face("job", "application", "/applications/{application}/activity", "/jobs/{job}"),
    Face("job", "request", "/bookings/{booking}", "/jobs/{job}"),
    Face("job", "stream", "/jobs/{job}/stream", "event: heading"),
    Face("statement", "list", "/statements", "/statements/{statement}", STAFF),
    Face("statement", "page", "/statements/{statement}", "CREATE DATABASE", STAFF),
    Face("statement", "search by id", "/search?q={statement}", "/statements/{statement}", STAFF),
    Face("statement", "search by hash", "/search?q={sha256}", "/statements/{statement}", STAFF),
    Face("statement", "job", "/jobs/{job}/statements", "/statements/{statement}", STAFF),
    Face("statement", "export", "/jobs/{job}/script.sql", "CREATE DATABASE", STAFF),
    Face("statement", "in words", "/jobs/{job}", "database", ALL),
]


@dataclass(frozen=True)
class World:
    """Ids by name, and a browser for each reader."""

    ids: dict[str, str]
    clients: dict[str, Client]


@pytest.fixture
def world(portal: Portal) -> World:
    """An operator has asked for a database of a customer's application; its job failed after a statement."""
    rows = Rows(portal)
    owner, operator = portal.create_user(), portal.create_user(PortalRole.OPERATOR)
    # 9.9 of 10 GiB are used, and the request failed: both stand on the hosting team's first page, too.
    application = rows.application(owner, "market")
    booking = rows.booking(
        application, PlanState.APPROVED, requester_id=operator.id, state=BookingState.FAILED, ended_at=now()
    )
    job = rows.job(
        "Carry out stock", state=JobState.FAILED, customer_id=owner.id, template="apply_booking",
        subjects=references(application=application.id, booking=booking.id),
        finished_at=now(), started_at=now(),
    )  # fmt: skip
    with portal.database.transaction() as session:
        session.get_one(Booking, booking.id).job_id = job.id
        session.get_one(Application, application.id).databases[0].data_used_mib = 10200
    rows.add(BookingEvent(booking_id=booking.id, at=now(), event="failed", job_id=job.id))
    statement = rows.add(
        JobStatement(
            id=new_id(), job_id=job.id, attempt=1, stream=1, seq=1, at=now(), instance="sql01,1433",
            database="master", template="database/create", kind=StatementKind.CHANGE,
            status=StatementStatus.OK, text="CREATE DATABASE [market_stock];", sha256="ab" * 32,
            creates="database:market_stock", check_mode=False,
        )
    )  # fmt: skip
    readers = {
        OWNER: owner,
        STRANGER: portal.create_user(),
        OPERATOR: operator,
        VIEWER: portal.create_user(PortalRole.VIEWER),
    }
    ids = {
        "application": application.id, "booking": booking.id, "job": job.id,
        "statement": statement.id, "sha256": statement.sha256,
    }  # fmt: skip
    return World(ids, {name: portal.client(user) for name, user in readers.items()})


@pytest.mark.parametrize("reader", [OWNER, STRANGER, OPERATOR, VIEWER])
def test_each_face_follows_the_one_rule_of_its_thing(world: World, reader: str) -> None:
    wrong = []
    for face in FACES:
        path, shows = face.path.format(**world.ids), face.shows.format(**world.ids)
        answer = world.clients[reader].get(path)
        if answer.status_code == 302:  # the search leads to what was typed
            is_seen = answer.headers["Location"] == shows
        else:
            is_seen = answer.status_code == 200 and shows in answer.text
        if is_seen != (reader in face.seen_by):
            wrong.append(f"{face.thing}, {face.face}: {answer.status_code}, seen {is_seen}")
    assert not wrong, "\n".join(wrong)


def test_a_customer_is_told_of_an_operators_request_as_one_of_their_own(world: World) -> None:
    home = world.clients[OWNER].get("/").text
    assert "Your requests" in home
    assert "Add database stock to market" in home


def test_a_statements_story_names_who_asked_and_for_whom(world: World, portal: Portal) -> None:
    page = " ".join(world.clients[VIEWER].get(f"/statements/{world.ids['statement']}").text.split())
    with portal.database.reading() as session:
        booking = session.get_one(Booking, world.ids["booking"])
        asked, owner = booking.requester.email, booking.application.customer.email
    assert f"asked for by <strong>{asked}</strong> for <strong>{owner}</strong>" in page
