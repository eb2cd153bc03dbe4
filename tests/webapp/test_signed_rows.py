"""Rows that somebody changed in the platform database count no more, until somebody has looked at them.

Whoever can write to the database can otherwise make themselves an admin, or have the platform send an
elevated account's password to a server of their own.
"""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import select, text

from tests.support.portal import KEY, NO_REDIS, PASSWORD, PASSWORD_HASH, SECRET_KEY, Portal
from webapp.accounts.hashes import token_hash
from webapp.accounts.listing import user_by_id
from webapp.accounts.models import PortalRole, User, UserSession
from webapp.accounts.tokens import create_token
from webapp.audit.models import AuditEntry
from webapp.audit.operations import Actor
from webapp.cli import main
from webapp.database import new_id, now
from webapp.jobs.templates import NotLaunchable
from webapp.pools.inventory import run_inventory
from webapp.pools.models import ElevatedAccount, Instance
from webapp.sealing import Box, use_box

ADMIN, OPERATOR = PortalRole.ADMIN, PortalRole.OPERATOR
ELEVATED = "Plat-form-1!"
CHANGED = "was changed in the platform database"
# What a person does in the database to get on: (table, what is set).
GRABS = [
    ("users", "role = 'admin'"),
    ("users", "is_trusted = (1 = 1)"),
    ("users", "email = 'other@example.com'"),
    ("users", "seal = NULL"),
    ("users", "seal = 'é'"),
    ("users", "seal = (SELECT min(seal) FROM users WHERE role = 'admin')"),
    ("user_sessions", "user_id = (SELECT id FROM users WHERE role = 'admin')"),
    ("user_sessions", "expires_at = '2999-01-01 00:00:00'"),
]


def run(portal: Portal, statement: str, **values: Any) -> None:
    """What somebody does who can write to the database."""
    with portal.database.transaction() as session:
        assert session.execute(text(statement), values).rowcount > 0, statement  # type: ignore[attr-defined]


def command(portal: Portal, *arguments: str, keys: str = KEY, typed: str = "") -> Result:
    """A command in this process."""
    environment = {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": keys,
        "SQLHOSTING_DATABASE_URL": portal.settings.database_url.get_secret_value(),
        "SQLHOSTING_REDIS_URL": NO_REDIS,
        "SQLHOSTING_DATA_FOLDER": str(portal.settings.data_folder),
    }
    return CliRunner().invoke(main, list(arguments), env=environment, input=typed)


@pytest.mark.parametrize(("table", "change"), GRABS)
def test_who_gives_themselves_more_is_logged_out(portal: Portal, table: str, change: str) -> None:
    portal.client(portal.create_user(ADMIN))
    user = portal.create_user()
    client = portal.client(user)
    assert client.get("/").status_code == 200
    column = "id" if table == "users" else "user_id"
    run(portal, f"UPDATE {table} SET {change} WHERE {column} = :id", id=user.id)
    assert client.get("/").status_code == 302
    assert client.get("/users").status_code == 302


def test_a_password_set_in_the_database_lets_nobody_in_and_says_why(portal: Portal) -> None:
    admin = portal.create_user(ADMIN, password_hash="$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$b3RoZXI")
    run(portal, "UPDATE users SET password_hash = :hash WHERE id = :id", hash=PASSWORD_HASH, id=admin.id)
    answer = portal.client().post("/login", {"email": admin.email, "password": PASSWORD})
    assert answer.status_code == 403
    assert CHANGED in answer.text
    with portal.database.reading() as session:
        assert session.scalars(select(UserSession)).all() == []
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "user:kept_out")).one()
        assert entry.details["is_intact"] is False


def test_a_session_that_was_ended_cannot_be_revived(portal: Portal) -> None:
    client = portal.client(portal.create_user(ADMIN))
    stolen = client.client.get_cookie("session") or client.client.get_cookie("sqlhosting")
    client.post("/logout")
    run(portal, "UPDATE user_sessions SET ended_at = NULL")
    thief = portal.app.test_client()
    if stolen is not None:
        thief.set_cookie(stolen.key, stolen.value)
    assert thief.get("/").status_code == 302


def test_no_api_token_comes_from_the_database(portal: Portal) -> None:
    admin = portal.create_user(ADMIN)
    secret = f"sqlh_{'x' * 43}"
    run(
        portal,
        "INSERT INTO api_tokens (id, user_id, name, token_hash, sees_secrets, created_at)"
        " VALUES (:id, :user, 'forged', :hash, (1 = 1), :now)",
        id=new_id(), user=admin.id, hash=token_hash(secret), now=now().replace(tzinfo=None),
    )  # fmt: skip
    assert asked(portal, secret) == 401


