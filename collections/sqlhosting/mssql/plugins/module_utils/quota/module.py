# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_quota: measure the space of databases, judge it by limits, and let no file grow beyond them."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import apply_changes
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseMissing,
    DatabaseNotReady,
    InvalidInput,
    PermissionDenied,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import is_system_database
from ansible_collections.sqlhosting.mssql.plugins.module_utils._rights import (
    DATABASES,
    FILES,
    STATE,
    Rights,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.decide import (
    KINDS,
    LARGEST_FILE_MIB,
    QuotaFile,
    apply_to_files,
    decide_limit,
    files_for_diff,
    room_problem,
    worst_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.measure import measure_used
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.options import (
    ARGUMENT_SPEC,
    SPEC_RULES,
    Wish,
    wishes_from,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.report import (
    Measured,
    entry_of,
    fit_entries,
    planned_entry,
    summary_of,
    warnings_of,
)

__all__ = ["ARGUMENT_SPEC", "SPEC_RULES", "run"]


_SHRINK = "Shrink the files first (DBCC SHRINKFILE), or raise the limit."
_REMEDIES = {
    5040: f"The file has grown since it was measured. {_SHRINK}",
    5169: "The file's FILEGROWTH is more than its limit: lower it first (mssql_database).",
}


def run(session, params: dict) -> dict:
    """Measure, judge and, when asked, enforce; the module's result. Raises :class:`MssqlError`."""
    default, wishes = wishes_from(params)
    databases, planned = _measure(session, default, wishes)
    changes: list = []
    before: dict = {}
    after: dict = {}
    if params["enforce"]:
        _refuse_what_cannot_be_enforced(databases, params)
        for database in databases:
            changes += _decide(database, before, after)
    for database in databases:
        _note_volumes(database)
    apply_changes(session, changes, _REMEDIES)
    entries = [entry_of(database, params) for database in databases] + [
        planned_entry(name) for name in planned
    ]
    entries.sort(key=lambda entry: entry["name"])
    shown, omitted = fit_entries(entries)
    worst = worst_of([entry["status"] for entry in entries if not entry["planned"]])
    return session.result(
        changed=bool(changes),
        summary=summary_of(session, entries, changes),
        before=before,
        after=after,
        databases=shown,
        omitted=omitted,
        worst=worst,
        **warnings_of(databases),
    )


# -- measuring -------------------------------------------------------------------------------------------


def _measure(session, default: Wish, named: list | None) -> tuple:
    """(the databases as found, names of those that an earlier task of this check-mode run would create)."""
    rights = Rights(session.read("instance/identity", database="master")[0])
    wishes, planned = None, []
    if named is not None:
        wishes, planned = _find(session, named)
        if not wishes:
            return [], planned
    elif rights.missing(DATABASES):
        raise PermissionDenied(
            "the login cannot see all databases",
            instance=session.instance,
            remedy=f"Grant the login {rights.missing(DATABASES)}, or name the databases.",
        )
    ids = sorted(wishes or ())  # empty: all
    databases = []
    for row in session.read("instance/databases", database="master", database_ids=ids):
        # A snapshot's files are sparse and have no limits of their own.
        skipped = row["source_database_id"] is not None or is_system_database(row["name"])
        if wishes is not None or not skipped:
            databases.append(Measured(row, wishes[row["database_id"]] if wishes else default))
    if databases:
        _add_files(session, databases, rights, ids)
        _add_used(session, databases, rights)
    return databases, planned


def _find(session, named: list) -> tuple:
    """(database id → wish, names of planned databases). Names compare as the server compares them."""
    rows = session.read("quota/find", database="master", names=[wish.name for wish in named]) if named else []
    ids = {row["position"]: row["database_id"] for row in rows}
    wishes: dict = {}
    planned, missing = [], []
    for position, wish in enumerate(named):
        database_id = ids.get(position)
        if database_id is None:
            (planned if session.is_planned(f"database:{wish.name}") else missing).append(wish.name)
        elif database_id in wishes:
            raise InvalidInput(
                field="databases.name",
                problem=f"{wish.name!r} and {wishes[database_id].name!r} are one database",
                remedy="Name it once.",
            )
        else:
            wishes[database_id] = wish
    if missing:
        raise DatabaseMissing(
            f"there is no database {', '.join(f'[{name}]' for name in missing)}, or the login may not see it",
            instance=session.instance,
            remedy="Take it out of the option databases, or create it first.",
        )
    return wishes, planned


def _add_files(session, databases: list, rights: Rights, ids: list) -> None:
    right = rights.missing(FILES)
    if right:
        for database in databases:
            database.reason = f"the login may not see the files of databases; GRANT {right} shows them"
        return
    volumes = rights.missing(STATE) is None
    rows = session.read("instance/files", database="master", volumes=volumes, database_ids=ids)
    by_id = {database.row["database_id"]: database for database in databases}
    for row in rows:
        file = QuotaFile(row)
        if row["database_id"] in by_id and file.kind:
            by_id[row["database_id"]].files[file.kind].append(file)


def _add_used(session, databases: list, rights: Rights) -> None:
    used, reasons = measure_used(
        session, [database.row for database in databases], counters=rights.missing(STATE) is None
    )
    for database in databases:
        database_id = database.row["database_id"]
        database.used.update(used.get(database_id, {}))
        reason = reasons.get(database_id)
        if reason is None and database.used["data"] is None:
            reason = "the server gave no figure for the used space"
        database.reason = database.reason or reason


# -- enforcing -------------------------------------------------------------------------------------------


def _refuse_what_cannot_be_enforced(databases: list, params: dict) -> None:
    """Every reason to stop, before anything is changed."""
    below = []
    for database in databases:
        named = database.wish.name is not None
        if named and database.row["state_desc"] != "ONLINE":
            raise DatabaseNotReady(
                f"the limits cannot be enforced: {database.reason}",
                database=database.name,
                remedy="Bring it online first, or take it out of the option databases.",
            )
        if not any(database.files.values()):
            raise PermissionDenied(
                f"the limits cannot be enforced: {database.reason}", database=database.name
            )
        for kind, limit in database.wish.limits.items():
            if limit is None:
                continue
            most = LARGEST_FILE_MIB[kind] * len(database.files[kind])
            if limit > most:
                raise InvalidInput(
                    field=f"{kind}_limit",
                    problem=f"[{database.name}]: {format_mib(limit)} is more than its {kind} files can hold "
                    f"({format_mib(most)})",
                    remedy="Give a smaller limit.",
                )
            used = database.used_mib(kind)
            if used is not None and limit < used:
                below.append(
                    (kind, f"[{database.name}] uses {format_mib(used)} of {kind}, limit {format_mib(limit)}")
                )
    if below and params["limit_below_use"] == "fail":
        raise InvalidInput(
            field=f"{below[0][0]}_limit",
            problem=f"less than what is used: {'; '.join(text for _kind, text in below)}",
            remedy="Nothing was changed. Raise the limit, free the space, or keep the files from growing "
            "(limit_below_use: hold).",
        )


def _decide(database: Measured, before: dict, after: dict) -> list:
    """The changes for one database; fills the diff and brings ``database`` to what it is after them."""
    if database.row["state_desc"] != "ONLINE":
        database.notes.append(f"no limit was enforced: {database.reason}")
        return []
    changes: list = []
    was = {}
    for kind, limit in database.wish.limits.items():
        files = database.files[kind]
        if limit is None:
            continue
        allocated = sum(file.allocated_mib for file in files)
        if allocated > limit:
            database.notes.append(
                f"its {kind} files take {format_mib(allocated)}, more than the limit {format_mib(limit)}: "
                f"they are kept from growing, but stay. {_SHRINK}"
            )
        decided = decide_limit(database.name, files, limit)
        if decided:
            was.update(files_for_diff(files))
            apply_to_files(files, decided)
            changes += decided
    if changes:
        before[database.name] = was
        after[database.name] = {
            name: state
            for kind in KINDS
            for name, state in files_for_diff(database.files[kind]).items()
            if name in was
        }
    return changes


def _note_volumes(database: Measured) -> None:
    if database.row["state_desc"] != "ONLINE":
        return
    for kind, limit in database.wish.limits.items():
        if limit is not None and database.files[kind]:
            problem = room_problem(kind, database.files[kind], limit)
            if problem:
                database.notes.append(problem)
