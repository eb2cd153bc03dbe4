"""Keys: a wrong one stops every process at its start; rotation makes the old one superfluous."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import undefer

from tests.support.portal import KEY, NO_REDIS, SECRET_KEY, Portal, settings_for
from webapp.app import create_app
from webapp.applications.models import Application, ApplicationLogin
from webapp.audit.models import AuditEntry
from webapp.cli import main
from webapp.database import Base, Database
from webapp.platform.operations import PlatformNotReady
from webapp.pools.models import ElevatedAccount
from webapp.runtime import create_runtime
from webapp.sealing import Box, SealingError, use_box

NEW = Fernet.generate_key().decode("ascii")
SECRET = "Elevated-word-1 ünï"

SEALED = {  # columns
    ("bookings", "secret"), ("application_logins", "password"), ("elevated_accounts", "login_password"),
}  # fmt: skip


def environment(url: str, keys: str) -> dict[str, str]:
    """What a process is told."""
    return {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": keys,
        "SQLHOSTING_DATABASE_URL": url,
        "SQLHOSTING_REDIS_URL": NO_REDIS,
    }


def run(url: str, keys: str, *arguments: str) -> Result:
    """A command in this process."""
    return CliRunner().invoke(main, list(arguments), env=environment(url, keys))


def sealed_texts(url: str) -> list[tuple[str, str]]:
    """Every sealed value as the database holds it, behind what it was sealed for."""
    engine = create_engine(url)
    found: list[tuple[str, str]] = []
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                if (table.name, column.name) in SEALED:
                    query = f"SELECT id, {column.name} FROM {table.name} WHERE {column.name} IS NOT NULL"
                    rows = connection.execute(text(query)).all()
                    found += [(f"{table.name}.{column.name}:{row_id}", value) for row_id, value in rows]
        found += [("", value) for value in connection.execute(text("SELECT sealed FROM key_check")).scalars()]
    engine.dispose()
    return found


@pytest.mark.parametrize("command", ["portal", "worker", "dispatcher"])
def test_a_wrong_key_stops_every_process_and_says_why(database_url: str, command: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", "from webapp.cli import main; main()", command],
        env={**os.environ, **environment(database_url, NEW)}, capture_output=True, text=True, timeout=90,
        check=False,
    )  # fmt: skip
    assert process.returncode == 1, process.stderr
    assert "holds none of the keys that this platform database was sealed with" in process.stderr
    assert "Traceback" not in process.stderr
    assert NEW not in process.stderr + process.stdout


def test_looking_for_a_database_that_is_not_there_does_not_make_one(tmp_path: Path) -> None:
    file = tmp_path / "mistyped" / "platform.db"
    process = subprocess.run(
        [sys.executable, "-c", "from webapp.cli import main; main()", "database", "check"],
        env={**os.environ, **environment(f"sqlite:///{file}", KEY)}, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert process.returncode == 1
    assert f"there is no platform database {file}" in process.stderr
    assert not file.parent.exists()


def test_the_web_application_refuses_to_be_made_with_a_wrong_key(database_url: str) -> None:
    with pytest.raises(PlatformNotReady, match="put the right key there"):
        create_app(settings_for(database_url, encryption_keys=NEW))
    use_box(Box([KEY]))


def test_keys_are_rotated_by_a_command_and_the_old_one_can_go(portal: Portal) -> None:
    url = portal.settings.database_url.get_secret_value()
    account = portal.create_account(login_password=SECRET)
    pool = portal.create_pool(elevated_account_id=account.id)
    customer = portal.create_user()
    with portal.database.transaction() as session:
        application = Application(
            name="shop", name_key="shop", customer_id=customer.id, pool_id=pool.id, owner_sid="0x00"
        )
        session.add(application)
        session.flush()
        session.add_all(
            ApplicationLogin(
                application_id=application.id, name=name, name_key=name, sid="0x00", password=password
            )
            for name, password in (("shop_app", "Word-of-shop-1"), ("shop_none", None))
        )
    old = Box([KEY])
    before = sealed_texts(url)
    assert len(before) == 3
    assert all(old.open(each, purpose=purpose) for purpose, each in before)
    assert SECRET not in "".join(each for _, each in before)

    result = run(url, f"{NEW},{KEY}", "key", "rotate")
    assert result.exit_code == 0, result.output
    assert "2 values are sealed with the newest key" in result.output

    new = Box([NEW])
    after = sealed_texts(url)
    assert sorted(new.open(each, purpose=purpose) for purpose, each in after) == sorted(
        old.open(each, purpose=purpose) for purpose, each in before
    )
    for purpose, each in after:
        with pytest.raises(SealingError):
            old.open(each, purpose=purpose)
    assert run(url, NEW, "database", "check").exit_code == 0
    assert run(url, KEY, "database", "check").exit_code == 1

    runtime = create_runtime(settings_for(url, encryption_keys=NEW))
    with runtime.database.reading() as session:
        query = select(ElevatedAccount).options(undefer(ElevatedAccount.login_password_sealed))
        assert session.scalars(query).one().login_password == SECRET
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "key:rotated")).all()
        assert [entry.details for entry in entries] == [{"values": 2}]
    runtime.database.dispose()
    use_box(Box([KEY]))


def test_a_rotation_that_cannot_open_a_value_changes_nothing(portal: Portal) -> None:
    url = portal.settings.database_url.get_secret_value()
    portal.create_account(login_password=SECRET)
    broken = portal.create_account()
    with portal.database.transaction() as session:
        session.execute(
            text("UPDATE elevated_accounts SET login_password = 'broken' WHERE id = :id"), {"id": broken.id}
        )
    before = sealed_texts(url)
    result = run(url, f"{NEW},{KEY}", "key", "rotate")
    assert result.exit_code == 1
    assert "does not open with the keys" in result.output
    assert sealed_texts(url) == before
    use_box(Box([KEY]))


def test_a_sealed_value_opens_in_its_own_column_only(portal: Portal) -> None:
    """Who writes to the database shows themselves no elevated account's password by copying it."""
    account = portal.create_account(login_password=SECRET)
    customer = portal.create_user()
    pool = portal.create_pool(elevated_account_id=account.id)
    with portal.database.transaction() as session:
        application = Application(
            name="shop", name_key="shop", customer_id=customer.id, pool_id=pool.id, owner_sid="0x00"
        )
        session.add(application)
        session.flush()
        login = ApplicationLogin(
            application_id=application.id, name="app", name_key="app", sid="0x00", password="Word-of-shop-1"
        )
        session.add(login)
        session.flush()
        copied = text(
            "UPDATE application_logins SET password = (SELECT login_password FROM elevated_accounts)"
        )
        session.execute(copied)
    answer = portal.client(customer).post(f"/applications/{application.id}/logins/{login.id}/password")
    assert answer.status_code == 409
    assert SECRET not in answer.text
    assert "changed in the platform database" in answer.text


