"""``sqlhosting database``: bring the platform database to this version's schema."""

from __future__ import annotations

import click

from webapp.accounts.restored import ADMINS, accept_backup, what_is_older
from webapp.applications.measuring import measure_by_schedule
from webapp.audit.models import AuditHead
from webapp.audit.operations import Actor
from webapp.commands.opening import open_runtime, told
from webapp.platform import operations
from webapp.platform.ownership import audit_memory


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


@database.command("accept-backup")
@click.option("--admin", "admins", multiple=True, metavar="EMAIL", help="Given twice; asked for otherwise.")
def accept(admins: tuple[str, ...]) -> None:
    """Let an older platform database count that was restored on purpose. Two admins type their passwords.

    Run it on each machine of the platform: each remembers what it has seen.
    """
    runtime = open_runtime()
    memory = audit_memory(runtime.settings, operations.check_platform(runtime.database))
    with told(), runtime.database.transaction() as session:
        for text in what_is_older(session, memory):
            click.echo(f"- {text}")
        emails = [*admins, *(click.prompt("E-mail of an admin") for _ in range(ADMINS - len(admins)))]
        given = [(email, click.prompt(f"Password of {email}", hide_input=True)) for email in emails]
        actor = Actor("command", "sqlhosting database accept-backup")
        accept_backup(session, actor, memory, admins=given)
    with told(), runtime.database.reading() as session:
        head = session.get_one(AuditHead, 1)
        memory.accept(head.number, head.hash)
    click.echo(
        "The database counts as it is. Look at its users, policies and accounts: they are those of then."
    )


@database.command("check")
def check() -> None:
    """Say whether the platform could start: database, migration, keys."""
    open_runtime()
    click.echo("The platform database answers, is up to date, and the keys fit.")
