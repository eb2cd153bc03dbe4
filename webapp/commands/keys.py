"""``sqlhosting key``: make keys, seal everything with the newest."""

from __future__ import annotations

import click
from cryptography.fernet import Fernet

from webapp.approvals.policy_changes import seal_again
from webapp.audit.operations import Actor, record
from webapp.commands.opening import open_runtime, told
from webapp.platform.operations import rotate_keys


@click.group("key")
def key() -> None:
    """Keys that seal passwords in the platform database."""


@key.command("generate")
def generate() -> None:
    """Print a new key, for SQLHOSTING_ENCRYPTION_KEYS or SQLHOSTING_SECRET_KEY."""
    click.echo(Fernet.generate_key().decode("ascii"))


@key.command("rotate")
def rotate() -> None:
    """Seal everything with the first of SQLHOSTING_ENCRYPTION_KEYS, so that the others can be dropped."""
    runtime = open_runtime()
    with told(), runtime.database.transaction() as session:
        count = rotate_keys(session)
        seal_again(session)
        record(
            session, Actor("command", "sqlhosting key rotate"), "key:rotated", object_kind="key", values=count
        )
    click.echo(f"{count} values are sealed with the newest key; older keys can be removed from the settings.")
