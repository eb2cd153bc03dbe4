"""An application's pages: how to connect, the password that is shown once, databases, logins, deletion."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import select

from tests.support.hosting import Hosting, staff
from webapp.accounts.models import PortalRole
from webapp.applications.job_templates import CheckQuota
from webapp.applications.models import ApplicationDatabase, ApplicationLogin, ApplicationState
from webapp.audit.models import AuditEntry
from webapp.bookings.models import Booking
from webapp.bookings.variables import password_for, playbook_for, variables_for
from webapp.database import new_id, now
from webapp.jobs.models import Job
from webapp.pools.models import Discovery


def ask(hosting: Hosting, user: object, path: str, form: dict[str, str] | None = None) -> str:
    """Send one of the application's forms; the id of the booking that came of it."""
    answer = hosting.client(user).post(path, {"token": new_id(), **(form or {})})  # type: ignore[arg-type]
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"].rpartition("/")[2])


def test_the_overview_says_how_to_connect_and_hides_the_instances_name(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    page = hosting.client(customer).get(f"/applications/{application.id}").text
    assert "Server=tcp:db.example.com,1433;Database=shop_orders;Uid=shop_app;Pwd=YOUR_PASSWORD" in page
    assert "jdbc:sqlserver://db.example.com:1433;databaseName=shop_orders" in page
    assert "sql01" not in page
    assert "sql01" in hosting.client(staff(hosting.portal)).get(f"/applications/{application.id}").text


def test_the_password_is_shown_once_and_then_forgotten(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    login = application.logins[0]
    kept = hosting.password_of(login.id)
    assert kept
    client = hosting.client(customer)
    path = f"/applications/{application.id}/logins/{login.id}/password"
    assert client.get(path).status_code == 405
    assert client.client.post(path).status_code == 400  # without a CSRF token
    answer = client.post(path)
    assert answer.status_code == 200
    assert kept in answer.text
    assert "no-store" in answer.headers["Cache-Control"]
    assert hosting.password_of(login.id) is None
    again = client.post(path)
    assert again.status_code == 409
    assert "Reset it" in again.text
    assert kept not in client.get(f"/applications/{application.id}").text
    with hosting.portal.database.reading() as session:
        entries = session.scalars(select(AuditEntry)).all()
        assert [entry.actor_id for entry in entries if entry.action == "login:password_revealed"] == [
            customer.id
        ]
        assert not any(kept in str(entry.details) for entry in entries)


def test_of_two_who_look_at_a_password_at_once_one_sees_it(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    path = f"/applications/{application.id}/logins/{application.logins[0].id}/password"
    clients = [hosting.portal.client(customer) for _ in range(3)]
    forms = [{"csrf_token": client.csrf_token()} for client in clients]
    barrier, answers = threading.Barrier(3), []

    def look(number: int) -> None:
        barrier.wait()
        answers.append(clients[number].client.post(path, data=forms[number]).status_code)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409]


def test_a_login_that_wrong_passwords_locked_out_says_so_until_its_password_is_set(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    login, client = application.logins[0], hosting.client(customer)
    path = f"/applications/{application.id}/logins"
    assert "locked it out" not in client.get(path).text
    with hosting.portal.database.transaction() as session:
        logins = [{"name": "SHOP_app", "is_locked": True}, {"name": "other_app", "is_locked": True}]
        session.add(Discovery(instance_id=application.instance_id, summary={}, facts={"logins": logins}))
    page = client.get(path).text
    assert page.count("locked it out") == 1
    assert "reset the password" in page
    with hosting.portal.database.transaction() as session:
        session.get_one(ApplicationLogin, login.id).password_set_at = now()
    assert "locked it out" not in client.get(path).text


def test_nobody_but_the_customer_sees_the_password(hosting: Hosting) -> None:
    application = hosting.deployed_application(hosting.customer())
    login = application.logins[0]
    path = f"/applications/{application.id}/logins/{login.id}/password"
    expected = {
        PortalRole.ADMIN: 403,
        PortalRole.OPERATOR: 403,
        PortalRole.VIEWER: 403,
        PortalRole.CUSTOMER: 404,
    }
    for role, status in expected.items():
        assert hosting.client(staff(hosting.portal, role)).post(path).status_code == status, role
    assert hosting.password_of(login.id)


def test_each_form_makes_a_booking_of_its_kind(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    base = f"/applications/{application.id}"
    database = application.databases[0]
    added = ask(hosting, customer, f"{base}/databases", {"database": "archive", "size_gib": "5"})
    hosting.deploy(added)
    resized = ask(hosting, customer, f"{base}/databases/{database.id}/size", {"size_gib": "20"})
    hosting.deploy(resized, resized={"data_limit_mib": 20480, "log_limit_mib": 5120})
    reader = ask(
        hosting, customer, f"{base}/logins",
        {"login": "reader", "rights": "read_only", "databases": database.id},
    )  # fmt: skip
    with hosting.portal.database.reading() as session:
        booking = session.get_one(Booking, reader)
        variables = variables_for(booking)
        assert playbook_for(booking) == "playbooks/add_login.yml"
        assert variables["application_login_name"] == "reader"
        assert variables["application_login_rights"] == "read_only"
        assert variables["application_login_databases"] == ["orders"]
        assert set(variables["application_added_login_sids"]) == {"reader"}
        assert password_for(booking)
    hosting.deploy(reader)
    now = hosting.application_of(reader)
    assert {one.name: one.data_limit_mib for one in now.databases} == {"orders": 20480, "archive": 5120}
    login = next(one for one in now.logins if one.name == "reader")
    old = hosting.password_of(login.id)
    reset = ask(hosting, customer, f"{base}/logins/{login.id}/reset")
    hosting.deploy(reset)
    assert hosting.password_of(login.id) not in (None, old)
    removed = ask(hosting, customer, f"{base}/logins/{login.id}/remove")
    hosting.deploy(removed)
    assert hosting.password_of(login.id) is None
    again = ask(hosting, customer, f"{base}/logins", {"login": "reader", "rights": "read_write"})
    hosting.deploy(again)
    deleted = ask(hosting, customer, f"{base}/delete", {"confirm": "shop"})
    with hosting.portal.database.reading() as session:
        variables = variables_for(session.get_one(Booking, deleted))
        assert variables["application_purge"] is False
        assert re.fullmatch(r"\d{8}", variables["application_deletion_date"])
    hosting.deploy(deleted)
    assert hosting.application_of(deleted).state is ApplicationState.DELETED
    assert hosting.try_to_book(hosting.customer()).status_code == 422  # it is still on the disk
    purged = ask(hosting, staff(hosting.portal), f"{base}/purge", {"confirm": "shop"})
    hosting.deploy(purged)
    hosting.book(hosting.customer())
    for tab in ("", "/databases", "/logins", "/activity", "/delete"):
        assert hosting.client(customer).get(base + tab).status_code == 200


WRONG = [
    "",
    " ",
    "9x",
    "a__b",
    "x" * 51,
    "<script>alert(1)</script>",
    "x'; DROP LOGIN sa; --",
    "läden",
    "y" * 9000,
]


def test_the_forms_refuse_what_cannot_be_beside_its_field(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    base = f"/applications/{application.id}"
    size = f"{base}/databases/{application.databases[0].id}/size"
    bad = [
        (f"{base}/databases", {"database": name, "size_gib": "1"}) for name in (*WRONG, "orders", "master")
    ]
    bad += [(f"{base}/logins", {"login": name, "rights": "read_only"}) for name in (*WRONG, "app", "OWNER")]
    bad += [(size, {"size_gib": value}) for value in ("", "-5", "1e309", "nan", "10", "81", "9" * 400, "½")]
    bad += [
        (f"{base}/databases", {"database": "x", "size_gib": "1", "collation": "Klingon"}),
        (f"{base}/logins", {"login": "x", "rights": "sysadmin"}),
        (f"{base}/logins", {"login": "x", "rights": "read_only", "databases": "elsewhere"}),
        (f"{base}/delete", {"confirm": "Shop"}),
        (f"{base}/delete", {"confirm": "shop", "reason": "y" * 2001}),
    ]
    for path, form in bad:
        answer = hosting.client(customer).post(path, {"token": new_id(), **form})
        assert answer.status_code == 422, (path, form)
        assert "invalid-feedback" in answer.text, (path, form)
        assert "<script>alert" not in answer.text
    with hosting.portal.database.reading() as session:
        assert len(session.scalars(select(Booking)).all()) == 1


def test_one_request_at_a_time_unless_they_do_not_meet(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    base = f"/applications/{application.id}"
    client = hosting.client(customer)
    first = ask(hosting, customer, f"{base}/databases", {"database": "archive", "size_gib": "5"})
    ask(hosting, customer, f"{base}/logins/{application.logins[0].id}/reset")
    for path, form in (
        ("logins", {"login": "reader", "rights": "read_only"}),
        ("databases", {"database": "other", "size_gib": "1"}),
        ("delete", {"confirm": "shop"}),
        (f"logins/{application.logins[0].id}/reset", {}),
    ):
        answer = client.post(f"{base}/{path}", {"token": new_id(), **form})
        assert answer.status_code == 409, path
    assert (
        first in client.post(f"{base}/databases", {"token": new_id(), "database": "o", "size_gib": "1"}).text
    )


def test_a_form_that_is_sent_twice_makes_one_booking(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    form = {"token": new_id(), "database": "archive", "size_gib": "5"}
    answers = [
        hosting.client(customer).post(f"/applications/{application.id}/databases", form) for _ in range(2)
    ]
    assert answers[0].headers["Location"] == answers[1].headers["Location"]


def test_the_main_login_cannot_be_removed(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    path = f"/applications/{application.id}/logins/{application.logins[0].id}/remove"
    assert hosting.client(customer).post(path, {"token": new_id()}).status_code == 409


@pytest.mark.parametrize("role", [PortalRole.CUSTOMER, PortalRole.VIEWER])
def test_others_change_nothing(hosting: Hosting, role: PortalRole) -> None:
    application = hosting.deployed_application(hosting.customer())
    client = hosting.client(staff(hosting.portal, role))
    base = f"/applications/{application.id}"
    is_seen = role is PortalRole.VIEWER
    for path in ("", "/databases", "/logins", "/activity", "/delete"):
        assert client.get(base + path).status_code == (200 if is_seen else 404)
    login, database = application.logins[0].id, application.databases[0].id
    for path in (
        "/databases", f"/databases/{database}/size", "/logins", f"/logins/{login}/reset",
        f"/logins/{login}/remove", f"/logins/{login}/password", "/delete", "/measure",
    ):  # fmt: skip
        answer = client.post(base + path, {"token": new_id(), "confirm": "shop"})
        assert answer.status_code == (403 if is_seen else 404), path
    assert client.post(f"{base}/purge", {"confirm": "shop"}).status_code == 403
    assert ("shop" in client.get("/applications").text.split("<main")[1]) is is_seen
    with hosting.portal.database.reading() as session:
        assert {one.kind for one in session.scalars(select(Booking))} == {"book_application"}


def test_measuring_fills_the_bars(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    client = hosting.client(customer)
    for _ in range(2):  # asked twice, measured once
        assert client.post(f"/applications/{application.id}/measure").status_code == 302
    measured = {
        "name": "shop_orders", "data_used_mib": 5120, "data_allocated_mib": 6144, "data_limit_mib": 10240,
        "log_used_mib": 10.5, "log_limit_mib": 2560,
    }  # fmt: skip
    event = {
        "event": "runner_on_ok",
        "event_data": {
            "task_action": "sqlhosting.mssql.mssql_quota",
            "host": "sql01",
            "res": {"databases": [measured, {**measured, "name": "other_orders"}]},
        },
    }
    with hosting.portal.database.transaction() as session:
        job = session.scalars(select(Job).where(Job.template == "check_quota")).one()
        launch = CheckQuota().prepare(session, job)
        assert launch.playbook == "playbooks/check_quota.yml"
        CheckQuota().observe(session, job, event)
    page = client.get(f"/applications/{application.id}/databases").text
    assert "5.0 GiB used, 6.0 GiB allocated, 10.0 GiB allowed" in page
    assert 'aria-valuenow="50"' in page
    answer = client.post(
        f"/applications/{application.id}/databases/{application.databases[0].id}/size",
        {"token": new_id(), "size_gib": "5.5"},
    )
    assert "have 6.0 GiB already" in answer.text
    with hosting.portal.database.reading() as session:
        assert session.get_one(ApplicationDatabase, application.databases[0].id).measured_at is not None


def test_what_would_have_to_wait_is_not_offered_while_a_request_is_open(hosting: Hosting) -> None:
    customer = hosting.customer()
    application = hosting.deployed_application(customer)
    client = hosting.client(customer)
    path = f"/applications/{application.id}"
    database, login = application.databases[0], application.logins[0]
    for tab, forms in (("databases", ["Add a database", "Ask for more space"]), ("logins", ["Add a login"])):
        page = client.get(f"{path}/{tab}").text
        assert [form for form in forms if f">{form}<" in page] == forms
    client.post(f"{path}/logins/{login.id}/reset", {"token": new_id()})
    page = client.get(f"{path}/logins").text
    assert f"/logins/{login.id}/reset" not in page
    assert ">Add a login<" in page  # it does not touch the one that is reset
    client.post(f"{path}/databases", {"token": new_id(), "database": "stock", "size_gib": "1"})
    assert "Another login can be asked for when" in client.get(f"{path}/logins").text
    page = client.get(f"{path}/databases").text
    assert "Another database can be asked for when" in page
    assert ">Ask for more space<" in page
    client.post(f"{path}/databases/{database.id}/size", {"token": new_id(), "size_gib": "20"})
    assert ">Ask for more space<" not in client.get(f"{path}/databases").text
