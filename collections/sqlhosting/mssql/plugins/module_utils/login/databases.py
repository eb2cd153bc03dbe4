# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which databases can be entered to look for, make or drop users."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseNotReady,
    PermissionDenied,
)

CLOSED = "closed to this login"
READ_WRITE = "READ_WRITE"  # DATABASEPROPERTYEX(name, 'Updateability')


def may_look(row: dict) -> bool:
    """Whether all users of the database can be seen."""
    return row["state"] == "ONLINE" and bool(row["has_access"] and row["may_alter_users"])


def problem_of(row: dict) -> str | None:
    """Why users of this database cannot be changed now, or None. ``row`` is of template user/databases."""
    if row["state"] != "ONLINE":
        return str(row["state"]).lower()
    if not row["has_access"] or not row["may_alter_users"]:
        return CLOSED
    if row["updateability"] != READ_WRITE:
        return "read-only"
    return None


def require_open(row: dict) -> None:
    """Raise when users of the database cannot be looked at and changed."""
    problem = problem_of(row)
    if problem is None:
        return
    name = row["name"]
    if problem == CLOSED:
        raise PermissionDenied(
            f"users of database [{name}] cannot be seen and changed by this login",
            database=name,
            remedy="It needs a user there with ALTER ANY USER, ALTER ANY ROLE and CONTROL, or db_owner.",
        )
    raise DatabaseNotReady(
        f"database [{name}] is {problem}, so its users cannot be changed",
        database=name,
        remedy="Bring it online and make it writable first; on a secondary replica, ask the primary.",
    )