@pytest.mark.parametrize(
    "change",
    [
        "sees_secrets = (1 = 1)",
        "user_id = (SELECT id FROM users WHERE role = 'admin')",
        "expires_at = '2999-01-01 00:00:00'",
    ],
)
def test_a_token_that_was_changed_works_no_more(portal: Portal, change: str) -> None:
    portal.create_user(ADMIN)
    token_id, secret = a_token(portal, portal.create_user(OPERATOR))
    assert asked(portal, secret) == 200
    run(portal, f"UPDATE api_tokens SET {change} WHERE id = :id", id=token_id)
    assert asked(portal, secret) == 401


def test_a_revoked_token_cannot_be_revived(portal: Portal) -> None:
    user = portal.create_user(ADMIN)
    token_id, secret = a_token(portal, user)
    portal.client(user).post(f"/account/tokens/{token_id}/revoke")
    run(portal, "UPDATE api_tokens SET revoked_at = NULL")
    assert asked(portal, secret) == 401


def test_an_admin_changes_nobody_whose_row_was_changed(portal: Portal) -> None:
    """Changing it signs it: what somebody wrote into it would count from then on."""
    admin = portal.client(portal.create_user(ADMIN))
    user = portal.create_user()
    run(portal, "UPDATE users SET role = 'operator' WHERE id = :id", id=user.id)
    for path, form in (
        ("role", {"role": "viewer"}),
        ("trust", {"trusted": "yes"}),
        ("disable", {"reason": "no more"}),
    ):
        answer = admin.post(f"/users/{user.id}/{path}", form)
        assert answer.status_code == 409, path
        assert CHANGED in answer.text
    page = admin.get(f"/users/{user.id}").text
    assert CHANGED in page
    assert "sqlhosting key sign" in page
    assert command(
        portal, "user", "reset-password", user.email, "--password-file", "-", typed="a new password"
    ).exit_code
    with portal.database.reading() as session:
        assert not user_by_id(session, user.id).is_intact


@pytest.mark.parametrize(
    ("table", "change", "named"),
    [
        ("instances", "host = '203.0.113.9'", "The instance sql01"),
        ("instances", "port = 1434", "The instance sql01"),
        ("instances", "instance_name = 'OTHER'", "The instance sql01"),
        ("instances", "trust_server_certificate = (1 = 0)", "The instance sql01"),
        ("instances", "customer_host = '203.0.113.9'", "The instance sql01"),
        ("instances", "seal = NULL", "The instance sql01"),
        ("pools", "elevated_account_id = :other", "The pool production"),
        ("elevated_accounts", "login_user = 'other'", "The elevated account"),
        (
            "elevated_accounts",
            "login_password = (SELECT login_password FROM elevated_accounts WHERE id = :other)",
            "The elevated account",
        ),
    ],
)
def test_no_password_is_sent_where_the_database_was_changed(
    portal: Portal, table: str, change: str, named: str
) -> None:
    other = portal.create_account(login_password="Other-word-1!")
    pool = portal.create_pool(name="production")
    instance = portal.create_instance(pool, name="sql01")
    token = a_token(portal, portal.create_user(ADMIN), sees_secrets=True)[1]
    assert asked(portal, token) == 200
    values = {"other": other.id} if ":other" in change else {}
    if table == "elevated_accounts":
        change, values = f"{change} WHERE id = :own", {**values, "own": pool.elevated_account_id}
    run(portal, f"UPDATE {table} SET {change}", **values)
    with portal.database.reading() as session, pytest.raises(NotLaunchable, match=f"{named}.*{CHANGED}"):
        run_inventory(session, None, instance.id)
    assert asked(portal, token) == 409
    home = portal.client(portal.create_user(OPERATOR)).get("/").text
    assert named in home
    assert "changed behind the platform" in home


def test_an_instance_counts_again_when_somebody_who_may_has_saved_it(portal: Portal) -> None:
    pool = portal.create_pool()
    instance = portal.create_instance(pool, name="sql01")
    run(portal, "UPDATE instances SET host = '203.0.113.9'")
    operator, admin = (portal.client(portal.create_user(role)) for role in (OPERATOR, ADMIN))
    path = f"/instances/{instance.id}"
    assert CHANGED in operator.get(path).text
    assert CHANGED in admin.get(f"{path}/edit").text
    refused = operator.post(f"{path}/edit", form_of(instance))
    assert (refused.status_code, "show that you know it" in refused.text) == (422, True)
    assert admin.post(f"{path}/edit", form_of(instance)).status_code == 302
    with portal.database.reading() as session:
        assert session.get_one(Instance, instance.id).is_intact
        assert run_inventory(session, None, instance.id)
    assert CHANGED not in operator.get(path).text


