"""``sqlhosting journal`` and ``sqlhosting plan``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

import click
from rich.console import Console

from webapp.commands.lazy import LazyGroup
from webapp.statements.export import script_lines
from webapp.statements.journal import Journal, JournalError, Status, read_journal
from webapp.statements.plan import plan_from
from webapp.statements.report import print_report

_JOURNAL_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group("journal", cls=LazyGroup, lazy={"store": "webapp.commands.kept_journals:store"})
def journal_group() -> None:
    """Show the journal of a run, or store those that are kept."""


@journal_group.command("report")
@click.argument("file", type=_JOURNAL_FILE)
@click.option("--changes", is_flag=True, help="Only changing statements, planned or sent.")
@click.option("--failed", is_flag=True, help="Only what failed or has no known outcome.")
def report(file: Path, *, changes: bool, failed: bool) -> None:
    """Print every statement of the journal FILE with its outcome."""
    journal = _read(file)
    statements = [s for s in journal.statements if s.is_change or not changes]
    if failed:
        statements = [s for s in statements if s.status in (Status.ERROR, Status.UNKNOWN)]
    print_report(journal, statements, Console(file=sys.stdout, highlight=False))


@journal_group.command("sql")
@click.argument("file", type=_JOURNAL_FILE)
@click.option("--reads", is_flag=True, help="Also the statements that only read.")
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="Write here, not to stdout."
)
def sql(file: Path, *, reads: bool, output: TextIO) -> None:
    """Print the journal FILE as a script that sqlcmd can run."""
    for line in script_lines(_read(file), reads=reads):
        output.write(line + "\n")


@click.command("plan")
@click.argument("journal", type=_JOURNAL_FILE)
@click.option(
    "-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-", help="The plan file."
)
@click.option("--run", help="The run to take, when the journal holds several.")
def plan(journal: Path, *, output: TextIO, run: str | None) -> None:
    """Make a plan of a check-mode JOURNAL, for SQLHOSTING_APPROVED_PLAN."""
    found = _read(journal)
    try:
        made = plan_from(found, run=run)
    except JournalError as exc:
        raise click.ClickException(str(exc)) from exc
    failed = [s for s in found.statements if s.status in (Status.ERROR, Status.UNKNOWN)]
    if failed:
        click.echo(
            f"warning: {len(failed)} statements failed while planning; if the run failed too, the plan is "
            f"incomplete",
            err=True,
        )
    json.dump(made, output, ensure_ascii=False, indent=2)
    output.write("\n")
    click.echo(f"{len(made['statements'])} statements, hash {made['hash']}", err=True)


def _read(path: Path) -> Journal:
    try:
        return read_journal(path)
    except JournalError as exc:
        raise click.ClickException(str(exc)) from exc
