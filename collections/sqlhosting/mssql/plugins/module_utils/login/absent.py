# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_login, state absent: the login's users in every database that can be reached, then the login."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import (
    Change,
    apply_changes,
    named,
    summarise,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InUse, InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.databases import (
    may_look,
    problem_of,
    require_open,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.decide import decide_end_sessions
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.owned import (
    decide_hand_over,
    read_owned,
    refuse_owner_of_server_objects,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.state import (
    Login,
    is_builtin,
    is_own,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.users import drop_user

_DATABASES_PER_READ = 50  # keeps the statement's text and its compile time small


def remove_login(
    session, params: dict, login: Login | None, wishes: list, *, probe: dict, remedies: dict
) -> dict:
    """Drop users, then the login. The result lists databases that cannot be reached (unreachable_databases).

    The login goes even then: on a shared instance some database is always offline. Databases listed in the
    option databases must be reachable.
    """
    if login is None:
        result = session.result(changed=False, summary=f"Login [{params['name']}] is absent, as asked.")
        return dict(result, login=None, unreachable_databases=[])
    if is_builtin(login):
        raise InvalidInput(
            field="name",
            problem=f"[{login.name}] belongs to SQL Server itself",
            remedy="It is never dropped.",
        )
    if is_own(login, probe):
        raise InvalidInput(
            field="name", problem=f"this session uses [{login.name}]", remedy="Connect with another login."
        )
    users, unreachable = _find_users(session, login, wishes)
    notes = [] if login.is_planned else refuse_owner_of_server_objects(session, login.name)
    terminate = params["terminate_sessions"]
    if not terminate and not login.is_planned:
        _refuse_open_sessions(session, login)
    changes = []
    if terminate:
        if login.is_enabled:
            changes.append(Change("login/disable", f"disable login {named(login.name)}", name=login.name))
        changes.append(decide_end_sessions(login.name, login.sql_sid))
    changes += _hand_over(session, login, users)
    changes += [drop_user(database, user) for database, user in users]
    gone = f"login:{login.name}/state=absent"
    changes.append(Change("login/drop", f"drop login {named(login.name)}", creates=gone, name=login.name))
    before = dict(login.as_dict(), databases=[{"name": database, "user": user} for database, user in users])
    apply_changes(session, changes, remedies)
    if login.name != params["name"]:
        notes.append(f"It existed under the name [{login.name}].")
    if unreachable:
        listed = ", ".join(f"[{each['name']}] ({each['problem']})" for each in unreachable)
        notes.append(f"Not looked into, a user may stay there as an orphan: {listed}.")
    summary = summarise(f"Login [{login.name}]", changes, notes, check_mode=session.check_mode)
    result = session.result(changed=True, summary=summary, before=before, after={})
    return dict(result, login=None, unreachable_databases=unreachable)


def _find_users(session, login: Login, wishes: list) -> tuple:
    """([(database, user)…], [{name, problem}…]). Refuses an owner of databases: 15174 would come last."""
    if login.sql_sid is None:
        return [], []
    rows = session.read("user/all_databases", database="master", sid=login.sql_sid)
    rows = [row for row in rows if not session.is_planned(f"database:{row['name']}/state=absent")]
    owned = [row["name"] for row in rows if row["is_owner"]]
    if owned:
        raise InUse(
            f"login [{login.name}] owns {', '.join(f'[{name}]' for name in owned)}",
            remedy="Give them another owner first (mssql_database, owner).",
        )
    listed = {wish.database for wish in wishes}
    for row in rows:
        if row["name"] in listed:
            require_open(row)
    reachable = [row["name"] for row in rows if may_look(row)]
    users = []
    for start in range(0, len(reachable), _DATABASES_PER_READ):
        part = reachable[start : start + _DATABASES_PER_READ]
        found = session.read("user/of_login", database="master", databases=part, sid=login.sql_sid)
        users += [(row["database_name"], row["user_name"]) for row in found]
    problems = {row["name"]: problem_of(row) for row in rows}
    holding = {database for database, _user in users}
    unreachable = [
        {"name": name, "problem": problem}
        for name, problem in problems.items()
        if problem is not None and (name not in reachable or name in holding)
    ]
    return [(database, user) for database, user in users if problems[database] is None], unreachable


def _hand_over(session, login: Login, users: list) -> list:
    databases = list(dict.fromkeys(database for database, _user in users))
    return decide_hand_over(login.name, read_owned(session, databases, login.sql_sid))


def _refuse_open_sessions(session, login: Login) -> None:
    """What DROP LOGIN would answer with 15434, before any user is dropped."""
    rows = session.read("login/sessions", database="master", name=login.name, sid=login.sql_sid)
    if rows[0]["sessions"]:
        raise InUse(
            f"login [{login.name}] has {rows[0]['sessions']} open sessions",
            remedy="Set terminate_sessions: true, or try when nobody is connected with it.",
        )
