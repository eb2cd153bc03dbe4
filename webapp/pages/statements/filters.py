"""The filter of the search for statements, from its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime

from webapp.errors import InvalidInput
from webapp.statements.listing import StatementFilter
from webapp.statements.models import StatementKind, StatementStatus
from webapp.web.arguments import member, search_text


def typed_filter(arguments: Mapping[str, str]) -> dict[str, str]:
    """What stands in each field of the search, for the fields themselves; "" where nothing does."""
    return {one.name: search_text(arguments.get(one.name)) for one in fields(StatementFilter)}


def statement_filter(typed: Mapping[str, str]) -> StatementFilter:
    """What :func:`typed_filter` asks for. Raises InvalidInput."""
    kind, status = member(StatementKind, typed["kind"]), member(StatementStatus, typed["status"])
    if typed["kind"] and kind is None:
        raise InvalidInput("kind", f"{typed['kind']} is no kind of statement", "Choose read or change.")
    if typed["status"] and status is None:
        words = ", ".join(StatementStatus)
        raise InvalidInput("status", f"{typed['status']} is no status", f"Choose one of {words}.")
    return StatementFilter(
        q=typed["q"], instance=typed["instance"], database=typed["database"], kind=kind, status=status,
        sha256=typed["sha256"], job=typed["job"],
        since=moment_from("since", typed["since"]), until=moment_from("until", typed["until"]),
    )  # fmt: skip


def moment_from(field: str, text: str) -> datetime | None:
    """A moment in UTC, of ``2026-11-21`` or ``2026-11-21T14:30``, which are UTC; None when empty."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            field, f"{text} is no time", "Write it like 2026-11-21 or 2026-11-21T14:30."
        ) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
