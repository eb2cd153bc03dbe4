"""``sqlhosting key``: make keys, seal everything with the newest, find and sign what somebody changed."""

from __future__ import annotations

import sys
from typing import Any

import click
from cryptography.fernet import Fernet
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import Session

from webapp.audit.operations import Actor, record
from webapp.commands.opening import open_runtime, told
from webapp.errors import Conflict
from webapp.platform.operations import changed_rows, rotate_keys
from webapp.platform.row_seals import accept_set, kinds_with_head, older_sets, set_problems
from webapp.sealing import Sealed
from webapp.signed_rows import RESTORED, name_of, sign, word_of


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
        rows, missing = changed_rows(session), _missing(session)
        _show(rows, missing)
    if rows or missing:
        sys.exit(1)


@key.command("sign")
@click.option("--yes", is_flag=True, help="Do not ask.")
def sign_rows(*, yes: bool) -> None:
    """Show the rows that 'key verify' names, and let them count as they are."""
    runtime = open_runtime()
    with told(), runtime.database.transaction() as session:
        if older := older_sets(session):
            raise Conflict(f"{'; '.join(older)}. {RESTORED}")
        rows, missing = changed_rows(session), _missing(session)
        _show(rows, missing)
        if not (rows or missing):
            return
        if not yes:
            click.confirm("Is all of it as it should be? Sign it?", abort=True)
        for row in rows:
            sign(session, row)
            record(
                session, Actor("command", "sqlhosting key sign"), "row:signed",
                object_kind=word_of(type(row)).replace(" ", "_"), object_id=row.id, object_name=name_of(row),
            )  # fmt: skip
        for kind, problems in missing.items():
            accept_set(session, kind)
            record(
                session, Actor("command", "sqlhosting key sign"), "set:signed",
                object_kind=word_of(kind).replace(" ", "_"), problems=problems,
            )  # fmt: skip
    click.echo(f"Signed: {len(rows)}." + (" What is missing counts as removed." if missing else ""))


def _missing(session: Session) -> dict[type[Any], list[str]]:
    """What is wrong with whole sets: rows that somebody removed, a head that was changed."""
    found = {kind: set_problems(session, kind) for kind in kinds_with_head()}
    return {kind: problems for kind, problems in found.items() if problems}


def _show(rows: list[Any], missing: dict[type[Any], list[str]]) -> None:
    for text in (text for problems in missing.values() for text in problems):
        click.echo(f"{text[0].upper()}{text[1:]}.")
    if not (rows or missing):
        click.echo("Every signed row is as the platform wrote it.")
    if not rows:
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
    is_sealed = isinstance(getattr(type(row), name), Sealed) or name.endswith("_sealed")
    return not is_sealed and not name.endswith("_hash") and name != "id"


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)