def test_an_account_counts_again_with_its_password_only(portal: Portal) -> None:
    account = portal.create_account()
    run(portal, "UPDATE elevated_accounts SET login_user = 'other'")
    admin = portal.client(portal.create_user(ADMIN))
    form = {"name": account.name, "login_user": "platform", "login_password": ""}
    refused = admin.post(f"/elevated-accounts/{account.id}/edit", form)
    assert (refused.status_code, "Type its password" in refused.text) == (422, True)
    assert (
        admin.post(f"/elevated-accounts/{account.id}/edit", {**form, "login_password": ELEVATED}).status_code
        == 302
    )
    with portal.database.reading() as session:
        assert session.get_one(ElevatedAccount, account.id).is_intact


def test_a_command_names_what_was_changed_and_another_signs_it(portal: Portal) -> None:
    admin = portal.create_user(ADMIN)
    instance = portal.create_instance(name="sql01")
    a_token(portal, admin)
    assert "Every signed row" in command(portal, "key", "verify").output
    run(portal, "UPDATE users SET role = 'viewer'")
    run(portal, "UPDATE instances SET host = '203.0.113.9'")
    found = command(portal, "key", "verify")
    assert found.exit_code == 1
    for word in (f"The user {admin.email}", "role=viewer", "The instance sql01", "host=203.0.113.9"):
        assert word in found.output
    for secret in (PASSWORD_HASH, ELEVATED):
        assert secret not in found.output
    assert "api token" not in found.output
    assert command(portal, "key", "sign", typed="n\n").exit_code == 1
    with portal.database.reading() as session:
        assert not session.get_one(Instance, instance.id).is_intact
    assert "Signed: 2." in command(portal, "key", "sign", typed="y\n").output
    assert command(portal, "key", "verify").exit_code == 0
    assert "Signed" not in command(portal, "key", "sign", "--yes").output
    with portal.database.reading() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "row:signed")).all()
        assert [entry.object_kind for entry in entries] == ["instance", "user"]
        assert entries[0].object_name == "The instance sql01"


def test_signed_rows_outlive_their_key_and_changed_ones_stay_changed(portal: Portal) -> None:
    user = portal.create_user(ADMIN)
    client = portal.client(user)
    secret = a_token(portal, user)[1]
    portal.create_instance(name="sql01")
    run(portal, "UPDATE instances SET port = 1434")
    new = Fernet.generate_key().decode("ascii")
    assert command(portal, "key", "rotate", keys=f"{new},{KEY}").exit_code == 0
    try:
        use_box(Box([new]))
        assert client.get("/").status_code == 200
        assert asked(portal, secret) == 409  # the instance
        with portal.database.reading() as session:
            assert session.scalars(select(User)).one().is_intact
            assert not session.scalars(select(Instance)).one().is_intact
    finally:
        use_box(Box([KEY]))


def test_an_older_platforms_rows_are_signed_after_the_upgrade(portal: Portal) -> None:
    portal.create_user(ADMIN)
    run(portal, "UPDATE users SET seal = NULL")
    assert "1 rows do not count" in command(portal, "database", "upgrade").output
    assert command(portal, "key", "sign", "--yes").exit_code == 0
    assert "do not count" not in command(portal, "database", "upgrade").output


def a_token(portal: Portal, user: User, *, sees_secrets: bool = False) -> tuple[str, str]:
    """Id and secret of a new API token."""
    with portal.database.transaction() as session:
        owner = user_by_id(session, user.id)
        made = create_token(
            session, Actor("user", owner.email, id=owner.id), owner, name="token", days=30,
            sees_secrets=sees_secrets,
        )  # fmt: skip
    return made.row.id, made.secret


def asked(portal: Portal, secret: str) -> int:
    """The status of the inventory for this token."""
    client = portal.app.test_client()
    return client.get("/api/v1/inventory", headers={"Authorization": f"Bearer {secret}"}).status_code


def form_of(instance: Instance) -> dict[str, Any]:
    """The form of an instance, as it was before somebody changed it."""
    return {
        "name": instance.name, "host": instance.host, "port": instance.port, "instance_name": "",
        "customer_host": instance.customer_host, "customer_port": instance.customer_port,
        "elevated_account_id": "", "trust_server_certificate": "y", "is_open": "y",
    }  # fmt: skip
