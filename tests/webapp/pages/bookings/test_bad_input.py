"""What people type that cannot be: said beside the field, nothing booked, nothing lost."""

from __future__ import annotations

import html

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.hosting import BOOKING, Hosting, hidden
from webapp.bookings.models import Booking
from webapp.pages.bookings.drafts import FIELD_STEP

SCRIPT = "<script>alert(1)</script>"
SQL = "shop'; DROP DATABASE master; --"
HUGE = "x" * 10_000
UNICODE = ("läden", "店", "ѕhop", "shop\u200b", "shop\u202e", "\u0000shop", "😀")

NAMES = [
    "",
    " ",
    "9lives",
    "_shop",
    "shop_",
    "a__b",
    "a b",
    "a-b",
    "a.b",
    "a]b",
    "x" * 51,
    SCRIPT,
    SQL,
    HUGE,
    *UNICODE,
]
SIZES = [
    "", "0", "-1", "1e309", "1e3", "nan", "inf", "0x10", "ten", "81", "99999999999", "0.01", "1.2345678",
    "1,000.5", "١٢", "½", SCRIPT, SQL, HUGE,
]  # fmt: skip
COLLATIONS = ["Klingon_CI_AS", SCRIPT, SQL, HUGE, "Latin1_General_100_CI_AS_SC_UTF8; DROP", *UNICODE]


REFUSED = {
    "name": [name for name in NAMES if name != "\u0000shop"],  # a NUL is dropped, no more
    "database": [*(name for name in NAMES if name != "\u0000shop"), "master", "TempDB"],
    "size_gib": SIZES,
    "collation": COLLATIONS,
    "kind": ["", "HA", SCRIPT, SQL, HUGE],
    "pool": ["nowhere", SCRIPT, SQL, HUGE],
}


def _page_that_refuses(answer: TestResponse, value: str = "") -> str:
    assert answer.status_code == 422, value
    assert SCRIPT not in answer.text, value
    assert "invalid-feedback" in answer.text, value
    return html.unescape(answer.text)


@pytest.mark.parametrize("field", list(REFUSED))
def test_what_cannot_be_is_refused_beside_its_field_and_kept(hosting: Hosting, field: str) -> None:
    customer = hosting.customer()
    client = hosting.client(customer)
    assert (
        hosting.try_to_book(customer, reason="y" * 2001).status_code == 422
    )  # all steps but the last are right
    step = FIELD_STEP[field]
    for value in REFUSED[field]:
        answer = client.post(f"/book/{step}", {**BOOKING, "pool": hosting.pool.id, field: value})
        page = _page_that_refuses(answer, value)
        if field in ("name", "database", "size_gib") and len(value) < 4000:
            assert f'value="{value}"' in page, value
    with hosting.portal.database.reading() as session:
        assert session.scalars(select(Booking)).all() == []


def test_a_reason_that_is_too_long_is_refused_and_kept(hosting: Hosting) -> None:
    page = _page_that_refuses(hosting.try_to_book(hosting.customer(), reason="y" * 2001))
    assert "2001 characters" in page
    assert "y" * 2001 in page


def test_a_size_beyond_the_pool_is_refused_with_what_is_left(hosting: Hosting) -> None:
    customer = hosting.customer()
    hosting.book(customer, size_gib="60")
    answer = hosting.try_to_book(customer, name="crm", size_gib="30")
    assert answer.status_code == 422
    assert "Ask for 12 GiB or less" in html.unescape(answer.text)


def test_the_steps_are_checked_again_when_the_booking_is_sent(hosting: Hosting) -> None:
    customer, rival = hosting.customer(), hosting.customer()
    client = hosting.client(customer)
    for path, fields in (
        ("name", {"name": "shop"}),
        ("kind", {"kind": "standalone"}),
        ("collation", {"collation": ""}),
        ("database", {"database": "orders", "size_gib": "10"}),
    ):
        client.post(f"/book/{path}", fields)
    form = {"go": "book", "reason": "mine", **hidden(client.get("/book/summary").text)}
    hosting.book(rival)
    answer = client.post("/book/summary", form)
    assert answer.status_code == 422
    assert "The name shop is taken" in answer.text
    assert 'value="shop"' in answer.text


def test_a_forged_token_books_nothing(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    client.post("/book/name", {"name": "shop"})
    for token in ("", "x" * 65, SCRIPT, SQL, "\u0000"):
        answer = client.post("/book/summary", {"go": "book", "token": token, "seen": "x"})
        assert answer.status_code in (302, 422)
    with hosting.portal.database.reading() as session:
        assert session.scalars(select(Booking)).all() == []


def test_filters_take_anything(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    for query in (
        "state=x&kind=y&after='", f"q={SQL}&search={SQL}", f"q={SCRIPT}&search={SCRIPT}", "q=%25_&name=%25",
        "after=" + "z" * 500, "search=" + "z" * 5000,
    ):  # fmt: skip
        for page in ("/bookings", "/applications", "/book/availability", "/book/collations"):
            answer = client.get(f"{page}?{query}")
            assert answer.status_code == 200, (page, query)
            assert answer.is_json or SCRIPT not in answer.text


def test_pages_of_nothing_are_not_found(hosting: Hosting) -> None:
    client = hosting.client(hosting.customer())
    for key in ("x", "%00", "0" * 26, "name%27", "💥"):
        for path in (f"/book/{key}", f"/bookings/{key}", f"/bookings/{key}/live", f"/applications/{key}"):
            assert client.get(path).status_code == 404, path


def test_shop_and_shop_eu_cannot_get_databases_of_the_same_name(hosting: Hosting) -> None:
    customer = hosting.customer()
    hosting.book(customer, name="shop_eu", database="data", size_gib="1")
    answer = hosting.try_to_book(customer, name="shop", database="eu_data", size_gib="1")
    assert "There is a database called shop_eu_data already" in answer.text
