"""API tokens: made, used, expired, revoked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Blueprint
from sqlalchemy import select, update

from tests.support.portal import Client, Portal
from tests.webapp.accounts.reading import actions
from webapp.accounts.models import ApiToken, PortalRole, User, UserState
from webapp.api.auth import NotAuthenticated, caller, may_see_secrets, protect, token_user
from webapp.database import now
from webapp.web.access import ADMINS, ANYONE, may

SECRET = re.compile(r"sqlh_[A-Za-z0-9_-]{43}")


@pytest.fixture
def with_api(new_portal: Portal) -> Portal:
    """The portal with three addresses of an API."""
    blueprint = Blueprint("protected", __name__, url_prefix="/api/test")

    @blueprint.route("/whoami", methods=["GET", "POST"])
    @may(ANYONE)
    def whoami() -> dict[str, Any]:
        user, token = caller()
        return {"email": user.email, "sees_secrets": may_see_secrets(user, token)}

    @blueprint.get("/admins")
    @may(ADMINS)
    def admins() -> dict[str, Any]:
        return {}

    @blueprint.get("/undeclared")
    def undeclared() -> dict[str, Any]:
        return {}

    protect(blueprint)
    new_portal.app.register_blueprint(blueprint)
    # Pages are guarded by access.guard, which leaves this blueprint to itself as it does with "api".
    new_portal.app.before_request_funcs[None] = [
        function for function in new_portal.app.before_request_funcs[None] if function.__name__ != "guard"
    ]
    return new_portal


def secret_for(portal: Portal, user: User, **form: str) -> str:
    """A token made on the page."""
    answer = portal.client(user).post("/account/tokens", {"name": "a program", "days": "30", **form})
    assert answer.status_code == 200, answer.text
    found = SECRET.search(answer.text)
    assert found
    return found.group()


def call(portal: Portal, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a GET."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = portal.app.test_client().get(f"/api/test/{path}", headers=headers)
    assert answer.is_json, answer.text
    return answer.status_code, answer.get_json()


def test_a_token_is_shown_once_and_kept_as_a_hash(portal: Portal) -> None:
    user = portal.create_user()
    client = portal.client(user)
    answer = client.post("/account/tokens", {"name": "inventory", "days": "30"})
    secret = SECRET.search(answer.text)
    assert secret
    assert answer.headers["Cache-Control"] == "no-store"
    assert not SECRET.search(client.get("/account/tokens").text)
    with portal.database.reading() as session:
        row = session.scalars(select(ApiToken)).one()
    assert secret.group() not in (row.token_hash, row.name, row.id)
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - now() <= timedelta(days=30)
    assert actions(portal, row.id) == ["api_token:created"]


def test_a_second_click_makes_no_second_token_of_that_name(portal: Portal) -> None:
    client = portal.client(portal.create_user())
    assert client.post("/account/tokens", {"name": "inventory", "days": "30"}).status_code == 200
    answer = client.post("/account/tokens", {"name": "inventory", "days": "30"})
    assert answer.status_code == 409
    assert "a token named inventory already" in answer.text
    with portal.database.reading() as session:
        assert len(session.scalars(select(ApiToken)).all()) == 1


def test_a_token_form_that_does_not_fit_is_refused(portal: Portal) -> None:
    client = portal.client(portal.create_user(PortalRole.OPERATOR))
    for form, status in (
        ({}, 422),
        ({"name": "", "days": "30"}, 422),
        ({"name": "x" * 101, "days": "30"}, 422),
        ({"name": "nul\0", "days": "30"}, 422),
        ({"name": "x", "days": "-1"}, 422),
        ({"name": "x", "days": "9" * 1000}, 422),
        ({"name": "x", "days": "30", "sees_secrets": "y"}, 403),
    ):
        assert client.post("/account/tokens", form).status_code == status, form
    assert client.post("/account/tokens", {"name": "<script>", "days": ""}).status_code == 200
    assert "<script></td>" not in client.get("/account/tokens").text
    with portal.database.reading() as session:
        assert session.scalars(select(ApiToken.name)).all() == ["<script>"]


def test_a_token_opens_the_api_as_its_user_without_cookie_or_csrf_token(with_api: Portal) -> None:
    user = with_api.create_user()
    secret = secret_for(with_api, user)
    assert call(with_api, "whoami", f"Bearer {secret}") == (200, {"email": user.email, "sees_secrets": False})
    assert call(with_api, "whoami", f"bearer  {secret} ")[0] == 200
    answer = with_api.app.test_client().post(
        "/api/test/whoami", headers={"Authorization": f"Bearer {secret}"}
    )
    assert answer.status_code == 200


def test_what_is_no_token_gets_401_as_json(with_api: Portal) -> None:
    secret = secret_for(with_api, with_api.create_user())
    headers: list[str | None] = [
        None, "", "Bearer", "Bearer ", f"Basic {secret}", secret, f"Bearer {secret}x",
        f"Bearer {secret[:-1]}", "Bearer sqlh_", "Bearer ' OR 1=1 --", f"Bearer sqlh_{'x' * 10_000}",
    ]  # fmt: skip
    for header in headers:
        status, body = call(with_api, "whoami", header)
        assert (status, body["error"]["status"]) == (401, 401), header
    answer = with_api.app.test_client().get("/api/test/whoami")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_cookie_of_a_session_opens_no_api(with_api: Portal) -> None:
    client = with_api.client(with_api.create_user())
    assert client.client.get("/api/test/whoami").status_code == 401


def test_a_role_that_may_not_gets_403_as_does_a_view_that_declares_none(with_api: Portal) -> None:
    operator = f"Bearer {secret_for(with_api, with_api.create_user(PortalRole.OPERATOR))}"
    admin = f"Bearer {secret_for(with_api, with_api.create_user(PortalRole.ADMIN))}"
    assert call(with_api, "admins", operator)[0] == 403
    assert call(with_api, "admins", admin)[0] == 200
    assert call(with_api, "undeclared", admin)[0] == 403


@pytest.mark.parametrize("end", ["expired", "revoked", "disabled", "pending"])
def test_a_token_stops_working(with_api: Portal, end: str) -> None:
    user = with_api.create_user()
    secret = secret_for(with_api, user)
    if end == "expired":
        with with_api.database.reading() as session:
            token = session.scalars(select(ApiToken)).one()
        with_api.change(token, expires_at=now() - timedelta(seconds=1))
    elif end != "revoked":
        with_api.change(user, state=UserState(end))
    if end == "revoked":
        client = with_api.client(user)
        with with_api.database.reading() as session:
            token_id = session.scalars(select(ApiToken.id)).one()
        for _ in range(2):  # a double click
            assert client.post(f"/account/tokens/{token_id}/revoke").status_code == 302
        assert actions(with_api, token_id) == ["api_token:created", "api_token:revoked"]
    assert call(with_api, "whoami", f"Bearer {secret}")[0] == 401


def test_somebody_elses_token_cannot_be_revoked(portal: Portal) -> None:
    secret_for(portal, portal.create_user())
    with portal.database.reading() as session:
        token_id = session.scalars(select(ApiToken.id)).one()
    stranger = portal.client(portal.create_user(PortalRole.ADMIN))
    assert stranger.post(f"/account/tokens/{token_id}/revoke").status_code == 404
    with portal.database.reading() as session:
        assert session.scalars(select(ApiToken.revoked_at)).one() is None


def test_only_an_admin_who_is_one_still_sees_passwords(with_api: Portal) -> None:
    user = with_api.create_user(PortalRole.ADMIN)
    secret = f"Bearer {secret_for(with_api, user, sees_secrets='y')}"
    assert call(with_api, "whoami", secret)[1]["sees_secrets"] is True
    with_api.change(user, role=PortalRole.OPERATOR)
    assert call(with_api, "whoami", secret)[1]["sees_secrets"] is False


def test_the_last_use_is_noted_once_a_minute(with_api: Portal) -> None:
    secret = f"Bearer {secret_for(with_api, with_api.create_user())}"

    def last_used() -> datetime | None:
        with with_api.database.reading() as session:
            return session.scalars(select(ApiToken.last_used_at)).one()

    assert last_used() is None
    call(with_api, "whoami", secret)
    first = last_used()
    assert first is not None
    call(with_api, "whoami", secret)
    assert last_used() == first
    with with_api.database.transaction() as session:
        session.execute(update(ApiToken).values(last_used_at=first - timedelta(minutes=2)))
    call(with_api, "whoami", secret)
    assert last_used() >= first  # type: ignore[operator]


def test_wrong_tokens_from_one_address_are_refused_for_a_while(with_api: Portal) -> None:
    statuses = [call(with_api, "whoami", f"Bearer sqlh_{number}")[0] for number in range(32)]
    assert statuses[:30] == [401] * 30
    assert statuses[30:] == [429] * 2


def test_the_function_behind_it_gives_user_and_token(portal: Portal) -> None:
    user = portal.create_user()
    secret = secret_for(portal, user)
    with portal.database.reading() as session:
        found, token = token_user(session, f"Bearer {secret}")
        assert (found.id, token.user_id) == (user.id, user.id)
        with pytest.raises(NotAuthenticated, match="unknown, expired or revoked"):
            token_user(session, "Bearer sqlh_wrong")


def test_no_page_of_another_user_shows_the_tokens_name(portal: Portal) -> None:
    secret_for(portal, portal.create_user(), name="very private name")
    stranger: Client = portal.client(portal.create_user())
    assert "very private name" not in stranger.get("/account/tokens").text
