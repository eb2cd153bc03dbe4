# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a login and its users own: handed to dbo as part of the plan, or told before the first change.

What keeps them from being dropped, and what can be handed over: "DROP USER", "DROP LOGIN" and "ALTER
AUTHORIZATION" on Microsoft Learn.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InUse, PermissionDenied

# Each database of one read brings some twenty branches of UNION ALL: more would take long to compile.
_DATABASES_PER_READ = 8
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
    "CONTEXT": (
        "is the one as whom modules or queues run, which would keep it from being dropped (15136)",
        "Drop them, or alter them to EXECUTE AS CALLER or another user, then run again.",
    ),
    # Compiled code: nobody who approves a plan can read what dbo would own.
    "ASSEMBLY": (
        "owns assemblies, which are not handed over unseen",
        "Drop them, or look at them and give them another owner (ALTER AUTHORIZATION), then run again.",
    ),
    "QUEUE": ("owns queues, which cannot be handed over", "Drop them, then run again."),
    "NOTIFICATION": (
        "owns event notifications, which cannot be handed over",
        "Drop them (DROP EVENT NOTIFICATION), then run again.",
    ),
}


def read_owned(session, databases: list, sid: str) -> list:
    """The rows of ``user/owned``: what the SID's users in these databases own."""
    rows = []
    for start in range(0, len(databases), _DATABASES_PER_READ):
        part = databases[start : start + _DATABASES_PER_READ]
        rows += session.read("user/owned", database="master", databases=part, sid=sid)
    return rows


def decide_hand_over(login: str, rows: list) -> list:
    """ALTER AUTHORIZATION for what a login's users own; ``rows`` of ``user/owned``.

    Raises :class:`InUse`, with names, for what cannot be handed over.
    """
    for kind, (problem, remedy) in _REFUSED.items():
        found = [row for row in rows if row["kind"] == kind]
        if found:
            names = ", ".join(f"{_name(row)} in [{row['database_name']}]" for row in found)
            raise InUse(
                f"login [{login}] {problem}: {names}",
                database=found[0]["database_name"],
                remedy=remedy,
            )
    return [
        Change(
            "user/hand_over",
            f"hand the {row['kind'].lower()} {named(_name(row))} in {named(row['database_name'])} to `dbo`",
            database=row["database_name"],
            object=f"{row['kind'].lower()}:{row['database_name']}/{_name(row)}",
            kind=row["kind"],
            schema=row["schema_name"],
            name=row["name"],
        )
        for row in rows
    ]


def _name(row: dict) -> str:
    return row["name"] if row["schema_name"] is None else f"{row['schema_name']}.{row['name']}"


def refuse_owner_of_server_objects(session, login: str) -> list:
    """What DROP LOGIN would answer with 15141, 15170 or 15173, before any user is dropped.

    Gives notes: what could not be looked at.
    """
    rows = session.read("login/owned", database="master", name=login)
    if rows:
        names = ", ".join(f"{row['kind']} [{row['name']}]" for row in rows)
        raise InUse(
            f"login [{login}] cannot be dropped, it stands behind: {names}",
            remedy="Hand these to another login, or drop them; revoke what it gave; then run again.",
        )
    try:
        jobs = session.read("login/jobs", database="master", name=login)
    except PermissionDenied:
        return [
            "Whether it owns jobs of SQL Server Agent is unknown: this session may not read msdb's tables."
        ]
    if jobs:
        # Never handed to sa: their steps would run with every right.
        raise InUse(
            f"login [{login}] owns jobs of SQL Server Agent: {', '.join(job['name'] for job in jobs)}",
            remedy="Look at them, then delete them or give them another owner (msdb.dbo.sp_update_job).",
        )
    return []
