"""A kind of request is one class, and none can be half a kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect

import webapp
from webapp.bookings.kinds.application import DeleteApplication
from webapp.bookings.kinds.base import RequestKind
from webapp.bookings.kinds.registry import kind_named, kind_of, request_kinds
from webapp.bookings.models import Booking
from webapp.bookings.outcome import booking_ended_unbuilt
from webapp.bookings.variables import variables_for
from webapp.database import Database

PROJECT = Path(webapp.__file__).parent.parent
FORMS = Path(webapp.__file__).parent / "templates" / "bookings" / "forms"
ATTRIBUTES = sorted(RequestKind.__annotations__)
METHODS = sorted(RequestKind.__abstractmethods__)


@pytest.mark.parametrize("method", METHODS)
def test_a_kind_that_forgets_a_method_cannot_be_made(method: str) -> None:
    given = {name: lambda *_: None for name in METHODS if name != method}
    given |= {name: getattr(DeleteApplication, name) for name in ATTRIBUTES}
    with pytest.raises(TypeError, match=f"abstract method '?{method}"):
        type("Forgetful", (RequestKind,), given)()


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_kind_that_forgets_to_say_something_cannot_be_made(attribute: str) -> None:
    given = {name: lambda *_: None for name in METHODS}
    given |= {name: getattr(DeleteApplication, name) for name in ATTRIBUTES if name != attribute}
    with pytest.raises(TypeError, match=f"Forgetful does not say {attribute}"):
        type("Forgetful", (RequestKind,), given)()


def test_a_kind_that_nobody_knows_is_neither_planned_nor_called_done() -> None:
    booking = Booking(kind="book_a_cluster", parameters={})
    for ask in (kind_of, variables_for):
        with pytest.raises(LookupError, match="no kind of request called 'book_a_cluster'"):
            ask(booking)
    with pytest.raises(LookupError):
        booking_ended_unbuilt(None, booking)  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        kind_named("nothing")


def test_each_kind_has_a_playbook_and_a_form_and_no_form_is_left_over() -> None:
    for name in request_kinds():
        assert (PROJECT / "playbooks" / f"{name}.yml").is_file()
    assert {kind.form for kind in request_kinds().values()} == {path.stem for path in FORMS.glob("*.html")}


def test_the_database_takes_the_kinds_that_there_are_and_no_other(database: Database) -> None:
    checks = inspect(database.engine).get_check_constraints("bookings")
    (check,) = [str(one["sqltext"]) for one in checks if one["name"] == "ck_bookings_bookingkind"]
    assert set(check.split("'")[1::2]) == set(request_kinds())
