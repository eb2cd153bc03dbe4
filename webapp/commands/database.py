"""``sqlhosting database``: bring the platform database to this version's schema."""

from __future__ import annotations

import click

from webapp.applications.measuring import measure_by_schedule
from webapp.commands.opening import open_runtime, told
from webapp.platform import operations


@click.group("database")
def database() -> None:
    """The platform database."""


@database.command("upgrade")
def upgrade() -> None:
    """Create or bring up to date all tables. Running it again changes nothing."""
    runtime = open_runtime(is_checked=False)
    with told():
        operations.upgrade(runtime.database)
        operations.check_platform(runtime.database)
        with runtime.database.transaction() as session:
            measure_by_schedule(session)
        with runtime.database.reading() as session:
            unsigned = len(operations.changed_rows(session))
    click.echo(f"The platform database is at migration {operations.newest_revision()}.")
    if unsigned:
        click.echo(
            f"{unsigned} rows do not count until somebody has looked at them and signed them: "
            "run 'sqlhosting key sign'."
        )


@database.command("downgrade")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
def downgrade(revision: str, *, yes: bool) -> None:
    """Go back to REVISION. Tables that it does not know are removed with their rows; 'base' removes all."""
    runtime = open_runtime(is_checked=False)
    if not yes:
        click.confirm(f"Remove everything that migration {revision} does not know?", abort=True)
    with told():
        operations.check_reachable(runtime.database)
        operations.downgrade(runtime.database, revision)
    click.echo(f"The platform database is at migration {revision}.")


@database.command("check")
def check() -> None:
    """Say whether the platform could start: database, migration, keys."""
    open_runtime()
    click.echo("The platform database answers, is up to date, and the keys fit.")
