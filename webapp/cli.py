"""The command ``sqlhosting``."""

from __future__ import annotations

import click

from webapp.commands.lazy import LazyGroup

COMMANDS = {
    "portal": "webapp.commands.portal:portal",
    "worker": "webapp.commands.engine:worker",
    "dispatcher": "webapp.commands.engine:dispatcher",
    "database": "webapp.commands.database:database",
    "key": "webapp.commands.keys:key",
    "audit": "webapp.commands.audit:audit",
    "user": "webapp.commands.users:user",
    "journal": "webapp.commands.journals:journal_group",
    "plan": "webapp.commands.journals:plan",
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def main() -> None:
    """Host SQL Server databases: portal, workers, and what playbooks sent."""
