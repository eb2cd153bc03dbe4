"""What the collection's decisions would send: the shipped templates rendered, as the journal shows them."""

from __future__ import annotations

from typing import Any

from ansible_collections.sqlhosting.mssql.plugins.module_utils import tsql

from tests.support.simulators import ROOT

TEMPLATES = ROOT / "collections" / "sqlhosting" / "mssql" / "templates" / "tsql"


def rendered(changes: list[Any]) -> list[str]:
    """The captured text of each change, its white space put on one line."""
    return [" ".join(render(change).captured.split()) for change in changes]


def render(change: Any) -> tsql.Rendered:
    """One change, rendered from its shipped template."""
    source = (TEMPLATES / f"{change.template}.sql.j2").read_text(encoding="utf-8")
    return tsql.render(source, change.values)


def nothing_planned(_thing: str) -> bool:
    """For decisions outside check mode."""
    return False
