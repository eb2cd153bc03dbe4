"""What people type that cannot be: said beside the field, nothing booked, nothing lost."""

from __future__ import annotations

import html

import pytest
from sqlalchemy import select

from tests.support.hosting import Hosting, hidden
from webapp.bookings.models import Booking

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
    "", "0", "-1", "1e309", "1e3", "nan", "inf", "0x10", "ten", "81", "99999999999", "0.01", "1.2345",
    "1,000.5", "١٢", "½", SCRIPT, SQL, HUGE, "10\u0000",
]  # fmt: skip
COLLATIONS = ["Klingon_CI_AS", SCRIPT, SQL, HUGE, "Latin1_General_100_CI_AS_SC_UTF8; DROP", *UNICODE]


def _refused(hosting: Hosting, **fields: str) -> str:
    answer = hosting.try_to_book(hosting.customer(), **fields)
    assert answer.status_code == 422
    assert SCRIPT not in answer.text
    assert "invalid-feedback" in answer.text
    with hosting.portal.database.reading() as session:
        assert session.scalars(select(Booking)).all() == []
    return html.unescape(answer.text)


@pytest.mark.parametrize("name", NAMES)
def test_an_impossible_application_name_is_refused(hosting: Hosting, name: str) -> None:
    page = _refused(hosting, name=name)
    kept = name.replace("\u0000", "")[:4000]
    assert f'value="{kept}"' in page


@pytest.mark.parametrize("name", [*NAMES, "master", "TempDB"])
def test_an_impossible_database_name_is_refused(hosting: Hosting, name: str) -> None:
    _refused(hosting, database=name)


@pytest.mark.parametrize("size", SIZES)
def test_an_impossible_size_is_refused(hosting: Hosting, size: str) -> None:
    _refused(hosting, size_gib=size)


@pytest.mark.parametrize("collation", COLLATIONS)
def test_an_unknown_collation_is_refused(hosting: Hosting, collation: str) -> None:
    _refused(hosting, collation=collation)


@pytest.mark.parametrize("kind", ["", "HA", SCRIPT, SQL, HUGE])
def test_an_unknown_kind_is_refused(hosting: Hosting, kind: str) -> None:
    _refused(hosting, kind=kind)


@pytest.mark.parametrize("pool", ["nowhere", SCRIPT, SQL, HUGE, "\u0000"])
def test_an_unknown_pool_is_refused(hosting: Hosting, pool: str) -> None:
    _refused(hosting, pool=pool)


def test_a_reason_that_is_too_long_is_refused_and_kept(hosting: Hosting) -> None:
    page = _refused(hosting, reason="y" * 2001)
    assert "2001 characters" in page
    assert "y" * 2001 in page


def test_a_size_beyond_the_pool_is_refused_with_what_is_left(hosting: Hosting) -> None:
    customer = hosting.customer()
    hosting.book(customer, size_gib="60")
    answer = hosting.try_to_book(customer, name="crm", size_gib="30")
    assert answer.status_code == 422
    assert "has 15.0 GiB left" in html.unescape(answer.text)


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


@pytest.mark.parametrize("token", ["", "x" * 65, SCRIPT, SQL, "\u0000"])
def test_a_forged_token_books_nothing(hosting: Hosting, token: str) -> None:
    client = hosting.client(hosting.customer())
    client.post("/book/name", {"name": "shop"})
    answer = client.post("/book/summary", {"go": "book", "token": token, "seen": "x"})
    assert answer.status_code in (302, 422)
    with hosting.portal.database.reading() as session:
        assert session.scalars(select(Booking)).all() == []


@pytest.mark.parametrize(
    "query", ["?state=x&kind=y&after=%00", f"?q={SQL}", f"?q={SCRIPT}", "?q=%25%00_", "?after=" + "z" * 500]
)
@pytest.mark.parametrize("page", ["/bookings", "/applications", "/book/availability", "/book/collations"])
def test_filters_take_anything(hosting: Hosting, page: str, query: str) -> None:
    answer = hosting.client(hosting.customer()).get(page + query)
    assert answer.status_code == 200
    assert SCRIPT not in answer.text


@pytest.mark.parametrize("key", ["x", "%00", "..", "0" * 26, "name%27", "💥"])
def test_pages_of_nothing_are_not_found(hosting: Hosting, key: str) -> None:
    client = hosting.client(hosting.customer())
    for path in (f"/book/{key}", f"/bookings/{key}", f"/bookings/{key}/live", f"/applications/{key}"):
        assert client.get(path).status_code == 404, path


def test_shop_and_shop_eu_cannot_get_databases_of_the_same_name(hosting: Hosting) -> None:
    customer = hosting.customer()
    hosting.book(customer, name="shop_eu", database="data", size_gib="1")
    answer = hosting.try_to_book(customer, name="shop", database="eu_data", size_gib="1")
    assert "There is a database called shop_eu_data already" in answer.text
