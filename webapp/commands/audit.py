"""``sqlhosting audit``: whether the record of who did what is whole."""

from __future__ import annotations

import sys

import click

from webapp.audit.verification import verify_audit
from webapp.commands.opening import open_runtime, told
from webapp.platform.operations import check_platform
from webapp.platform.ownership import audit_memory, other_memories


@click.group("audit")
def audit() -> None:
    """The record of who did what."""


@audit.command("verify")
def verify() -> None:
    """Compare each entry with its hash, its seal and what this machine remembers; status 1 if one differs."""
    runtime = open_runtime()
    with told(), runtime.database.reading() as session:
        memory = audit_memory(runtime.settings, check_platform(runtime.database))
        report = verify_audit(session, memory)
    others = other_memories(memory)
    entries = "1 entry" if report.count == 1 else f"{report.count} entries"
    if not report.breaks and not others:
        remembered = memory.recall()
        seen = (
            f"this machine has seen number {remembered[0]}" if remembered else "this machine remembers none"
        )
        click.echo(f"The audit is whole: {entries}, each sealed; {seen}.")
        return
    click.echo(f"The audit is not whole. Of {entries}:", err=True)
    for text in report.breaks:
        click.echo(f"- {text}", err=True)
    for path in others:
        click.echo(
            f"- {path} remembers the audit of another platform: the id was changed in the database, or "
            "another platform used this data folder. If that is over for good, remove the file",
            err=True,
        )
    if report.omitted:
        click.echo(f"- and {report.omitted} more", err=True)
    click.echo("Look at who can write to the platform database, and compare with a backup.", err=True)
    sys.exit(1)
