# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a login and its users own: handed to dbo as part of the plan, or told before the first change."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InUse

_HANDED_OVER = ("SCHEMA", "ROLE")
_REFUSED = {
    # Such a module would run with dbo's rights: whoever may call it could raise the quota.
    "MODULE": (
        "has modules that run as the owner of their schema, which would be dbo",
        "Drop these modules, or alter them to EXECUTE AS CALLER, then run again.",
    ),
    "GRANT": (
        "gave permissions to others, which would keep it from being dropped (15284)",
        "Revoke what it gave (see sys.database_permissions), then run again.",
    ),
}


def decide_hand_over(login: str, rows: list) -> list:
    """ALTER AUTHORIZATION for the schemas and roles that a login's users own; ``rows`` of ``user/owned``.

    Raises :class:`InUse`, with names, for what cannot be handed over (DROP USER on Microsoft Learn).
    """
    for kind, (problem, remedy) in _REFUSED.items():
        found = [row for row in rows if row["kind"] == kind]
        if found:
            names = ", ".join(f"{row['name']} in [{row['database_name']}]" for row in found)
            raise InUse(
                f"login [{login}] {problem}: {names}",
                database=found[0]["database_name"],
                remedy=remedy,
            )
    return [
        Change(
            "user/hand_over",
            f"hand the {row['kind'].lower()} {named(row['name'])} in {named(row['database_name'])} to `dbo`",
            database=row["database_name"],
            object=f"{row['kind'].lower()}:{row['database_name']}/{row['name']}",
            kind=row["kind"],
            name=row["name"],
        )
        for row in rows
        if row["kind"] in _HANDED_OVER
    ]


def refuse_owner_of_server_objects(session, login: str) -> None:
    """What DROP LOGIN would answer with 15141 or 15173, before any user is dropped."""
    rows = session.read("login/owned", database="master", name=login)
    if rows:
        names = ", ".join(f"{row['kind']} [{row['name']}]" for row in rows)
        raise InUse(
            f"login [{login}] cannot be dropped, it stands behind: {names}",
            remedy="Hand roles and endpoints to another login, revoke what it gave, then run again.",
        )
