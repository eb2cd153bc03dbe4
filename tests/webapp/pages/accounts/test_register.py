"""Asking for an account."""

from __future__ import annotations

import threading
from typing import Any

from markupsafe import escape

from tests.support.portal import PASSWORD, Client, Portal
from tests.webapp.accounts.reading import actions, again, user_with
from webapp.accounts.models import PortalRole, UserState

FORM = {
    "name": "Book shop team",
    "email": "New.Customer@Example.com",
    "password": "quiet lantern over water",
    "again": "quiet lantern over water",
    "message": "A database for our shop.",
}
EMAIL = "new.customer@example.com"


def test_a_request_is_pending_and_cannot_log_in_before_an_admin_approved_it(portal: Portal) -> None:
    visitor = portal.client()
    answer = visitor.post("/register", FORM)
    assert answer.status_code == 302
    page = visitor.get(answer.headers["Location"])
    assert "Your request is with an admin" in page.text
    user = user_with(portal, EMAIL)
    assert user is not None
    assert (user.state, user.role, user.message) == (UserState.PENDING, PortalRole.CUSTOMER, FORM["message"])
    assert actions(portal, user.id) == ["user:registered"]

    kept_out = visitor.post("/login", {"email": EMAIL, "password": FORM["password"]})
    assert kept_out.status_code == 403
    assert "waits for an admin" in kept_out.text
    assert visitor.get("/").status_code == 302

    admin = portal.client(portal.create_user(PortalRole.ADMIN))
    assert admin.post(f"/users/{user.id}/approve", {"role": "customer"}).status_code == 302
    assert visitor.post("/login", {"email": EMAIL, "password": FORM["password"]}).status_code == 302
    assert visitor.get("/").status_code == 200


def test_an_email_with_an_account_gets_the_same_answer_and_keeps_its_account(portal: Portal) -> None:
    existing = portal.create_user(email=EMAIL, name="Was here before")
    new = portal.client().post("/register", {**FORM, "email": "another@example.com"})
    old = portal.client().post("/register", FORM)
    assert (old.status_code, old.headers["Location"], old.text) == (
        new.status_code, new.headers["Location"], new.text,
    )  # fmt: skip
    assert again(portal, existing).name == "Was here before"
    assert actions(portal, existing.id) == ["user:registered_again"]
    assert portal.client(existing).get("/").status_code == 200  # with the old password


def test_the_log_in_page_tells_nothing_about_a_pending_account_to_who_has_not_its_password(
    portal: Portal,
) -> None:
    user = portal.create_user(state=UserState.PENDING)
    wrong = portal.client().post("/login", {"email": user.email, "password": "not the password"})
    unknown = portal.client().post("/login", {"email": "nobody@example.com", "password": "not the password"})
    assert wrong.status_code == unknown.status_code == 422
    for answer in (wrong, unknown):
        assert "E-mail or password is wrong" in answer.text
        assert "waits" not in answer.text


def test_a_rejected_user_reads_the_reason_after_the_right_password_only(portal: Portal) -> None:
    user = portal.create_user(state=UserState.REJECTED, decision_reason="Not of our company.")
    right = portal.client().post("/login", {"email": user.email, "password": PASSWORD})
    wrong = portal.client().post("/login", {"email": user.email, "password": "not the password"})
    assert right.status_code == 403
    assert "Not of our company." in right.text
    assert "Not of our company." not in wrong.text


WRONG_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "what colleagues should see"),
    ({"name": "x" * 101}, "101 characters"),
    ({"name": "two\nlines"}, "on one line"),
    ({"name": "turned \u202e around"}, "U+202E"),
    ({"name": "with \0 NUL"}, "U+0000"),
    ({"email": ""}, "Type your e-mail address"),
    ({"email": "not an address"}, "name@example.com"),
    ({"email": "a@b@c.example"}, "name@example.com"),
    ({"email": f"{'x' * 250}@example.com"}, "longer than 254"),
    ({"email": "nul\0@example.com"}, "name@example.com"),
    ({"password": "short", "again": "short"}, "12 or more"),
    ({"password": "aaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaa"}, "different characters"),
    ({"password": "x1y2z" * 50, "again": "x1y2z" * 50}, "200 at most"),
    ({"again": "something else entirely"}, "not the same"),
    ({"message": "m" * 1001}, "1001 characters"),
    ({"message": "bell \x07"}, "U+0007"),
]


def test_a_wrong_field_is_named_with_its_remedy_and_the_rest_is_kept(portal: Portal) -> None:
    client = portal.client()
    for change, problem in WRONG_FIELDS:
        answer = client.post("/register", {**FORM, **change})
        assert answer.status_code == 422, problem
        assert problem in answer.text
        assert "name" in change or f'value="{FORM["name"]}"' in answer.text
        assert FORM["password"] not in answer.text
    for missing in ("name", "email", "password", "again"):
        form = {key: value for key, value in FORM.items() if key != missing}
        assert client.post("/register", form).status_code == 422, missing
    assert user_with(portal, EMAIL) is None
    assert actions(portal) == []


TEXTS = [
    "<script>alert(1)</script>",
    "'; DROP TABLE users; --",
    "Ünïcödé 数据库 🗄️ \u05e9\u05dc\u05d5\u05dd",
    "{{ 7 * 7 }}{% raw %}",
    "%s %n ' \" \\ `",
]


def test_any_text_is_kept_as_it_is_and_shown_as_text(portal: Portal) -> None:
    admin = portal.client(portal.create_user(PortalRole.ADMIN))
    for number, text in enumerate(TEXTS):
        email = f"texts{number}@example.com"
        portal.client().post("/register", {**FORM, "email": email, "name": text, "message": text})
        user = user_with(portal, email)
        assert user is not None
        assert (user.name, user.message) == (text, text)
        for path in ("/users", f"/users/{user.id}"):
            page = admin.get(path)
            assert page.status_code == 200
            assert str(escape(text)) in page.text
            assert "<script>alert" not in page.text


def test_a_huge_form_is_refused_before_it_is_read(portal: Portal) -> None:
    answer = portal.client().post("/register", {**FORM, "message": "m" * 1024 * 1024})
    assert answer.status_code == 413
    assert "larger than the portal takes" in answer.text
    assert user_with(portal, EMAIL) is None


def test_a_double_click_makes_one_user(portal: Portal) -> None:
    def send(client: Client, form: dict[str, Any], answers: list[int]) -> None:
        answers.append(client.client.post("/register", data=form).status_code)

    answers: list[int] = []
    threads = []
    for _ in range(4):
        client = portal.client()
        form = {**FORM, "csrf_token": client.csrf_token()}
        threads.append(threading.Thread(target=send, args=(client, form, answers)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [302] * 4
    assert user_with(portal, EMAIL) is not None
    assert actions(portal).count("user:registered") == 1
    assert actions(portal).count("user:registered_again") == 3
