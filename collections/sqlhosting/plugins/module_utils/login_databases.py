# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which databases can be entered to look for, make or drop users."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseNotReady,
    PermissionDenied,
)

READ_WRITE = "READ_WRITE"  # DATABASEPROPERTYEX(name, 'Updateability')


def problem_of(row: dict) -> str | None:
    """Why users of this database cannot be changed now, or None. ``row`` is of template user/databases."""
    if row["state"] != "ONLINE":
        return str(row["state"]).lower()
    if not row["has_access"]:
        return "closed to this login"
    if row["updateability"] != READ_WRITE:
        return "read-only"
    return None


def require_open(row: dict) -> None:
    """Raise when users of the database cannot be looked at and changed."""
    problem = problem_of(row)
    if problem is None:
        return
    name = row["name"]
    if problem == "closed to this login":
        raise PermissionDenied(
            f"database [{name}] cannot be entered by this login",
            database=name,
            remedy="Grant it CONNECT ANY DATABASE and ALTER ANY USER there, or make it the database's owner.",
        )
    raise DatabaseNotReady(
        f"database [{name}] is {problem}, so its users cannot be changed",
        database=name,
        remedy="Bring it online and make it writable first; on a secondary replica, ask the primary.",
    )
