# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The account that a session uses: who it is, how it is connected, and what it lacks to run the platform.

The rights and what covers them: "Permissions (Database Engine)" on Microsoft Learn; the page of each
statement that the templates hold says what it needs.
"""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._connection import verifies
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PermissionDenied
from ansible_collections.sqlhosting.mssql.plugins.module_utils._rights import SQL_SERVER_2022
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.machine import RELEASES

OLDEST_MAJOR = min(RELEASES)
# EngineEdition of SERVERPROPERTY: Personal or Desktop, Standard, Enterprise, Express. The others are services
# of Azure, which have no files, volumes or server logins of the kind that bookings need.
ENGINE_EDITIONS = (1, 2, 3, 4)
SOON_DAYS = 14

CONTROL_SERVER = "CONTROL SERVER"
VIEW_STATE = "VIEW SERVER STATE"
# right -> what it is for. Each of them is asked for by itself: CONTROL SERVER covers them all.
RIGHTS = {
    CONTROL_SERVER: "enters databases that applications own, makes users there and compares passwords",
    "CREATE ANY DATABASE": "creates the databases of applications",
    "ALTER ANY DATABASE": "sets sizes and limits, renames databases and takes them offline",
    "ALTER ANY LOGIN": "creates, changes and removes the logins of applications",
    "IMPERSONATE ANY LOGIN": "hands databases to the logins that own them",
    "ALTER ANY CONNECTION": "ends sessions when an application is taken away",
    VIEW_STATE: "sees load, free disk space and sessions",
    "VIEW ANY DATABASE": "sees which databases are there",
    "VIEW ANY DEFINITION": "sees files, owners and logins",
}
RIGHTS_2022 = {"VIEW ANY CRYPTOGRAPHICALLY SECURED DEFINITION": "compares passwords"}
_ALL = {**RIGHTS, **RIGHTS_2022}


def account_of(session) -> dict:
    """The subset ``account``. One or two reads; a right that is missing is an answer, never an error."""
    row = session.read("instance/account", database="master", rights=list(_ALL))[0]
    held = {right: row[f"right_{index}"] == 1 for index, right in enumerate(_ALL)}
    major = _major(row["product_version"])
    encrypted, how = _connection(session, held)
    return {
        "login": row["login"],
        "is_sysadmin": bool(row["is_sysadmin"]),
        "product_version": row["product_version"],
        "release": RELEASES.get(major),
        "edition": row["edition"],
        "encrypted": encrypted,
        "certificate_verified": verifies(session.options),
        "authentication": how,
        "missing": missing_rights(held, row["login"], major),
        "obstacles": obstacles(row, major),
        "warnings": _warnings(session.options, row, encrypted),
    }


def missing_rights(held: dict, login: str, major_version: int) -> list:
    """What the account lacks, with the statement that would give it: ``[{"right", "why", "remedy"}]``."""
    wanted = _ALL if major_version >= SQL_SERVER_2022 else RIGHTS
    name = login.replace("]", "]]")
    found = []
    for right, why in wanted.items():
        if held.get(right):
            continue
        # One statement that can be pasted as it is, never a choice: sysadmin would do, too, but gives more.
        found.append({"right": right, "why": why, "remedy": f"GRANT {right} TO [{name}];"})
    return found


def obstacles(row: dict, major_version: int) -> list:
    """Why the platform cannot work there, whatever the account may do: sentences."""
    found = []
    if major_version < OLDEST_MAJOR:
        found.append(
            f"SQL Server {row['product_version']} is too old: {RELEASES[OLDEST_MAJOR]} "
            f"({OLDEST_MAJOR}.0) and later are supported."
        )
    if row["engine_edition"] not in ENGINE_EDITIONS:
        found.append(
            f"{row['edition']} (engine edition {row['engine_edition']}) is not supported: SQL Server is."
        )
    days = row["days_until_expiration"]
    if days is not None and days <= 0:
        found.append("The password of the account has expired. Set a new one.")
    return found


def _warnings(options: dict, row: dict, encrypted: bool | None) -> list:
    found = []
    if encrypted is False:
        found.append(
            "The connection is not encrypted: passwords cross the network in clear. Set encrypt: yes."
        )
    elif not verifies(options):
        found.append("The server's certificate is not checked: set trust_server_certificate: false.")
    days = row["days_until_expiration"]
    if days is not None and 0 < days <= SOON_DAYS:
        found.append(f"The password of the account expires in {days} days: set a new one.")
    return found


def _connection(session, held: dict) -> tuple:
    """(whether the connection is encrypted or None, how the login was authenticated or None).

    Without the right to see it the options tell: with encryption asked for there is no connection in clear.
    """
    expected = None if session.options["encrypt"] == "no" else True
    if not held[VIEW_STATE]:
        return expected, None
    try:
        rows = session.read("instance/connection", database="master")
    except PermissionDenied:  # in spite of the right: somebody denied the view itself
        return expected, None
    if not rows:
        return expected, None
    return rows[0]["encrypt_option"] == "TRUE", str(rows[0]["auth_scheme"]).lower()


def _major(version: str | None) -> int:
    major = (version or "").split(".")[0]
    return int(major) if major.isdigit() else 0
