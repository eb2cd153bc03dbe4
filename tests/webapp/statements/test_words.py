"""What statements do, told by the words of their modules alone."""

from __future__ import annotations

from typing import Any

import pytest

from webapp.bookings.plans import PlanItem
from webapp.statements.words import MOST_PARTS, groups, left_behind, sentence, summary, words_of


def said(words: str | None, about: str | None = None, creates: str | None = None, **columns: Any) -> PlanItem:
    """A statement that nobody but its module knows."""
    given = {"template": "new/thing", "database": "master", "instance": "x,1433", "inventory_host": "sql03"}
    return PlanItem(**{**given, "words": words, "object": about, "creates": creates, **columns})


def of_user(words: str, creates: str | None) -> PlanItem:
    return said(words, "user:shop_db/shop_app", creates, database="shop_db")


LET_IN = of_user("let login `shop_app` into `shop_db`", "user:shop_db/shop_app")
READER = of_user(
    "give user `shop_app` in `shop_db` the role `db_datareader`", "user:shop_db/shop_app/role=db_datareader"
)
BOOKING = [
    said("create login `shop_owner`", "login:shop_owner", "login:shop_owner"),
    said("disable login `shop_owner`", "login:shop_owner", "login:shop_owner/enabled=false"),
    said("create database `shop_db`, at most 20 GiB of data", "database:shop_db", "database:shop_db"),
    said("create login `shop_app`", "login:shop_app", "login:shop_app"),
    LET_IN,
    READER,
    of_user("grant EXECUTE to …", "user:shop_db/shop_app/permission=EXECUTE"),
]


def test_a_booking_is_one_sentence_and_a_new_user_has_its_rights_beside_it() -> None:
    assert summary(BOOKING) == (
        "7 statements on sql03: create login `shop_owner`; disable login `shop_owner`; create database "
        "`shop_db`, at most 20 GiB of data; create login `shop_app`; let login `shop_app` into `shop_db` "
        "with `db_datareader`, EXECUTE."
    )
    assert summary([]) == "No statement: the target is already as it was asked for."


def test_what_is_denied_stands_apart_and_is_never_left_out() -> None:
    many = [of_user("grant …", f"user:shop_db/shop_app/permission=P{at}") for at in range(9)]
    denied = of_user("deny …", "user:shop_db/shop_app/denied_permission=CREATE TRIGGER")
    assert summary([LET_IN, *many, denied]).endswith(
        "with P0, P1, P2, P3, P4, P5 and 3 more rights (denied: CREATE TRIGGER)."
    )


def test_a_right_of_a_user_that_was_there_before_has_its_own_words() -> None:
    assert summary([READER]) == f"1 statement on sql03: {READER.words}."


def test_a_user_of_the_same_name_on_another_instance_is_another_user() -> None:
    other = of_user(READER.words or "", READER.creates)
    other.instance, other.inventory_host = "y,1433", "sql04"
    assert summary([LET_IN, other]) == f"2 statements on sql03, sql04: {LET_IN.words}; {READER.words}."


def test_a_long_plan_is_cut_and_says_so() -> None:
    assert summary([said(f"do `{at}`") for at in range(MOST_PARTS + 1)]).endswith("; and 1 thing more.")


def test_statements_are_grouped_by_object_and_tell_what_they_leave_behind() -> None:
    assert [(group.host, group.title, len(group.statements)) for group in groups(BOOKING)] == [
        ("sql03", "Login `shop_owner`", 2),
        ("sql03", "Database `shop_db`", 1),
        ("sql03", "Login `shop_app`", 1),
        ("sql03", "User `shop_app` in `shop_db`", 3),
    ]
    assert left_behind(BOOKING) == [
        "Login `shop_owner`",
        "Database `shop_db`",
        "Login `shop_app`",
        "User `shop_app` in `shop_db`",
    ]


@pytest.mark.parametrize(
    ("about", "creates", "left"),
    [
        ("database:a", "database:a/state=absent", ["No database `a` any more"]),
        ("snapshot:a", "snapshot:a/state=absent", ["No snapshot `a` any more"]),
        ("database:a", "database:b", ["Database `b`, made of database `a`"]),
        ("database:a", "database:a/owner=b", []),
        ("database:a", None, []),
        (None, None, []),
    ],
)
def test_what_is_gone_or_renamed_is_told(about: str | None, creates: str | None, left: list[str]) -> None:
    assert left_behind([said("do it", about, creates)]) == left


def test_what_is_inside_a_database_is_called_so() -> None:
    role = said("hand …", "role:shop/db/sales", database="shop/db")
    odd = said("drop …", "database:master/x")
    assert [group.title for group in groups([role, odd, said("do it")])] == [
        "Role `sales` in `shop/db`",
        "Database `master/x`",
        "In `master`",
    ]


def test_statements_from_before_there_were_words_are_told_by_their_template() -> None:
    old = said(None, None, "user:shop_db/app", template="user/set_default_schema", database="shop_db")
    assert words_of(old) == "user: set default schema, in `shop_db`"
    assert sentence(old) == "User: set default schema, in `shop_db`"
    assert summary([old]) == "1 statement on sql03: user: set default schema, in `shop_db`."
    assert [group.title for group in groups([old])] == ["In `shop_db`"]
    assert left_behind([old]) == ["User `app` in `shop_db`"]


def test_a_name_that_no_module_cleaned_is_neither_markup_nor_another_line() -> None:
    odd = said(None, database="a`\n<b>")
    assert words_of(odd) == "new: thing, in `a'\\u000a<b>`"
