"""``sqlhosting key``: make keys, seal everything with the newest, find and sign what somebody changed."""

from __future__ import annotations

import sys
from typing import Any

import click
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table
from sqlalchemy import inspect

from webapp.audit.operations import Actor, record
from webapp.commands.opening import open_runtime, told
from webapp.platform.operations import changed_rows, rotate_keys
from webapp.sealing import Sealed
from webapp.signed_rows import name_of, sign, word_of


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
        record(
            session, Actor("command", "sqlhosting key rotate"), "key:rotated", object_kind="key", values=count
        )
    click.echo(f"{count} values are sealed with the newest key; older keys can be removed from the settings.")


@key.command("verify")
def verify() -> None:
    """Name the rows that were changed in the platform database, not by the platform; status 1 if any."""
    runtime = open_runtime()
    with told(), runtime.database.reading() as session:
        rows = changed_rows(session)
        _show(rows)
    if rows:
        sys.exit(1)


@key.command("sign")
@click.option("--yes", is_flag=True, help="Do not ask.")
def sign_rows(*, yes: bool) -> None:
    """Show the rows that 'key verify' names, and let them count as they are."""
    runtime = open_runtime()
    with told(), runtime.database.transaction() as session:
        rows = changed_rows(session)
        _show(rows)
        if not rows:
            return
        if not yes:
            click.confirm("Is each of them as it should be? Sign them all?", abort=True)
        for row in rows:
            sign(session, row)
            record(
                session, Actor("command", "sqlhosting key sign"), "row:signed",
                object_kind=word_of(type(row)).replace(" ", "_"), object_id=row.id, object_name=name_of(row),
            )  # fmt: skip
    click.echo(f"Signed: {len(rows)}.")


def _show(rows: list[Any]) -> None:
    if not rows:
        click.echo("Every signed row is as the platform wrote it.")
        return
    table = Table("What", "Was changed, or never signed; it says", box=None)
    for row in rows:
        said = ", ".join(
            f"{name}={_plain(getattr(row, name))}" for name in row.SIGNED if _is_shown(row, name)
        )
        table.add_row(name_of(row), said)
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)


def _is_shown(row: Any, name: str) -> bool:
    """Whether people may read the column: no password, no hash of one."""
    is_sealed = isinstance(inspect(type(row)).columns[name].type, Sealed)
    return not is_sealed and not name.endswith("_hash") and name != "id"


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)
