# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_login: one SQL login and its users in databases, from their present state to the one asked for."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import (
    apply_changes,
    require_as_asked,
    settled,
    summarise,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput, ObjectMissing
from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import check_login_name, check_name
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.absent import remove_login
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.decide import (
    decide_changes,
    decide_create,
    decide_end_sessions,
    decide_server_roles,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.expected import expected_login
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.observe import (
    observe_login,
    read_user,
    read_users,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.owned import (
    decide_hand_over,
    read_owned,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.password import normalise_sid
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.permissions import OLD_PERMISSIONS
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.state import Login, is_own
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.users import UserWish, decide_user

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "password": {"type": "str", "no_log": True},
    "update_password": {
        "type": "str",
        "choices": ["always", "on_create"],
        "default": "always",
        "no_log": False,
    },
    "sid": {"type": "str"},
    "check_policy": {"type": "bool"},
    "check_expiration": {"type": "bool"},
    "must_change": {"type": "bool"},
    "default_database": {"type": "str"},
    "enabled": {"type": "bool"},
    "unlock": {"type": "bool"},
    "terminate_sessions": {"type": "bool", "default": False},
    "server_roles": {"type": "list", "elements": "str"},
    "exclusive": {"type": "bool", "default": False},
    "databases": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "user": {"type": "str"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "roles": {"type": "list", "elements": "str"},
            "permissions": {"type": "list", "elements": "str"},
            "denied_permissions": {"type": "list", "elements": "str"},
            "default_schema": {"type": "str"},
        },
    },
}
SPEC_RULES: dict = {}

_FOR_PRESENT = (
    "password",
    "check_policy",
    "check_expiration",
    "must_change",
    "default_database",
    "enabled",
    "unlock",
    "server_roles",
)
REMEDIES = {
    15434: "The login has open sessions: set terminate_sessions: true, or try when nobody uses it.",
    15174: "The login owns databases: give them another owner first (mssql_database, owner).",
    15170: "The login owns SQL Server Agent jobs: give them another owner first (msdb.dbo.sp_update_job).",
    15173: "The login granted permissions to others: revoke them, or have another login grant them.",
    15141: "The login owns a server-level object, for instance an endpoint or a role: hand it on first.",
    15155: "The login owns a server-level object, for instance an endpoint or a role: hand it on first.",
    15138: "The user owns something that was made meanwhile: run again, it is handed to dbo then.",
    15183: "The user owns objects in the database: hand them to another owner, then run again.",
    15421: "The user owns a database role that was made meanwhile: run again, it is handed to dbo then.",
    15136: "Modules run as the user: drop them, or alter them to EXECUTE AS CALLER, then run again.",
    15284: "The user gave permissions to others: revoke them, then run again.",
    15010: "The default database does not exist on the instance: create it first.",
}


def run(session, params: dict) -> dict:
    """Observe, decide, change; the module's result. Raises :class:`MssqlError`."""
    name = check_login_name(params["name"])
    sid = normalise_sid(params["sid"])
    wishes = [UserWish(entry, name, index) for index, entry in enumerate(params["databases"] or [])]
    _check_input(params, wishes)
    return settled(lambda: _attempt(session, params, sid, wishes))


def _attempt(session, params: dict, sid: str | None, wishes: list) -> dict:
    login, probe = observe_login(session, params, sid)
    if params["state"] == "absent":
        return remove_login(session, params, login, wishes, probe=probe, remedies=REMEDIES)
    return _present(session, params, wishes, sid=sid, login=login, probe=probe)


def _check_input(params: dict, wishes: list) -> None:
    """What can be refused without asking the server."""
    if params["state"] == "absent":
        for option in _FOR_PRESENT:
            if params[option] is not None:
                raise InvalidInput(
                    field=option, problem="means nothing with state: absent", remedy="Leave it out."
                )
    names = [wish.database for wish in wishes]
    for name in names:
        if names.count(name) > 1:
            raise InvalidInput(
                field="databases",
                problem=f"{name!r} is listed twice",
                remedy="A login has one user in a database.",
            )
    for role in params["server_roles"] or []:
        check_name(role, field="server_roles")
        if role.lower() == "public":
            raise InvalidInput(
                field="server_roles", problem="every login is in public", remedy="Leave it out."
            )
    if params["default_database"] is not None:
        check_name(params["default_database"], field="default_database")
    if params["must_change"] is not None and params["password"] is None:
        raise InvalidInput(
            field="must_change", problem="goes with a password", remedy="Give password as well."
        )
    if params["state"] == "present" and params["enabled"] is not False and params["terminate_sessions"]:
        raise InvalidInput(
            field="terminate_sessions",
            problem="goes with enabled: false or state: absent",
            remedy="Leave it out.",
        )


def _present(
    session, params: dict, wishes: list, *, sid: str | None, login: Login | None, probe: dict
) -> dict:
    """Everything is read and decided before the first change, so that bad input changes nothing."""
    name = login.name if login is not None else params["name"]
    _refuse_dangerous(params, login, probe)
    before = {} if login is None or login.is_planned else login.as_dict()
    notes = []
    if login is None:
        changes = decide_create(name, params, sid=sid)
        login = Login.planned(name, sid)
        login.is_new = True
    else:
        changes, notes = decide_changes(login, params, sid=sid, planned=session.is_planned)
        if login.name != params["name"]:
            notes.append(f"It exists under the name [{login.name}].")
    if (
        params["enabled"] is False
        and params["terminate_sessions"]
        and _sessions_to_end(session, login, changes)
    ):
        changes.append(decide_end_sessions(name, login.sql_sid if before else None))
    changes += _server_roles(session, params, login)
    users = read_users(session, wishes, login, also=_database_to_check(params, login))
    for wish, state in users:
        if wish.is_absent and state.by_sid is not None and login.sql_sid is not None:
            changes += decide_hand_over(name, read_owned(session, [state.database], login.sql_sid))
        changes += decide_user(state, wish, name, exclusive=params["exclusive"], planned=session.is_planned)
    _check_permissions(session, changes)
    if users:
        before = dict(before, databases=[state.as_dict(wish.user) for wish, state in users])
    apply_changes(session, changes, REMEDIES)
    after = _after(session, params, sid, changes=changes, before=before, users=users)
    if params["unlock"] and after.get("is_locked"):
        notes.append("It is locked again: somebody goes on with a wrong password.")
    elif after.get("is_locked"):
        notes.append("It is locked by wrong passwords: unlock it (unlock: true).")
    summary = summarise(f"Login [{name}]", changes, notes, check_mode=session.check_mode)
    result = session.result(changed=bool(changes), summary=summary, before=before, after=after)
    return dict(result, login=after)


def _refuse_dangerous(params: dict, login: Login | None, probe: dict) -> None:
    if login is None or params["enabled"] is not False:
        return
    own = is_own(login, probe)
    if own or login.name.startswith("##"):
        why = "this session uses it" if own else "SQL Server itself needs it"
        raise InvalidInput(
            field="enabled",
            problem=f"[{login.name}] cannot be disabled: {why}",
            remedy="Connect with another login.",
        )


def _sessions_to_end(session, login: Login, changes: list) -> bool:
    """Whether ending sessions is part of the change: always when the login is about to be disabled (who is
    connected then cannot be known before); for one that is disabled already, when somebody is."""
    if any(change.template == "login/disable" for change in changes):
        return not any(change.template == "login/create" for change in changes)
    if login.is_planned:
        return False
    rows = session.read("login/sessions", database="master", name=login.name, sid=login.sql_sid)
    return rows[0]["sessions"] > 0


def _server_roles(session, params: dict, login: Login) -> list:
    changes = decide_server_roles(
        login, params["server_roles"], exclusive=params["exclusive"], planned=session.is_planned
    )
    asked = [change.values["role"] for change in changes if change.template == "login/add_server_role"]
    if asked:
        rows = session.read("login/server_roles", database="master", server_roles=asked)
        known = {row["asked"] for row in rows}
        for role in asked:
            if role not in known:
                raise ObjectMissing(
                    f"the instance has no server role [{role}]",
                    remedy="Check the role's name; roles like ##MS_…## exist from 2022.",
                )
    return changes


def _database_to_check(params: dict, login: Login) -> list:
    """The default database, when it is about to be set: it must exist (15010)."""
    wanted = params["default_database"]
    return [] if wanted is None or (login.same_default_database and not login.is_new) else [wanted]


def _check_permissions(session, changes: list) -> None:
    """Refuse permissions that this version of SQL Server does not know, before anything is changed."""
    named = {
        change.values["permission"] for change in changes if change.template in ("user/grant", "user/deny")
    }
    asked = sorted(named - OLD_PERMISSIONS)
    if not asked:
        return
    for row in session.read("user/permissions", database="master", permissions=asked):
        if row["held"] is None:
            raise InvalidInput(
                field="databases",
                problem=f"this version of SQL Server knows no permission {row['permission']}",
                remedy="Leave it out, or use one that the version knows (sys.fn_builtin_permissions).",
            )


def _after(session, params: dict, sid: str | None, *, changes: list, before: dict, users: list) -> dict:
    """The login as it is now, read again after changes; in check mode as far as the options tell."""
    if not changes:
        return before
    if session.check_mode:
        return expected_login(params, sid, before, users)
    login, _probe = observe_login(session, params, sid, compare=False)
    if login is None:
        raise ObjectMissing(
            f"login [{params['name']}] is gone: somebody dropped it after the changes", remedy="Run again."
        )
    after = login.as_dict()
    users = [(wish, read_user(session, wish, state.database, login.sql_sid)) for wish, state in users]
    if users:
        after["databases"] = [state.as_dict(wish.user) for wish, state in users]
    require_as_asked(f"login [{login.name}]", _remaining(params, sid, login, users))
    return after


def _remaining(params: dict, sid: str | None, login: Login, users: list) -> list:
    """What the login, read back, would still need. The password is not compared again; a lock-out may have
    come back by itself."""
    asked = dict(params, password=None, must_change=None, unlock=None)
    changes, _notes = decide_changes(login, asked, sid=sid, planned=_never)
    exclusive = params["exclusive"]
    changes += decide_server_roles(login, params["server_roles"], exclusive=exclusive, planned=_never)
    for wish, state in users:
        changes += decide_user(state, wish, login.name, exclusive=exclusive, planned=_never)
    return changes


def _never(_thing: str) -> bool:
    return False
