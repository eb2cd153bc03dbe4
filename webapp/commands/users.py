"""``sqlhosting user``: the first admin, a forgotten password, who there is."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from webapp.accounts import operations
from webapp.accounts.models import PortalRole, User, UserState
from webapp.accounts.passwords import SHORTEST
from webapp.audit.operations import Actor
from webapp.commands.opening import open_runtime, told

_PASSWORD_FILE = click.option(
    "--password-file",
    metavar="FILE",
    help="Read the password from the first line of FILE; '-' is standard input. Asked for when omitted.",
)


@click.group("user")
def user() -> None:
    """Users of the portal. Passwords are asked for or read from a file, never given as arguments."""


@user.command("create-admin")
@click.option("--email", required=True, help="What the admin logs in with.")
@click.option("--name", required=True, help="What colleagues see.")
@_PASSWORD_FILE
def create_admin(email: str, name: str, password_file: str | None) -> None:
    """Make an admin who can log in at once; the first one cannot come from elsewhere."""
    runtime = open_runtime()
    password = _password(password_file)
    with told(), runtime.database.transaction() as session:
        made = operations.create_active_user(
            session,
            Actor("command", "sqlhosting user create-admin"),
            email=email,
            name=name,
            password=password,
            role=PortalRole.ADMIN,
        )
        made_email = made.email
    click.echo(f"{made_email} is an admin and can log in at {runtime.settings.public_url}/login")


@user.command("reset-password")
@click.argument("email")
@_PASSWORD_FILE
def reset_password(email: str, password_file: str | None) -> None:
    """Set the password of the user with EMAIL. All their sessions end."""
    runtime = open_runtime()
    password = _password(password_file)
    with told(), runtime.database.transaction() as session:
        actor = Actor("command", "sqlhosting user reset-password")
        ended = operations.reset_password(session, actor, email=email, password=password)
    click.echo(f"The password of {email} is set; sessions that were ended: {ended}.")


@user.command("list")
@click.option("--state", type=click.Choice([state.value for state in UserState]), help="Only these.")
def list_users(state: str | None) -> None:
    """Show the users, the newest last."""
    runtime = open_runtime()
    query = select(User).order_by(User.id)
    if state:
        query = query.where(User.state == UserState(state))
    table = Table("E-mail", "Name", "Role", "State", "Registered (UTC)", "Last log-in (UTC)", box=None)
    with runtime.database.reading() as session:
        for row in session.scalars(query):
            moments = (f"{at:%Y-%m-%d %H:%M}" if at else "–" for at in (row.created_at, row.last_login_at))
            table.add_row(row.email, row.name, row.role.value, row.state.value, *moments)
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)


def _password(file: str | None) -> str:
    """The password: from ``file``, standard input, or asked for twice on a terminal."""
    if file is None:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "there is no terminal to ask for the password: give --password-file FILE, "
                "or --password-file - to read it from standard input"
            )
        question = f"Password ({SHORTEST} characters or more)"
        return str(click.prompt(question, hide_input=True, confirmation_prompt=True))
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise click.ClickException(f"--password-file: {file} cannot be read: {reason}") from None
    lines = text.splitlines()
    if not lines:
        raise click.ClickException("--password-file: there is nothing in it")
    return lines[0]
