"""What can be done with a booking in which state, and what becomes of the names it reserved."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.support.hosting import Hosting, hidden, staff
from webapp.accounts.models import PortalRole
from webapp.applications.models import ApplicationState
from webapp.audit.operations import Actor
from webapp.bookings.models import Booking, BookingState
from webapp.bookings.operations import change
from webapp.bookings.plans import Plan, PlanState
from webapp.bookings.wishes import SizeWish
from webapp.errors import Conflict


def _rejected(hosting: Hosting, booking_id: str) -> None:
    hosting.client(staff(hosting.portal)).post(f"/bookings/{booking_id}/cancel")


TO_STATE: dict[str, Callable[[Hosting, str], object]] = {
    "pending": lambda hosting, booking_id: None,
    "sent_back": lambda hosting, booking_id: hosting.send_back(booking_id),
    "approved": lambda hosting, booking_id: hosting.approve(booking_id),
    "running": lambda hosting, booking_id: (hosting.approve(booking_id), hosting.run(booking_id)),
    "deployed": lambda hosting, booking_id: hosting.deploy(booking_id),
    "not_planned": lambda hosting, booking_id: hosting.fail(booking_id),
    "failed": lambda hosting, booking_id: (
        hosting.approve(booking_id),
        hosting.run(booking_id),
        hosting.fail(booking_id),
    ),
    "canceled": _rejected,
}
# state: cancel by the customer, cancel by an operator, change by the customer, plan again by an operator
TABLE = {
    "pending": (302, 302, 409, 302),
    "sent_back": (302, 302, 302, 302),
    "approved": (409, 409, 409, 409),
    "running": (409, 409, 409, 409),
    "deployed": (409, 409, 409, 409),
    "not_planned": (302, 302, 302, 302),
    "failed": (403, 302, 409, 302),
    "canceled": (409, 409, 409, 409),
}
CHANGED = {"name": "shop2", "kind": "standalone", "collation": "", "database": "sales", "size_gib": "3"}


@pytest.mark.parametrize("state", list(TABLE))
def test_every_state_allows_what_the_table_says(hosting: Hosting, state: str) -> None:
    customer = hosting.client(hosting_customer := hosting.customer())
    operator = hosting.client(staff(hosting.portal))
    actions = (
        (customer, "cancel", {}),
        (operator, "cancel", {}),
        (customer, "change", CHANGED),
        (operator, "plan", {}),
    )
    for number, ((client, action, form), expected) in enumerate(zip(actions, TABLE[state], strict=True)):
        booking_id = hosting.book(hosting_customer, name=f"app{number}", size_gib="1")
        TO_STATE[state](hosting, booking_id)
        before = hosting.booking(booking_id)
        answer = client.post(f"/bookings/{booking_id}/{action}", form)
        assert answer.status_code == expected, (state, action)
        after = hosting.booking(booking_id)
        if expected != 302:
            assert (after.state, len(after.events)) == (before.state, len(before.events))
        assert client.get(f"/bookings/{booking_id}").status_code == 200
        if after.state is BookingState.PENDING:
            client.post(f"/bookings/{booking_id}/cancel")


def test_a_canceled_name_can_be_booked_again(hosting: Hosting) -> None:
    customer = hosting.customer()
    first = hosting.book(customer)
    hosting.client(customer).post(f"/bookings/{first}/cancel")
    assert hosting.application_of(first).state is ApplicationState.RELEASED
    assert hosting.booking(first).secret is None
    second = hosting.book(hosting.customer())
    assert hosting.application_of(second).name == "shop"
    with hosting.portal.database.reading() as session:
        plans = session.scalars(select(Plan).where(Plan.booking_id == first))
        assert {plan.state for plan in plans} == {PlanState.SUPERSEDED}


def test_a_failed_booking_keeps_its_name_until_it_is_closed(hosting: Hosting) -> None:
    booking_id = hosting.book(hosting.customer())
    hosting.fail(booking_id)
    assert hosting.try_to_book(hosting.customer()).status_code == 422
    hosting.client(staff(hosting.portal)).post(f"/bookings/{booking_id}/cancel")
    hosting.book(hosting.customer())


def test_a_request_that_was_sent_back_is_changed_and_planned_anew(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    hosting.send_back(booking_id, "Call it shop2, <b>please</b>.")
    client = hosting.client(customer)
    page = client.get(f"/bookings/{booking_id}/change").text
    assert "&lt;b&gt;please" in page
    assert 'value="orders"' in page
    wrong = client.post(f"/bookings/{booking_id}/change", {**CHANGED, "size_gib": "1e309"})
    assert wrong.status_code == 422
    assert 'value="sales"' in wrong.text
    assert hosting.application_of(booking_id).name == "shop"
    assert client.post(f"/bookings/{booking_id}/change", CHANGED).status_code == 302
    application = hosting.application_of(booking_id)
    assert (application.name, application.databases[0].name) == ("shop2", "sales")
    booking = hosting.booking(booking_id)
    assert booking.parameters["data_limit_mib"] == 3072
    assert [event.event for event in booking.events][-1] == "changed"
    with hosting.portal.database.reading() as session:
        assert session.get_one(Plan, booking.plan_id).number == 2


def test_a_wish_of_another_kind_is_refused_and_changes_nothing(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    hosting.send_back(booking_id)
    actor = Actor("user", customer.name, customer.id)
    with hosting.portal.database.transaction() as session, pytest.raises(Conflict, match="of this kind"):
        change(session, actor, booking_id, SizeWish(2048), reason="more")
    booking = hosting.booking(booking_id)
    assert [event.event for event in booking.events][-1] == "sent_back"
    assert booking.reason != "more"


def test_a_failure_is_told_in_words_with_a_number_for_support(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    hosting.fail(booking_id, "The pool is <full>.")
    page = hosting.client(customer).get(f"/bookings/{booking_id}").text
    assert "The pool is &lt;full&gt;." in page
    assert f"<code>{booking_id}</code>" in page


def test_who_watches_a_request_that_failed_sees_when_it_goes_on(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    client = hosting.client(customer)
    on_its_way = client.get(f"/bookings/{booking_id}/live").get_json()
    hosting.fail(booking_id, "The pool is full.")
    failed = client.get(f"/bookings/{booking_id}/live").get_json()
    assert failed["look_again_s"] > on_its_way["look_again_s"] > 0


def test_somebody_elses_request_is_not_there(hosting: Hosting) -> None:
    booking_id = hosting.book(hosting.customer())
    stranger = hosting.client(hosting.customer())
    viewer = hosting.client(staff(hosting.portal, PortalRole.VIEWER))
    for path in ("", "/live", "/change"):
        assert stranger.get(f"/bookings/{booking_id}{path}").status_code == 404
    for action in ("cancel", "change"):
        assert stranger.post(f"/bookings/{booking_id}/{action}", CHANGED).status_code == 404
    assert stranger.post(f"/bookings/{booking_id}/plan").status_code == 403
    assert booking_id not in stranger.get("/bookings").text
    assert viewer.get(f"/bookings/{booking_id}").status_code == 200
    assert booking_id in viewer.get("/bookings?state=open&q=shop").text
    for action in ("cancel", "change", "plan"):
        assert viewer.post(f"/bookings/{booking_id}/{action}").status_code == 403
    assert hosting.booking(booking_id).state is BookingState.PENDING


def _at_once(*calls: Callable[[], int]) -> list[int]:
    """The status codes of calls that begin at the same moment."""
    barrier, answers = threading.Barrier(len(calls)), [0] * len(calls)

    def run(number: int, call: Callable[[], int]) -> None:
        barrier.wait()
        answers[number] = call()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def _ready_to_book(hosting: Hosting) -> Callable[[], int]:
    """The last click of a new customer's wizard."""
    user = hosting.customer()
    hosting.try_to_book(user, reason="y" * 2001)  # all steps but the last
    client = hosting.client(user)
    page = client.get("/book/summary").text

    form = {"go": "book", "reason": "", **hidden(page), "csrf_token": client.csrf_token()}
    return lambda: client.client.post("/book/summary", data=form).status_code


def test_of_two_customers_who_book_the_same_name_at_once_one_gets_it(hosting: Hosting) -> None:
    clicks = [_ready_to_book(hosting) for _ in range(3)]
    assert _at_once(*clicks) == [302, 422, 422]
    with hosting.portal.database.reading() as session:
        assert len(session.scalars(select(Booking)).all()) == 1


def test_a_booking_is_canceled_or_approved_but_not_both(hosting: Hosting) -> None:
    customer = hosting.customer()
    booking_id = hosting.book(customer)
    client = hosting.client(customer)
    token = client.csrf_token()

    def cancel() -> int:
        return client.client.post(f"/bookings/{booking_id}/cancel", data={"csrf_token": token}).status_code

    def approve() -> int:
        try:
            hosting.approve(booking_id)
        except Exception as error:
            return getattr(error, "status", 500)
        return 302

    assert _at_once(cancel, approve) == [302, 409]
    assert len(hosting.booking(booking_id).events) == 2
