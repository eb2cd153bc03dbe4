"""Logging in and out; what the cookie is worth before and after."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.support.portal import PASSWORD, Client, Portal, settings_for
from tests.webapp.accounts.reading import actions
from webapp.accounts.models import User, UserSession, UserState
from webapp.database import now

COOKIE = "sqlhosting"


def test_a_user_logs_in_sees_the_first_page_and_logs_out(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client(user)
    assert client.get("/").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/").headers["Location"].startswith("/login")
    assert actions(portal, user.id) == ["user:logged_in", "session:ended", "user:logged_out"]


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client()
    wrong = client.post("/login", {"email": user.email, "password": "not the password"})
    unknown = client.post("/login", {"email": "nobody@example.com", "password": PASSWORD})
    assert "E-mail or password is wrong" in wrong.text
    assert "E-mail or password is wrong" in unknown.text


def test_the_address_may_be_typed_in_capitals_with_spaces_around(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client()
    answer = client.post("/login", {"email": f"  {user.email.upper()} ", "password": PASSWORD})
    assert answer.status_code == 302


def test_the_cookie_from_before_the_log_in_is_worthless_afterwards(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client()
    token_before = client.csrf_token()
    cookie_before = client.client.get_cookie(COOKIE)
    assert cookie_before is not None
    client.post("/login", {"email": user.email, "password": PASSWORD})
    cookie_after = client.client.get_cookie(COOKIE)
    assert cookie_after is not None
    assert cookie_after.value != cookie_before.value
    assert client.csrf_token() != token_before

    other = portal.app.test_client()
    other.set_cookie(COOKIE, cookie_before.value)
    assert other.get("/").status_code == 302
    # The token from before the log-in opens nothing after it.
    answer = client.client.post("/account/name", data={"name": "Forged", "csrf_token": token_before})
    assert answer.status_code == 400


def test_logging_in_again_ends_the_session_from_before(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client(user)
    cookie_before = client.client.get_cookie(COOKIE)
    assert cookie_before is not None
    client.post("/login", {"email": user.email, "password": PASSWORD})
    other = portal.app.test_client()
    other.set_cookie(COOKIE, cookie_before.value)
    assert other.get("/").status_code == 302
    assert client.get("/").status_code == 200


def test_logging_out_ends_the_session_on_the_server(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    stolen = client.client.get_cookie(COOKIE)
    assert stolen is not None
    client.post("/logout")
    thief = portal.app.test_client()
    thief.set_cookie(COOKIE, stolen.value)
    assert thief.get("/").status_code == 302


def test_a_session_ends_when_its_time_is_over(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    with portal.database.reading() as session:
        begun = session.scalars(select(UserSession)).one()
    portal.change(begun, expires_at=now() - timedelta(seconds=1))
    assert client.get("/").status_code == 302


def test_the_database_holds_no_token_that_a_cookie_holds(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    with client.client.session_transaction() as cookie:
        token = cookie["_user_id"]
    with portal.database.reading() as session:
        row = session.scalars(select(UserSession)).one()
    assert len(token) >= 43
    assert token not in (row.id, row.token_hash)


def test_a_made_up_cookie_is_nobody(portal: Portal) -> None:
    client = portal.app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "x' OR '1'='1"
    assert client.get("/").status_code == 302


WANTED = [
    ("/account", "/account"),
    ("/users?state=pending", "/users?state=pending"),
    ("https://elsewhere.example/", "/"),
    ("//elsewhere.example/", "/"),
    ("/\\elsewhere.example", "/"),
    ("javascript:alert(1)", "/"),
    ("http://[broken", "/"),
    ("account", "/"),
]


def test_after_the_log_in_one_is_where_one_wanted_to_go_but_never_elsewhere(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client()
    for wanted, reached in WANTED:
        form = {"email": user.email, "password": PASSWORD, "csrf_token": client.csrf_token()}
        answer = client.client.post("/login", query_string={"next": wanted}, data=form)
        assert answer.headers["Location"] == reached
        answer = client.client.get("/login", query_string={"next": wanted})
        assert answer.headers["Location"] == reached


INPUTS: list[dict[str, str]] = [
    {},
    {"email": "", "password": ""},
    {"email": "x" * 100_000, "password": PASSWORD},
    {"email": "someone@example.com", "password": "p" * 100_000},
    {"email": "nul\0@example.com", "password": "nul\0nul\0nul\0"},
    {"email": "' OR 1=1 --", "password": "' OR 1=1 --"},
    {"email": "<script>alert(1)</script>", "password": "<script>"},
    {"email": "üser@exämple.com", "password": "pässwörd 密码 🔑"},
]


def test_no_input_makes_the_log_in_fail_otherwise_than_by_saying_no(portal: Portal) -> None:
    client = portal.client()
    for form in INPUTS:
        answer = client.post("/login", form)
        assert answer.status_code == 422, form
        assert "<script>alert" not in answer.text


def test_a_password_typed_with_other_code_points_for_the_same_characters_is_the_same(portal: Portal) -> None:
    client = portal.client()
    form = {"name": "Composed", "email": "composed@example.com", "password": "pa\u0308ssword \u212b long"}
    client.post("/register", {**form, "again": form["password"]})
    with portal.database.reading() as session:
        user = session.scalars(select(User)).one()
    portal.change(user, state=UserState.ACTIVE)
    answer = client.post("/login", {"email": form["email"], "password": "p\u00e4ssword \u00c5 long"})
    assert answer.status_code == 302


def test_many_tries_from_one_address_are_refused_for_a_while(database_url: str, tmp_path: Path) -> None:
    portal = Portal(settings_for(database_url, data_folder=tmp_path, login_rate="3 per minute"))
    client = Client(portal.app.test_client())
    wrong = {"email": "somebody@example.com", "password": "not the password"}
    for path, form in (("/login", wrong), ("/register", {"name": "x"})):
        answers = [client.post(path, form) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
        assert "too many tries" in answers[-1].text
        assert int(answers[-1].headers["Retry-After"]) <= 60
        assert client.get(path).status_code == 200  # looking at the page is no try
    portal.close()


def test_one_account_is_tried_only_so_often_from_all_addresses_together(
    database_url: str, tmp_path: Path
) -> None:
    portal = Portal(
        settings_for(database_url, data_folder=tmp_path, account_rate="3 per hour", is_behind_proxy=True)
    )
    user, other = portal.create_user(), portal.create_user()

    def try_from(address: str, email: str, password: str) -> TestResponse:
        client = Client(portal.app.test_client())
        form = {"email": email, "password": password}
        return client.post("/login", form, headers={"X-Forwarded-For": address})

    spellings = (user.email, user.email.upper(), f" {user.email} ")
    for number, email in enumerate(spellings):
        assert try_from(f"192.0.2.{number}", email, "not the password").status_code == 422
    refused = try_from("192.0.2.9", user.email, PASSWORD)
    assert refused.status_code == 429
    assert re.search(r"for this account. Try again in (59 min|1 h)", refused.text)
    assert try_from("192.0.2.9", other.email, PASSWORD).status_code == 302
    portal.close()


def test_of_many_tries_at_once_none_is_forgotten(database_url: str, tmp_path: Path) -> None:
    portal = Portal(settings_for(database_url, data_folder=tmp_path, account_rate="3 per hour"))
    user = portal.create_user()
    at_once = Barrier(12)

    def try_it(_number: int) -> int:
        client = Client(portal.app.test_client())
        client.csrf_token()
        at_once.wait(60)
        return client.post("/login", {"email": user.email, "password": "not the password"}).status_code

    with ThreadPoolExecutor(at_once.parties) as threads:
        answers = Counter(threads.map(try_it, range(at_once.parties)))
    assert answers == {422: 3, 429: 9}
    portal.close()


def test_a_right_password_does_not_count_as_a_try(database_url: str, tmp_path: Path) -> None:
    portal = Portal(settings_for(database_url, data_folder=tmp_path, account_rate="2 per hour"))
    user = portal.create_user()
    for _ in range(4):
        form = {"email": user.email, "password": PASSWORD}
        assert Client(portal.app.test_client()).post("/login", form).status_code == 302
    portal.close()


def test_no_page_is_kept_by_a_browser_or_a_proxy(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    for path in ("/login", "/", "/account", "/nothing-there"):
        assert client.get(path).headers["Cache-Control"] == "no-store", path
    with client.get("/static/css/portal.css") as answer:
        assert (
            answer.headers["Cache-Control"] == "no-cache"
        )  # looked after each time, as nobody knows its age


def test_style_sheets_scripts_and_signs_are_kept_until_their_content_changes(portal: Portal) -> None:
    client = portal.client()
    page = client.get("/login").text
    addresses = re.findall(r'(?:href|src)="(/(?:bootstrap/)?static/[^"#]+)', page)
    assert len(addresses) >= 5
    for address in addresses:
        assert re.search(r"\?v=[0-9a-f]{12}$", address), address
        with client.get(address) as answer:
            assert answer.status_code == 200, address
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with client.get("/static/no-such.css?v=1") as answer:
        assert "immutable" not in answer.headers.get("Cache-Control", "")
