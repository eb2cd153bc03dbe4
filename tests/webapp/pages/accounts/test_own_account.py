"""One's own name, password and sessions."""

from __future__ import annotations

from sqlalchemy import select

from tests.support.portal import PASSWORD, Portal
from tests.webapp.accounts.reading import actions, again
from webapp.accounts.models import UserSession

NEW = "a wholly different phrase"


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(portal: Portal) -> None:
    user = portal.create_user()
    here, elsewhere = portal.client(user), portal.client(user)
    answer = here.post("/account/password", {"current": PASSWORD, "password": NEW, "again": NEW})
    assert answer.status_code == 302
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302
    client = portal.client()
    assert client.post("/login", {"email": user.email, "password": PASSWORD}).status_code == 422
    assert client.post("/login", {"email": user.email, "password": NEW}).status_code == 302
    assert actions(portal, user.id).count("user:password_changed") == 1


def test_a_new_password_that_does_not_fit_is_refused_with_the_reason(portal: Portal) -> None:
    user = portal.create_user()
    here, elsewhere = portal.client(user), portal.client(user)
    for form, problem in (
        ({"current": "wrong password!", "password": NEW, "again": NEW}, "not your password"),
        ({"current": PASSWORD, "password": "short", "again": "short"}, "12 or more"),
        ({"current": PASSWORD, "password": NEW, "again": "something else"}, "not the same"),
        ({"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}, "the password that you have"),
        ({"current": "p" * 100_000, "password": NEW, "again": NEW}, "longer than 200"),
        ({"current": PASSWORD, "password": "long" * 50_000, "again": "long" * 50_000}, "200 at most"),
        ({}, "Type a password"),
    ):
        answer = here.post("/account/password", form)
        assert answer.status_code == 422, problem
        assert problem in answer.text
        assert PASSWORD not in answer.text
        assert NEW not in answer.text
    assert elsewhere.get("/account").status_code == 200
    assert portal.client(user).get("/").status_code == 200


def test_one_can_be_called_differently(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client(user)
    assert client.post("/account/name", {"name": "  Neue Näme <b> "}).status_code == 302
    assert again(portal, user).name == "Neue Näme <b>"
    assert "Neue Näme &lt;b&gt;" in client.get("/account").text
    for name in ("", " ", "x" * 101, "nul\0", "two\nlines"):
        assert client.post("/account/name", {"name": name}).status_code == 422
    assert client.post("/account/name").status_code == 422
    assert actions(portal, user.id).count("user:renamed") == 1


def test_one_ends_a_session_elsewhere_but_nobody_elses(portal: Portal) -> None:
    user, other = portal.create_user(), portal.create_user()
    here, elsewhere, stranger = portal.client(user), portal.client(user), portal.client(other)
    with portal.database.reading() as session:
        rows = {row.id: row.user_id for row in session.scalars(select(UserSession).order_by(UserSession.id))}
    mine = [key for key, owner in rows.items() if owner == user.id]
    theirs = next(key for key, owner in rows.items() if owner == other.id)
    page = here.get("/account").text
    assert f"/account/sessions/{mine[1]}/end" in page
    assert f"/account/sessions/{mine[0]}/end" not in page  # this one ends by logging out
    assert here.post(f"/account/sessions/{mine[1]}/end").status_code == 302
    assert here.post(f"/account/sessions/{mine[1]}/end").status_code == 302  # a double click
    assert elsewhere.get("/").status_code == 302
    assert here.post(f"/account/sessions/{theirs}/end").status_code == 404
    assert stranger.get("/").status_code == 200
    assert actions(portal, user.id).count("session:ended") == 1


def test_one_ends_all_other_sessions(portal: Portal) -> None:
    user = portal.create_user()
    here, *others = [portal.client(user) for _ in range(3)]
    assert here.post("/account/sessions/end-others").status_code == 302
    assert here.get("/").status_code == 200
    assert [client.get("/").status_code for client in others] == [302, 302]
