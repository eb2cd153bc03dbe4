# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of the files of many databases is used, in few statements.

Only a database itself knows what is used of its files (FILEPROPERTY works in the current database), so each
is asked in its own context, many in one batch. A database that cannot be entered is unknown, with its reason.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils import tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    ConnectionFailed,
    JournalUnavailable,
    OutcomeUnknown,
    StatementFailed,
    TemplateError,
)

KIB_PER_PAGE = 8
DATABASES_PER_BATCH = 100  # some 35 kB of text; a batch is compiled anew each time, so it should not be huge

_NOT_ENTERED = {
    916: "the login has no access to the database (GRANT CONNECT ANY DATABASE gives it)",
    927: "the database is being restored",
    942: "the database is offline",
    945: "files or memory of the database are not accessible",
    976: "the database is on a secondary replica that is not readable; ask the primary",
    978: "the secondary replica is readable with application_intent read_only only; ask the primary",
}
# HAS_DBACCESS is 0 in both cases.
_NO_ACCESS_IN_GROUP = "the secondary replica is not readable (ask the primary), or the login has no access"


def why_not_entered(database: dict) -> str | None:
    """Why a database cannot be asked; None when it can. ``database``: ``state_desc``, ``has_access``,
    ``name``."""
    if database["state_desc"] != "ONLINE":
        return f"the database is {database['state_desc'].lower().replace('_', ' ')}"
    if database["has_access"] != 1:
        return _NO_ACCESS_IN_GROUP if database["in_availability_group"] else _NOT_ENTERED[916]
    try:
        tsql.ident(database["name"])
    except TemplateError as exc:
        return f"the database's name cannot be written in T-SQL: {exc.message}"
    return None


def measure_used(session, databases: list, *, counters: bool = False) -> tuple:
    """(database id → {"data": pages, "log": pages}, database id → why it is unknown).

    ``databases``: rows with ``database_id``, ``name``, ``state_desc`` and ``has_access``. ``counters``: the
    login may see performance counters, which tell the used log space of databases that cannot be entered,
    too. A batch that fails as a whole is sent again database by database, so that one bad database hides no
    other.
    """
    reasons = {}
    ready = []
    for database in databases:
        reason = why_not_entered(database)
        if reason:
            reasons[database["database_id"]] = reason
        else:
            ready.append(database)
    rows: list = []
    for start in range(0, len(ready), DATABASES_PER_BATCH):
        rows += _batch(session, ready[start : start + DATABASES_PER_BATCH])
    used, failed = used_of(rows)
    reasons.update(failed)
    if counters:
        _add_log_counters(session, databases, used)
    return used, reasons


def _add_log_counters(session, databases: list, used: dict) -> None:
    rows = session.read("quota/log_used", database="master")
    kib = {row["database_name"].rstrip(): row["log_used_kib"] for row in rows}
    for database in databases:
        if database["name"] in kib and kib[database["name"]] is not None:
            pages = used.setdefault(database["database_id"], {"data": None, "log": None})
            pages["log"] = int(kib[database["name"]]) // KIB_PER_PAGE


def _batch(session, databases: list) -> list:
    values = [{"name": database["name"], "database_id": database["database_id"]} for database in databases]
    try:
        return session.read("quota/used", database="master", databases=values)
    except StatementFailed as exc:
        if len(databases) == 1:
            return [_failure(databases[0], exc.number, exc.message)]
    except (ConnectionFailed, OutcomeUnknown, JournalUnavailable):
        raise
    return [row for database in databases for row in _batch(session, [database])]


def _failure(database: dict, number: int | None, message: str) -> dict:
    return {
        "database_id": database["database_id"],
        "file_id": None,
        "file_type": None,
        "used": None,
        "error_number": number or 0,
        "error_message": message,
    }


def used_of(rows: list) -> tuple:
    """Rows of ``quota/used`` as (database id → used pages of data and log, database id → reason)."""
    used: dict = {}
    reasons: dict = {}
    for row in rows:
        database_id = row["database_id"]
        if row["error_number"] is not None:
            number = row["error_number"]
            text = _NOT_ENTERED.get(number, row["error_message"])
            reasons[database_id] = f"{text} (error {number})" if number else text
            continue
        kind = {0: "data", 1: "log"}.get(row["file_type"])
        if kind:
            pages = used.setdefault(database_id, {"data": 0, "log": 0})
            pages[kind] = None if row["used"] is None or pages[kind] is None else pages[kind] + row["used"]
    for database_id in reasons:
        used.pop(database_id, None)
    return used, reasons
