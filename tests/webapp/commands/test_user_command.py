"""``sqlhosting user …``"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from tests.support.portal import KEY, NO_REDIS, SECRET_KEY, Portal
from tests.webapp.accounts.reading import actions, user_with
from webapp.accounts.models import PortalRole, UserState
from webapp.cli import main

PASSWORD = "a phrase for the first admin"
EMAIL = "first.admin@example.com"
CREATE = ["user", "create-admin", "--email", EMAIL, "--name", "First admin"]


def environment(portal: Portal) -> dict[str, str]:
    """What the command is told by its environment."""
    return {
        "SQLHOSTING_SECRET_KEY": SECRET_KEY,
        "SQLHOSTING_ENCRYPTION_KEYS": KEY,
        "SQLHOSTING_DATABASE_URL": portal.settings.database_url.get_secret_value(),
        "SQLHOSTING_REDIS_URL": NO_REDIS,
    }


def run(portal: Portal, *arguments: str, typed: str | None = None) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, list(arguments), input=typed, env=environment(portal))


def test_the_first_admin_comes_from_a_command_and_logs_in(portal: Portal, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nanything else\n", encoding="utf-8")
    result = run(portal, *CREATE, "--password-file", str(file))
    assert result.exit_code == 0, result.output
    assert "http://127.0.0.1:8080/login" in result.output
    assert PASSWORD not in result.output
    user = user_with(portal, EMAIL)
    assert user is not None
    assert (user.role, user.state) == (PortalRole.ADMIN, UserState.ACTIVE)
    assert actions(portal, user.id) == ["user:created"]
    client = portal.client()
    assert client.post("/login", {"email": EMAIL, "password": PASSWORD}).status_code == 302

    again = run(portal, *CREATE, "--password-file", "-", typed=PASSWORD)
    assert again.exit_code == 1
    assert "has an account already" in again.output

    new = "another phrase for the admin"
    reset = run(portal, "user", "reset-password", EMAIL.upper(), "--password-file", "-", typed=f"{new}\n")
    assert reset.exit_code == 0, reset.output
    assert "sessions that were ended: 1" in reset.output
    assert client.get("/").status_code == 302
    assert client.post("/login", {"email": EMAIL, "password": new}).status_code == 302

    listed = run(portal, "user", "list")
    assert listed.exit_code == 0
    assert EMAIL in listed.output
    assert "First admin" in listed.output
    assert EMAIL not in run(portal, "user", "list", "--state", "pending").output


def test_what_is_wrong_is_said_and_nothing_is_made(portal: Portal, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    cases = [
        ([*CREATE], None, "--password-file -"),
        ([*CREATE, "--password-file", "-"], "short", "Use 12 or more"),
        ([*CREATE, "--password-file", "-"], "", "there is nothing in it"),
        ([*CREATE, "--password-file", missing], None, "cannot be read"),
        ([*CREATE, "--password", PASSWORD], None, "No such option"),
        (["user", "create-admin", "--email", "no address", "--name", "x", "--password-file", "-"], PASSWORD,
         "name@example.com"),
        (["user", "create-admin", "--email", EMAIL, "--name", " ", "--password-file", "-"], PASSWORD,
         "No name is given"),
        (["user", "reset-password", "nobody@example.com", "--password-file", "-"], PASSWORD, "no user has"),
    ]  # fmt: skip
    for arguments, typed, problem in cases:
        result = run(portal, *arguments, typed=typed)
        assert result.exit_code != 0
        assert problem in result.output, result.output
    assert actions(portal) == []


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown(portal: Portal) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from webapp.cli import main; main()", *CREATE],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, **environment(portal)},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    for question in (b"Password (12 characters or more): ", b"Repeat for confirmation: "):
        while question not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, f"{PASSWORD}\n".encode())
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # the terminal is closed when the command has ended
    os.close(ours)
    assert process.wait(60) == 0, seen
    assert PASSWORD.encode() not in seen
    assert user_with(portal, EMAIL) is not None
