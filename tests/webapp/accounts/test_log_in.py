"""Logging in and out."""

from __future__ import annotations

from tests.support.portal import PASSWORD, Portal


def test_a_user_logs_in_sees_the_first_page_and_logs_out(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    assert client.get("/").status_code == 200
    assert client.post("/logout").status_code == 302
    assert client.get("/").headers["Location"].startswith("/login")


def test_a_wrong_password_is_refused_without_saying_what_was_wrong(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client()
    wrong = client.post("/login", {"email": user.email, "password": "not the password"})
    unknown = client.post("/login", {"email": "nobody@example.com", "password": PASSWORD})
    assert "E-mail or password is wrong" in wrong.text
    assert "E-mail or password is wrong" in unknown.text
