"""Entering databases and checking rights inside a session: the errors that a refusal gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.errors import SqlError, sql_error
from simulator.estate import permission_names as names
from simulator.estate.permissions import (
    admitted,
    check_object,
    has_database_permission,
    has_server_permission,
    may_enter,
)

if TYPE_CHECKING:
    from simulator.estate.database import Database


def unavailable(database: Database) -> SqlError | None:
    """The error that a database which is not open gives, None for an open one."""
    if database.state == "OFFLINE":
        return sql_error(942, database.name)
    if database.state == "RESTORING":
        return sql_error(927, database.name)
    return None if database.is_open else sql_error(952, database.name)


def enter(session: Any, name: str) -> Database:
    """The database that USE or a three-part name means. Raises 911, 916, 942, 927, 923 or 924."""
    instance = session.instance
    database: Database = instance.database(name)
    closed = unavailable(database)
    if closed is not None:
        raise closed
    if not admitted(instance, session.login, database):
        raise sql_error(923, database.name)
    if not may_enter(session.login, database):
        raise sql_error(916, session.login.name, database.name)
    if database.user_access == "SINGLE_USER" and instance.sessions_in(database, but=session):
        raise sql_error(924, database.name)
    return database


def can_enter(session: Any, database: Database) -> bool:
    """Would USE succeed? One that another session has for itself counts as closed."""
    if unavailable(database) is not None or not admitted(session.instance, session.login, database):
        return False
    taken = database.user_access == "SINGLE_USER" and session.instance.sessions_in(database, but=session)
    return may_enter(session.login, database) and not taken


def has_server(session: Any, name: str) -> bool:
    """Does the session's login hold the server permission? Unknown ones (of a later version) are not held."""
    if names.known(names.SERVER, name, session.instance.major) is None:
        return False
    return has_server_permission(session.instance, session.login, name)


def has_database(session: Any, database: Database, name: str) -> bool:
    """Does the session's login hold the permission in ``database``?"""
    return has_database_permission(session.login, database, name)


def require_server_state(session: Any, what: str = "server") -> None:
    """What reading a DMV needs: VIEW SERVER STATE, from 2022 VIEW SERVER PERFORMANCE STATE.

    Raises 300 and 297. Views in the table of simulator/sql/catalog/rights.py need not call it.
    """
    needed = "VIEW SERVER STATE" if session.instance.major < 16 else "VIEW SERVER PERFORMANCE STATE"
    require_server(session, needed, what)


def require_server(session: Any, needed: str, what: str = "server") -> None:
    """Raise 300 and 297 unless the session's login holds a server permission."""
    if not has_server(session, needed):
        raise sql_error(300, needed, what, "master", also=[sql_error(297)])


def require_object(session: Any, database: Database, permission: str, schema: str, table: Any) -> None:
    """Raise 229 unless the session may do ``permission`` on a table of ``database``."""
    found = database.schema(schema)
    schema_id = found.schema_id if found else 1
    object_id = int(getattr(table, "object_id", 0))
    name = str(getattr(table, "name", table))
    if not check_object(session.login, database, permission, schema_id=schema_id, object_id=object_id):
        raise sql_error(229, permission, name, database.name, schema)
