# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What mssql_quota says of each database, and in one sentence of all."""

from __future__ import annotations

import json

from ansible_collections.sqlhosting.mssql.plugins.module_utils._result_size import MAX_CHARACTERS
from ansible_collections.sqlhosting.mssql.plugins.module_utils._values import mib_from_pages, word
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.decide import (
    KINDS,
    STATUSES,
    percent_of,
    status_of,
    total_max_mib,
    worst_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.options import Wish

_MAX_WARNINGS = 20  # shown by Ansible one by one; the notes of each database hold them all
_FEWEST_KEYS = (
    "name", "planned", "status", "percent", "data_used_mib", "data_allocated_mib", "data_limit_mib",
    "log_used_mib", "log_allocated_mib", "log_limit_mib",
)  # fmt: skip


class Measured:
    """One database as it was found: its row, files by kind, and used pages by kind (None: unknown)."""

    def __init__(self, row: dict, wish: Wish) -> None:
        self.row = row
        self.wish = wish
        self.files: dict = {kind: [] for kind in KINDS}
        self.used: dict = dict.fromkeys(KINDS)
        self.reason: str | None = None
        self.notes: list = []

    @property
    def name(self) -> str:
        return self.row["name"]

    def used_mib(self, kind: str) -> int | float | None:
        return mib_from_pages(self.used[kind])


def entry_of(database: Measured, params: dict) -> dict:
    """One entry of the result: used, allocated and most MiB of data and log, judged by the limits."""
    entry: dict = {"name": database.name, "planned": False, "state": word(database.row["state_desc"])}
    statuses = []
    for kind in KINDS:
        files = database.files[kind]
        used = database.used_mib(kind)
        maximum = total_max_mib(files) if files else None
        limit = database.wish.limits[kind] or maximum
        status = "unknown"
        if files and (used is not None or not database.reason):
            status = status_of(
                used, limit, warning=params["warning_percent"], critical=params["critical_percent"]
            )
        statuses.append(status)
        entry.update(
            {
                f"{kind}_status": status,
                f"{kind}_used_mib": used,
                f"{kind}_allocated_mib": mib_from_pages(sum(file.pages for file in files)) if files else None,
                f"{kind}_max_mib": maximum,
                f"{kind}_limit_mib": limit,
                f"{kind}_percent": percent_of(used, limit),
            }
        )
    percents = [entry[f"{kind}_percent"] for kind in KINDS if entry[f"{kind}_percent"] is not None]
    entry.update(
        status=worst_of(statuses),
        percent=max(percents, default=None),
        log_reuse_wait=word(database.row["log_reuse_wait_desc"]),
        reason=database.reason,
        notes=database.notes,
    )
    return entry


def planned_entry(name: str) -> dict:
    """A database that does not exist yet: nothing of it can be measured, so nothing is claimed."""
    entry: dict = {"name": name, "planned": True, "state": None}
    for kind in KINDS:
        entry[f"{kind}_status"] = "unknown"
        entry.update(
            dict.fromkeys(
                f"{kind}_{key}" for key in ("used_mib", "allocated_mib", "max_mib", "limit_mib", "percent")
            )
        )
    entry.update(
        status="unknown",
        percent=None,
        log_reuse_wait=None,
        reason="the database does not exist yet; an earlier task of this check-mode run would create it",
        notes=[],
    )
    return entry


def summary_of(session, entries: list, changes: list) -> str:
    """How many databases are in which status, the worst first and by name, and what was changed."""
    parts = []
    for status in reversed(STATUSES):
        names = [entry["name"] for entry in entries if entry["status"] == status]
        if names:
            shown = "" if status == "ok" else f" ({', '.join(names[:5])}{' …' if len(names) > 5 else ''})"
            parts.append(f"{len(names)} {status}{shown}")
    text = f"{session.instance}: {', '.join(parts) or 'no databases'}."
    if changes:
        verb = "would be changed" if session.check_mode else "were changed"
        text += f" {len(changes)} file settings {verb}."
    return text


def warnings_of(databases: list) -> dict:
    """The notes of all databases as ``warnings``, which Ansible shows; empty when there are none."""
    notes = [f"[{database.name}]: {note}" for database in databases for note in database.notes]
    more = len(notes) - _MAX_WARNINGS
    if more > 0:
        notes = [*notes[:_MAX_WARNINGS], f"and {more} more, in the notes of the databases"]
    return {"warnings": notes} if notes else {}


def fit_entries(entries: list, *, maximum: int = MAX_CHARACTERS) -> tuple:
    """(entries that are at most ``maximum`` characters of JSON, sentences on what was left out).

    ansible-runner empties results above 700,000 characters, silently. What is not ok stays longest.
    """
    omitted = []
    if len(json.dumps(entries)) > maximum:
        omitted.append("databases that are ok: only sizes, limits and percent; name some for every detail")
        entries = [_fewest(entry) if entry["status"] == "ok" else entry for entry in entries]
    if len(json.dumps(entries)) > maximum:
        omitted.append("databases: only sizes, limits and percent; name some for every detail")
        entries = [_fewest(entry) for entry in entries]
    if len(json.dumps(entries)) > maximum:
        omitted.append("databases that are ok: left out")
        entries = [entry for entry in entries if entry["status"] != "ok"]
    if len(json.dumps(entries)) > maximum:
        omitted.append("databases: only the first; name some to see them")
        entries = entries[: maximum // 300]
    return entries, omitted


def _fewest(entry: dict) -> dict:
    return {key: entry[key] for key in _FEWEST_KEYS}
