"""Logging in: who may, and what a refused client hears.

The client always sees state 1 of 18456; the true state is in the error log (Microsoft Learn,
"MSSQLSERVER_18456").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.errors import SqlError, sql_error
from simulator.estate.passwords import same_password
from simulator.estate.permissions import can_connect, has_server_permission
from simulator.estate.principals import Login

if TYPE_CHECKING:
    from simulator.estate.database import Database
    from simulator.estate.instance import Instance

NO_SUCH_LOGIN, DISABLED, WRONG_PASSWORD, NO_ACCESS, NO_DATABASE, NO_DEFAULT_DATABASE = 5, 7, 8, 12, 38, 40
LOCKOUT_ATTEMPTS = 10  # wrong passwords in a row; Windows only, where the policy of the machine decides


def authenticate(
    instance: Instance, user: str, password: str, database: str, *, client: str
) -> tuple[Login, Database]:
    """See :meth:`Instance.authenticate`."""
    contained = _contained_user(instance, user, password, database, client)
    if contained is not None:
        return contained
    login = instance.login(user)
    if login is None:
        raise _refused(
            instance, user, NO_SUCH_LOGIN, "Could not find a login matching the name provided.", client
        )
    right = same_password(password, login.password_hash)
    if login.is_locked:
        raise _also_logged(instance, sql_error(18486, login.name), 1, client)
    if not right:
        _count_wrong(instance, login)
        state = DISABLED if login.is_disabled else WRONG_PASSWORD
        reason = "Password did not match that for the login provided."
        raise _refused(instance, user, state, reason, client)
    if login.is_disabled:
        raise _also_logged(instance, sql_error(18470, login.name), 1, client)
    if login.must_change:
        raise _also_logged(instance, sql_error(18488, login.name), 1, client)
    if not has_server_permission(instance, login, "CONNECT SQL"):
        raise _refused(instance, user, NO_ACCESS, "Login-based server access validation failed.", client)
    login.bad_password_count = 0
    return login, _open_database(instance, login, database, client)


def _open_database(instance: Instance, login: Login, name: str, client: str) -> Database:
    wanted = name or login.default_database
    found = instance.find_database(wanted)
    if found is None or not can_connect(instance, login, found):
        state = NO_DATABASE if name else NO_DEFAULT_DATABASE
        which = "explicitly specified" if name else "default"
        reason = f"Failed to open the {which} database '{wanted}'."
        refused = _refused(instance, login.name, state, reason, client)
        first = sql_error(4060, wanted) if name else sql_error(4064)
        first.also = [refused]
        raise first
    return found


def _contained_user(
    instance: Instance, user: str, password: str, database: str, client: str
) -> tuple[Login, Database] | None:
    found = instance.find_database(database) if database else None
    if found is None or found.containment == "NONE" or not found.is_open:
        return None
    if not instance.running.get("contained database authentication"):
        return None
    principal = found.user(user)
    if principal is None or principal.kind != "password":
        return None
    if not same_password(password, principal.password_hash):
        raise _refused(
            instance, user, WRONG_PASSWORD, "Password did not match that for the user provided.", client
        )
    login = Login(
        0, principal.name, principal.sid or b"", None, principal.created, principal.modified, found.name,
        contained_in=found,
    )  # fmt: skip
    return login, found


def _count_wrong(instance: Instance, login: Login) -> None:
    login.bad_password_count += 1
    login.bad_password_time = instance.clock.local()
    if instance.is_windows and login.is_policy_checked and login.bad_password_count >= LOCKOUT_ATTEMPTS:
        login.is_locked = not login.is_sa


def _refused(instance: Instance, user: str, state: int, reason: str, client: str) -> SqlError:
    instance.log(18456, f"Login failed for user '{user}'. Reason: {reason} [CLIENT: {client}]", state=state)
    return sql_error(18456, user)


def _also_logged(instance: Instance, error: SqlError, state: int, client: str) -> SqlError:
    instance.log(error.number, f"{error.message} [CLIENT: {client}]", state=state)
    return error
