"""What people type into a request's fields, as values; and values, as its fields show them."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

import webapp
from webapp.applications.models import LoginRights
from webapp.bookings.wishes import ApplicationWish, DatabaseWish, LoginWish, SizeWish
from webapp.errors import InvalidInput
from webapp.pages.bookings.typed import (
    REQUEST_FORMS,
    application_wish,
    database_wish,
    login_wish,
    mib_from_gib,
    size_fields,
)
from webapp.pools.models import PoolKind

TEMPLATES = Path(webapp.__file__).parent / "templates" / "bookings" / "forms"

SIZES = {"10": 10240, " 10 ": 10240, "0.5": 512, "1,5": 1536, "0.1": 102, "9999999": 10239998976}
NO_SIZES = {
    "": "The size is missing. Type how many GiB, for instance 10.",
    "ten": "'ten' is not a size in GiB. Type a number, for instance 10 or 0.5.",
    "-1": "'-1' is not a size in GiB. Type a number, for instance 10 or 0.5.",
    "0": "0 GiB is too small. Ask for 0.1 GiB or more.",
    "0,05": "0,05 GiB is too small. Ask for 0.1 GiB or more.",
}
WISHES = {
    "application": ApplicationWish("shop", PoolKind.STANDALONE, "01POOL", "orders", 1536, None),
    "database": DatabaseWish("orders", 10240, "Latin1_General_100_CI_AS"),
    "login": LoginWish("reports", LoginRights.READ_ONLY, ("01A", "01B")),
    "nothing": None,
    "size": SizeWish(512),
}


@pytest.mark.parametrize("text", SIZES)
def test_a_size_is_read_as_mib(text: str) -> None:
    assert mib_from_gib(text) == SIZES[text]


@pytest.mark.parametrize("mib", [102, 103, 1024, 1025, 1537, 10240, 1_024_001, 16 * 1024 * 1024 - 1])
def test_a_limit_is_read_as_it_is_shown(mib: int) -> None:
    assert mib_from_gib(size_fields(SizeWish(mib))["size_gib"]) == mib


def test_a_limit_is_shown_without_zeros_that_say_nothing() -> None:
    shown = [size_fields(SizeWish(mib))["size_gib"] for mib in (512, 1024, 1536, 10240)]
    assert shown == ["0.5", "1", "1.5", "10"]


@pytest.mark.parametrize("text", NO_SIZES)
def test_what_is_no_size_is_refused_in_the_words_that_were_typed(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        mib_from_gib(text)
    assert (refused.value.field, str(refused.value)) == ("size_gib", NO_SIZES[text])


def test_of_fields_that_are_all_empty_the_first_is_named() -> None:
    for read, field in ((application_wish, "name"), (database_wish, "database"), (login_wish, "login")):
        with pytest.raises(InvalidInput) as refused:
            read(MultiDict())
        assert refused.value.field == field


@pytest.mark.parametrize(("field", "value"), [("kind", ""), ("kind", "HA"), ("kind", "\0")])
def test_a_kind_that_does_not_exist_counts_as_none(field: str, value: str) -> None:
    with pytest.raises(InvalidInput, match="Nothing is chosen"):
        application_wish({"name": "shop", "database": "orders", "size_gib": "1", field: value})


def test_nothing_chosen_of_what_may_be_left_open_is_none() -> None:
    typed = {"name": "shop", "kind": "standalone", "database": "orders", "size_gib": "1"}
    wish = application_wish({**typed, "pool": "", "collation": " "})
    assert (wish.pool_id, wish.collation) == (None, None)


@pytest.mark.parametrize("form", WISHES)
def test_what_the_fields_show_is_read_as_the_same_wish(form: str) -> None:
    fields = REQUEST_FORMS[form].shown(WISHES[form])
    sent = MultiDict(fields)
    sent.setlist("databases", fields.get("chosen", []))  # a field for each box that is ticked
    assert REQUEST_FORMS[form].read(sent) == WISHES[form]


def test_each_form_of_a_request_that_was_sent_back_is_read_here() -> None:
    assert set(REQUEST_FORMS) == {path.stem for path in TEMPLATES.glob("*.html")} == set(WISHES)
