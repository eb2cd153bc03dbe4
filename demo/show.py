"""What the demo prints: the T-SQL that was sent, and the database as the instance itself shows it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyodbc

from demo.instances import PLATFORM_LOGIN, DemoError, Estate

APP_NAME = "sqlhosting-demo"  # the modules say "sqlhosting": in the trace the two can be told apart
CONNECT_TIMEOUT_S = 10
PAGES_PER_MIB = 128

FILES = """
SELECT d.name, SUSER_SNAME(d.owner_sid) AS owner, d.state_desc, d.recovery_model_desc, d.collation_name,
       f.type_desc, f.size, f.max_size
FROM sys.databases AS d
JOIN sys.master_files AS f ON f.database_id = d.database_id
WHERE d.name = N'{database}'
ORDER BY f.file_id
"""
LOGINS = """
SELECT name, is_disabled FROM sys.server_principals
WHERE name IN (N'{application}_owner', N'{application}_app')
ORDER BY name
"""
ROLES = """
SELECT u.name AS user_name, r.name AS role_name
FROM [{database}].sys.database_role_members AS m
JOIN [{database}].sys.database_principals AS u ON u.principal_id = m.member_principal_id
JOIN [{database}].sys.database_principals AS r ON r.principal_id = m.role_principal_id
WHERE u.name = N'{application}_app'
ORDER BY r.name
"""


def sent_statements(journal: Path) -> Iterator[dict[str, Any]]:
    """The changing statements of a journal with their outcome, in the order in which they were sent."""
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    outcomes = {line["statement_id"]: line["status"] for line in lines if line["event"] == "outcome"}
    for line in lines:
        if line["event"] == "intent" and line["kind"] == "change":
            yield {**line, "status": outcomes.get(line["statement_id"], "unknown")}


def count_statements(journal: Path) -> dict[str, int]:
    """How many statements of each kind a journal says were sent."""
    counts = {"read": 0, "change": 0}
    for line in journal.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["event"] == "intent":
            counts[entry["kind"]] += 1
    return counts


def as_script(statements: list[dict[str, Any]]) -> str:
    """The statements for people, each with where it ran and how it ended."""
    parts = []
    for statement in statements:
        where = f"{statement['inventory_host']} ({statement['instance']}), database {statement['database']}"
        text = textwrap.indent(statement["text"], "    ")
        parts.append(f"  -- {where}: {statement['status']}\n{text}")
    return "\n\n".join(parts)


def connect(estate: Estate, instance: str, *, user: str, password: str, database: str) -> pyodbc.Connection:
    """A connection of the demo's own, apart from the modules'. Raises :class:`DemoError`."""
    address = estate.instances[instance]
    driver = estate.driver or _installed_driver()
    braced = "{" + password.replace("}", "}}") + "}"
    text = (
        f"DRIVER={{{driver}}};UID={user};PWD={braced};DATABASE={database};APP={APP_NAME};"
        f"Encrypt=yes;TrustServerCertificate=yes;"
    )
    if "freetds" in driver.lower():
        text += f"SERVER={address['host']};PORT={address['port']};TDS_Version=7.4"
    else:
        text += f"SERVER={address['host']},{address['port']}"
    try:
        return pyodbc.connect(text, autocommit=True, timeout=CONNECT_TIMEOUT_S)
    except pyodbc.Error as exc:
        raise DemoError(f"{user} cannot connect to {database} on {instance}: {exc.args[-1]}") from exc


def _installed_driver() -> str:
    """Microsoft's driver where it is installed, else FreeTDS. Raises :class:`DemoError`."""
    installed = pyodbc.drivers()
    for name in ("ODBC Driver 18 for SQL Server", "FreeTDS"):
        if name in installed:
            return name
    raise DemoError(f"No ODBC driver for SQL Server is registered; found: {', '.join(installed) or 'none'}")


def read_back(estate: Estate, instance: str, *, application: str, databases: list[str]) -> str:
    """The application as the instance's catalog shows it. Raises :class:`DemoError` where it is not whole."""
    lines = []
    connection = connect(
        estate, instance, user=PLATFORM_LOGIN, password=estate.platform_password, database="master"
    )
    try:
        for database in databases:
            lines += _show_database(connection, application, database)
        logins = connection.execute(LOGINS.format(application=application)).fetchall()
    finally:
        connection.close()
    if len(logins) != 2:
        raise DemoError(f"{instance} shows {len(logins)} logins of {application}, 2 were expected")
    lines += [f"  login {row.name}: {'disabled' if row.is_disabled else 'enabled'}" for row in logins]
    return "\n".join(lines)


def _show_database(connection: pyodbc.Connection, application: str, database: str) -> list[str]:
    files = connection.execute(FILES.format(database=database)).fetchall()
    if not files:
        raise DemoError(f"The database {database} is not there")
    first = files[0]
    lines = [
        f"  database {first.name}: {first.state_desc}, owner {first.owner}, "
        f"recovery {first.recovery_model_desc}, collation {first.collation_name}"
    ]
    lines += [
        f"    {row.type_desc.lower():4}  {row.size / PAGES_PER_MIB:.0f} MiB, at most "
        f"{row.max_size / PAGES_PER_MIB:.0f} MiB"
        for row in files
    ]
    roles = connection.execute(ROLES.format(application=application, database=database)).fetchall()
    if not roles:
        raise DemoError(f"The customer has no role in {database}")
    lines.append(f"    user  {roles[0].user_name}: {', '.join(row.role_name for row in roles)}")
    return lines


def log_in_as_customer(estate: Estate, instance: str, *, login: str, password: str, database: str) -> str:
    """What the instance says to the customer who logs in. Raises :class:`DemoError`."""
    connection = connect(estate, instance, user=login, password=password, database=database)
    try:
        who, where, owner = connection.execute(
            "SELECT SUSER_SNAME(), DB_NAME(), IS_MEMBER(N'db_owner')"
        ).fetchone()
    finally:
        connection.close()
    if owner:
        raise DemoError(f"{who} is db_owner of {where}: the quota would not hold")
    return f"  {who} is in {where}, and is not its owner"
