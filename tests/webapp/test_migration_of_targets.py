"""From one instance for each plan to sets of targets: what was booked, planned, signed and approved stays.

``platform_at_0002.json`` holds the rows that the platform itself wrote at migration 0002, with its key: a
booked application (shop), a plan that waits for approval (stock), an approved one whose job waits (blog), a
request that is being planned (wiki), and a signed policy that lets plans wait for a hundred years.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import select

from tests.support.portal import KEY, Portal, settings_for
from tests.webapp.approvals.conftest import Engine, line, ok
from webapp.accounts.models import PortalRole, User
from webapp.applications.models import Application, ApplicationState
from webapp.approvals.operations import decide
from webapp.approvals.signature import is_sealed, is_signed
from webapp.audit.operations import Actor
from webapp.bookings.models import Booking, BookingEvent
from webapp.bookings.plans import SEAL_VERSION, DecisionKind, Plan, PlanState
from webapp.database import Database
from webapp.jobs.models import Job
from webapp.jobs.templates import Launch
from webapp.platform.operations import downgrade, upgrade
from webapp.policies.models import Policy
from webapp.sealing import Box, use_box

STORED = json.loads((Path(__file__).parent / "platform_at_0002.json").read_text(encoding="utf-8"))
ROWS: dict[str, list[dict[str, Any]]] = STORED["tables"]


def fill(database: Database) -> None:
    """Write the stored rows into a schema at 0002."""
    schema = sa.MetaData()
    schema.reflect(database.engine)
    with database.engine.begin() as connection:
        for table in schema.sorted_tables:
            for row in ROWS.get(table.name, []):
                connection.execute(
                    table.insert(), {name: typed(table.c[name], value) for name, value in row.items()}
                )


def typed(column: sa.Column[Any], value: Any) -> Any:
    """A value of SQLite as other databases take it."""
    if isinstance(column.type, sa.DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return bool(value) if isinstance(column.type, sa.Boolean) else value


def rows_of(database: Database, table: str, columns: str) -> list[tuple[Any, ...]]:
    """These columns of all rows, in the order of their ids."""
    query = f"SELECT {columns} FROM {table} ORDER BY id"
    with database.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


@pytest.fixture
def old(empty: Database) -> Iterator[Database]:
    """A platform at 0002 that was in use."""
    use_box(Box([STORED["key"]]))
    upgrade(empty, "0002")
    fill(empty)
    yield empty
    use_box(Box([KEY]))


@pytest.fixture
def portal(old: Database, tmp_path: Path) -> Iterator[Portal]:
    """The same, updated and opened."""
    upgrade(old)
    url = old.engine.url.render_as_string(hide_password=False)
    portal = Portal(settings_for(url, encryption_keys=STORED["key"], data_folder=tmp_path / "data"))
    yield portal
    portal.close()


def plan_of(portal: Portal, name: str) -> Plan:
    """The newest plan for the application ``name``, with all that belongs to it."""
    with portal.database.reading() as session:
        query = select(Plan).join(Booking, Booking.id == Plan.booking_id).join(Booking.application)
        query = query.where(Application.name == name).order_by(Plan.number.desc())
        plan = session.scalars(query.limit(1)).one()
        _ = [*plan.items, *plan.decisions, plan.booking.application.name]
        return plan


def admin_of(portal: Portal) -> User:
    """The admin who approved."""
    with portal.database.reading() as session:
        return session.scalars(select(User).where(User.role == PortalRole.ADMIN)).one()


def test_what_was_signed_before_still_verifies(portal: Portal) -> None:
    with portal.database.reading() as session:
        assert all(policy.is_intact for policy in session.scalars(select(Policy)))
        shop = session.scalars(select(Application).where(Application.name == "shop")).one()
        assert shop.state is ApplicationState.DEPLOYED
        plans = session.scalars(select(Plan).where(Plan.ready_at.is_not(None))).all()
        assert [plan.state for plan in plans] == [PlanState.APPLIED, PlanState.READY, PlanState.APPROVED]
        for plan in plans:
            assert plan.target_names == ["sql01"]
            assert [(one.kind, one.target) for one in plan.items] == [("statement", 0)] * 3
            assert is_sealed(plan)
            assert all(is_signed(plan, decision) for decision in plan.decisions)
    staff = portal.client(admin_of(portal))
    for name in ("shop", "stock", "blog"):
        page = staff.get(f"/approvals/{plan_of(portal, name).id}").text
        assert "Do not trust" not in page
        assert "sql01" in page


def test_jobs_keep_what_they_lock_and_are_about(portal: Portal) -> None:
    with portal.database.reading() as session:
        for row in ROWS["jobs"]:
            job = session.get_one(Job, row["id"])
            assert job.targets == sorted(json.loads(row["targets"]))
            for noun in ("booking", "plan", "application", "instance", "pool"):
                assert job.subject(noun) == row.get(f"{noun}_id"), noun


def test_what_was_approved_before_is_carried_out_after(portal: Portal) -> None:
    launch = Engine(portal).claim(plan_of(portal, "blog").booking.job_id or "")
    assert isinstance(launch, Launch), launch


def test_a_plan_that_waited_is_approved_and_carried_out(portal: Portal) -> None:
    plan, admin = plan_of(portal, "stock"), admin_of(portal)
    with portal.database.transaction() as session:
        decide(
            session, Actor("user", admin.email, id=admin.id), plan.id, kind=DecisionKind.APPROVE,
            seen_hash=plan.hash or "",
        )  # fmt: skip
    job_id = plan_of(portal, "stock").booking.job_id
    assert job_id is not None
    launch = Engine(portal).claim(job_id)
    assert isinstance(launch, Launch), launch


def test_a_plan_of_before_cannot_be_made_into_more_than_it_was(portal: Portal) -> None:
    plan = plan_of(portal, "blog")
    changes = (
        "UPDATE plan_items SET target = 1 WHERE plan_id = :id",
        "UPDATE plan_items SET kind = 'task' WHERE plan_id = :id",
        "UPDATE plan_targets SET kind = 'pool' WHERE plan_id = :id",
        "UPDATE plan_targets SET position = 1 WHERE plan_id = :id",
        "UPDATE plans SET seal_version = 2 WHERE id = :id",
        "UPDATE plans SET seal_version = 0 WHERE id = :id",
        "INSERT INTO plan_targets (id, plan_id, position, kind, target_id, name) "
        "VALUES ('x', :id, 1, 'instance', 'x', 'sql02')",
        "DELETE FROM plan_targets WHERE plan_id = :id",
    )
    for change in changes:
        with portal.database.session(writes=True) as session:  # rolled back
            session.execute(sa.text(change), {"id": plan.id})
            assert not is_sealed(session.get_one(Plan, plan.id)), change


def test_back_and_forth_loses_nothing_and_says_what_has_to_be_planned_again(
    portal: Portal, old: Database
) -> None:
    engine, wiki = Engine(portal), plan_of(portal, "wiki")
    assert wiki.job_id is not None
    assert isinstance(engine.claim(wiki.job_id), Launch)
    chosen = {"instance": "sql01", "exists": False, "reasons": []}
    engine.observe(
        wiki.job_id,
        ok(ansible_facts={"application_placement": chosen}),
        lines=[line("login/create", "CREATE LOGIN [wiki_owner]", inventory_host="sql01")],
    )
    engine.end(wiki.job_id)
    wiki = plan_of(portal, "wiki")
    assert (wiki.state, wiki.seal_version) == (PlanState.READY, SEAL_VERSION)
    with portal.database.reading() as session:
        assert is_sealed(session.get_one(Plan, wiki.id))

    downgrade(old, "0002")
    stored = sorted(ROWS["jobs"], key=lambda row: str(row["id"]))
    columns = "id, booking_id, plan_id, application_id, pool_id, targets"
    assert rows_of(old, "jobs", columns) == [
        (*(row.get(one) for one in columns.split(", ")[:-1]), row["targets"]) for row in stored
    ]
    assert [row[0] for row in rows_of(old, "plans", "instance_id")] == [ROWS["instances"][0]["id"]] * 4
    columns = "id, plan_id, position, instance, text, sha256"
    kept = [row for row in rows_of(old, "plan_statements", columns) if row[1] != wiki.id]
    assert kept == [
        tuple(row[one] for one in columns.split(", "))
        for row in sorted(ROWS["plan_statements"], key=lambda row: str(row["id"]))
    ]
    states = dict(rows_of(old, "plans", "id, state"))
    assert states[wiki.id] == "expired"  # the older version could not read what was signed
    assert states[plan_of_row("stock")] == "ready"  # this it can

    upgrade(old)
    with portal.database.reading() as session:
        events = session.scalars(select(BookingEvent).where(BookingEvent.plan_id == wiki.id)).all()
        assert "has to be planned again" in (events[-1].text or "")
    for name in ("shop", "stock", "blog"):
        with portal.database.reading() as session:
            assert is_sealed(session.get_one(Plan, plan_of(portal, name).id)), name
    customer = portal.client(user_of(portal, wiki.booking.requester_id))
    assert "has to be made again" in customer.get(f"/bookings/{wiki.booking_id}").text
    staff = portal.client(admin_of(portal))
    assert "set back to an older version" in staff.get(f"/bookings/{wiki.booking_id}").text
    assert customer.post(f"/approvals/{wiki.id}/plan-again").status_code == 302
    assert plan_of(portal, "wiki").number == 2


def plan_of_row(name: str) -> str:
    """The id of the stored plan for an application."""
    application = next(row["id"] for row in ROWS["applications"] if row["name"] == name)
    booking = next(row["id"] for row in ROWS["bookings"] if row["application_id"] == application)
    return str(next(row["id"] for row in ROWS["plans"] if row["booking_id"] == booking))


def user_of(portal: Portal, user_id: str) -> User:
    """A user by id."""
    with portal.database.reading() as session:
        return session.get_one(User, user_id)
