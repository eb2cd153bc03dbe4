"""``sqlhosting journal store``: bring what kept journals hold into the platform database."""

from __future__ import annotations

import sys

import click
from sqlalchemy.exc import DBAPIError

from webapp.commands.opening import open_worker_runtime, told
from webapp.jobs.kept_journals import prove_all


@click.command("store")
def store() -> None:
    """Store what the kept journals of this machine hold and the platform database lacks; status 1 if not all.

    Workers do so by themselves every ten minutes; run it after a cause was mended.
    """
    runtime = open_worker_runtime()
    try:
        with told():
            proof = prove_all(runtime)
    except DBAPIError as exc:
        raise click.ClickException(
            f"the platform database does not take them now ({type(exc).__name__}): nothing is lost, try again"
        ) from None
    journals = "1 journal" if proof.journals == 1 else f"{proof.journals} journals"
    lines = "1 line" if proof.lines_stored == 1 else f"{proof.lines_stored} lines"
    click.echo(f"{journals} looked through, {lines} stored that had been missing.")
    for journal in proof.unstored:
        click.echo(f"{journal.path} holds lines that cannot be stored.", err=True)
    for journal in proof.unknown:
        click.echo(f"{journal.path} is of a job that this platform database does not know.", err=True)
    if proof.unstored or proof.unknown:
        sys.exit(1)