def test_a_generated_key_fits_both_settings(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["key", "generate"])
    key = result.output.strip()
    url = f"sqlite:///{tmp_path / 'new.db'}"
    assert settings_for(url, encryption_keys=key, secret_key=key).encryption_keys[0].get_secret_value() == key


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://platform:Word-of-db-1@127.0.0.1:1/platform",
        "postgresql+psycopg://platform@127.0.0.1:1/platform?password=Word-of-db-1",
        "postgresql+psycopg://platform:a%40Word-of-db-1@127.0.0.1:1/platform",
        "mssql+pyodbc:///?odbc_connect=DRIVER%3DFreeTDS%3BSERVER%3D127.0.0.1%3BPORT%3D1%3BPWD%3DWord-of-db-1",
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(url: str) -> None:
    result = run(url, KEY, "database", "check")
    assert result.exit_code == 1
    assert "does not answer" in result.output
    assert "SQLHOSTING_DATABASE_URL" in result.output
    assert "Word-of-db-1" not in result.output


def test_without_a_key_in_use_nothing_is_sealed(database_url: str) -> None:
    database = Database(database_url)
    use_box(Box([NEW]))  # a process whose settings do not fit and that did not check
    with database.transaction() as session:
        session.add(ElevatedAccount(name="a", login_user="platform", login_password=SECRET))
    use_box(Box([KEY]))
    with (
        database.reading() as session,
        pytest.raises(SealingError, match="the key that sealed it is missing"),
    ):
        _ = session.scalars(select(ElevatedAccount)).one().login_password
    database.dispose()
