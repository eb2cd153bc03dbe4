"""Booking an application through the wizard."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlalchemy import select

from tests.support.hosting import BOOKING, COLLATIONS, Hosting, hidden, staff
from webapp.accounts.models import PortalRole
from webapp.applications.models import ApplicationState
from webapp.audit.models import AuditEntry
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.plans import Plan
from webapp.bookings.variables import password_for, playbook_for, variables_for
from webapp.jobs.models import Job
from webapp.pools.models import Discovery


def test_five_steps_make_a_booking_that_is_being_planned(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer, reason="The summer sale begins.")
    booking = hosting.booking(booking_id)
    application = hosting.application_of(booking_id)
    assert booking.state is BookingState.PENDING
    assert booking.reason == "The summer sale begins."
    assert (application.name, application.state) == ("shop", ApplicationState.RESERVED)
    assert application.customer_id == customer.id
    database = application.databases[0]
    assert (database.full_name, database.data_limit_mib, database.log_limit_mib) == (
        "shop_orders",
        10240,
        2560,
    )
    assert database.collation == COLLATIONS[0]
    assert application.logins[0].full_name == "shop_app"
    sids = {application.owner_sid, application.logins[0].sid}
    assert len(sids) == 2
    assert all(re.fullmatch(r"0x[0-9A-F]{32}", sid) for sid in sids)
    with hosting.portal.database.reading() as session:
        plan = session.get_one(Plan, booking.plan_id)
        assert session.get_one(Job, plan.job_id).check_mode
        noted = session.scalars(select(AuditEntry).where(AuditEntry.action == "booking:requested")).one()
        assert noted.actor_id == customer.id
        assert booking.secret is not None
        assert booking.secret not in str(noted.details)


def test_the_playbook_is_given_all_that_was_asked_and_no_secret(hosting: Hosting) -> None:
    booking_id = hosting.book(hosting.customer())
    with hosting.portal.database.reading() as session:
        booking = session.get_one(Booking, booking_id)
        application = booking.application
        assert playbook_for(booking) == "playbooks/book_application.yml"
        assert variables_for(booking) == {
            "application_name": "shop",
            "application_owner_sid": application.owner_sid,
            "application_login_sid": application.logins[0].sid,
            "application_databases": [
                {
                    "name": "orders",
                    "data_limit": "10240MiB",
                    "log_limit": "2560MiB",
                    "collation": COLLATIONS[0],
                }
            ],
        }
        password = password_for(booking)
    assert password is not None
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_.+-]{31}", password)


def test_the_request_page_says_what_was_asked_and_what_comes_next(hosting: Hosting) -> None:
    customer = hosting.customer()
    page = hosting.client(customer).get(f"/bookings/{hosting.book(customer)}").text
    for words in (
        "Book shop on standard",
        "shop_orders",
        "10.0 GiB",
        "no charge",
        "Requested",
        "plans the statements",
    ):
        assert words in page


def test_the_price_is_the_pools_price_for_every_gib(hosting: Hosting) -> None:
    customer = hosting.customer()
    with hosting.portal.database.transaction() as session:
        session.get_one(type(hosting.pool), hosting.pool.id).price_per_gib_month = Decimal("1.25")
    client = hosting.client(customer)
    hosting.try_to_book(customer, size_gib="nothing")  # the wizard stops at the size
    client.post("/book/database", {"database": "orders", "size_gib": "10"})
    assert "12.50 EUR a month" in client.get("/book/summary").text


def test_a_booking_that_is_sent_twice_is_booked_once(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    for step in (("name",), ("kind",), ("collation",), ("database", "size_gib")):
        client.post(f"/book/{step[0]}", {name: BOOKING[name] for name in step})
    form = {"go": "book", **hidden(client.get("/book/summary").text)}
    first = client.post("/book/summary", form)
    second = client.post("/book/summary", form)
    assert first.status_code == second.status_code == 302
    assert first.headers["Location"] == second.headers["Location"]
    with hosting.portal.database.reading() as session:
        assert len(session.scalars(select(Booking)).all()) == 1


def test_going_back_keeps_even_what_is_wrong(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    client.post("/book/name", {"name": "shop"})
    client.post("/book/kind", {"kind": "standalone"})
    client.post("/book/collation", {"collation": COLLATIONS[2]})
    answer = client.post("/book/database", {"database": "or ders", "size_gib": "much", "go": "back"})
    assert answer.headers["Location"].endswith("/book/collation")
    assert re.search(rf'value="{COLLATIONS[2]}" checked', client.get("/book/collation").text)
    page = client.get("/book/database").text
    assert 'value="or ders"' in page
    assert 'value="much"' in page


def test_what_is_typed_is_kept_before_the_step_is_sent(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    token = hidden(client.get("/book/name").text)["token"]
    assert client.post("/book/name/keep", {"name": "half a na", "token": token}).status_code == 204
    assert 'value="half a na"' in client.get("/book/name").text


def test_a_late_draft_of_a_booked_form_does_not_come_back(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    client.post("/book/name", {"name": "shop"})
    token = hidden(client.get("/book/name").text)["token"]
    hosting.book(customer)
    client.post("/book/name/keep", {"name": "shop", "token": token})
    assert 'value="shop"' not in client.get("/book/name").text


def test_the_wizard_goes_on_at_the_first_step_that_is_not_right(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    assert client.get("/book").headers["Location"].endswith("/book/name")
    assert client.get("/book/summary").headers["Location"].endswith("/book/name")
    client.post("/book/name", {"name": "shop"})
    assert client.get("/book").headers["Location"].endswith("/book/database")


def test_only_what_the_summary_showed_is_booked(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    for step in (("name",), ("kind",), ("collation",), ("database", "size_gib")):
        client.post(f"/book/{step[0]}", {name: BOOKING[name] for name in step})
    form = {"go": "book", **hidden(client.get("/book/summary").text)}
    client.post("/book/database", {"database": "orders", "size_gib": "70"})  # in another window
    answer = client.post("/book/summary", form, follow_redirects=True)
    assert "changed in another window" in answer.text
    with hosting.portal.database.reading() as session:
        assert session.scalars(select(Booking)).all() == []


def test_beginning_anew_empties_the_draft(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    client.post("/book/name", {"name": "shop"})
    client.post("/book/discard")
    assert 'value="shop"' not in client.get("/book/name").text


def test_high_availability_is_not_yet_offered(hosting: Hosting) -> None:
    customer = hosting.customer()
    answer = hosting.try_to_book(customer, kind="ha")
    assert answer.status_code == 422
    assert "not yet offered" in answer.text


def test_without_an_open_pool_the_wizard_says_so_and_keeps_the_name(hosting: Hosting) -> None:
    with hosting.portal.database.transaction() as session:
        session.get_one(type(hosting.pool), hosting.pool.id).is_open = False
    client = hosting.client(hosting.customer())
    client.post("/book/name", {"name": "shop"})
    assert "No pool takes new applications" in client.get("/book/kind").text
    assert client.post("/book/kind", {"kind": "standalone"}).status_code == 422
    assert 'value="shop"' in client.get("/book/name").text


def test_of_several_pools_one_must_be_chosen(hosting: Hosting) -> None:
    other = hosting.portal.create_pool(name="large")
    hosting.portal.create_instance(other)
    customer = hosting.customer()
    assert "No pool is chosen" in hosting.try_to_book(customer, pool="").text
    booking_id = hosting.book(customer, pool=other.id, size_gib="1")
    assert hosting.application_of(booking_id).pool_id == other.id


def test_availability_follows_what_is_booked(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    ask = "/book/availability?name="
    assert client.get(f"{ask}shop").json == {"is_available": True, "name": "shop"}
    hosting.book(customer)
    assert "is taken" in client.get(f"{ask}SHOP").json["problem"]
    assert (
        "begins" in client.get(f"{ask}9shop").json["problem"]
        or "beginning" in client.get(f"{ask}9shop").json["problem"]
    )


def test_what_stands_on_an_instance_without_the_platform_is_taken(hosting: Hosting) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    ask = "/book/availability?name="
    with hosting.portal.database.transaction() as session:
        seen = session.scalars(select(Discovery)).one()
        seen.facts = {
            **seen.facts,
            "logins": [{"name": "Docs_App"}, {"name": "100%_owner"}],
            "databases": [{"name": "wiki_pages"}],
        }
    assert "is taken" in client.get(f"{ask}docs").json["problem"]
    assert client.get(f"{ask}docs2").json["is_available"]
    assert client.get(f"{ask}wiki").json["is_available"]  # another database of it may be free
    answer = hosting.try_to_book(customer, name="wiki", database="pages")
    assert "There is a database called wiki_pages already" in answer.text


def test_a_name_that_an_own_application_had_is_free_although_the_last_look_still_saw_it(
    hosting: Hosting,
) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    client = hosting.client(customer)
    with hosting.portal.database.transaction() as session:
        seen = session.scalars(select(Discovery)).one()
        seen.facts = {**seen.facts, "logins": [{"name": "shop_app"}]}
    client.post(f"/bookings/{booking_id}/cancel")
    assert client.get("/book/availability?name=shop").json["is_available"]


def test_collations_are_found_by_name_and_by_what_they_mean(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    found = client.get("/book/collations?search=swedish").json["collations"]
    assert [one["name"] for one in found] == ["Finnish_Swedish_100_CI_AS"]
    found = client.get("/book/collations?search=binary utf-8").json["collations"]
    assert [one["name"] for one in found] == ["Latin1_General_100_BIN2_UTF8"]
    assert client.post("/book/collation", {"go": "search", "search": "swedish"}).status_code == 302


def test_a_viewer_cannot_book(hosting: Hosting) -> None:
    client = hosting.client(staff(hosting.portal, PortalRole.VIEWER))
    assert client.get("/book").status_code == 403
    assert client.post("/book/name", {"name": "shop"}).status_code == 403
