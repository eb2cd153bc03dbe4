# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is read of a login before and after its changes: the login itself, and its users in databases."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseMissing,
    InvalidInput,
    ObjectExists,
    PermissionDenied,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.databases import require_open
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.decide import ALWAYS
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.state import Login, refuse_foreign_type
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.users import UserState, UserWish


def observe_login(session, params: dict, sid: str | None, *, compare: bool = True) -> tuple:
    """The login as the instance has it, or None, and the first row read: who asks, and what they may.

    One round trip, the comparison of the password included unless ``compare`` is false. In check mode with
    what earlier tasks planned. Raises ObjectExists for a foreign login with ``sid``, PermissionDenied when
    logins cannot be seen.
    """
    asked = params["server_roles"] or []
    compare = compare and params["password"] is not None and params["update_password"] == ALWAYS
    rows = session.read(
        "login/observe",
        database="master",
        parameters=(params["password"],) if compare else (),
        name=params["name"],
        sid=sid,
        default_database=params["default_database"],
        compare_password=compare,
        server_roles=asked,
    )
    named = [row for row in rows if row["name"] is not None and row["by_name"]]
    others = [row for row in rows if row["name"] is not None and not row["by_name"]]
    if others and params["state"] == "present":
        raise ObjectExists(
            f"login [{others[0]['name']}] has the SID {sid} already",
            remedy="Give another sid, or use that login.",
        )
    if named:
        login = Login.from_rows(named, asked)
        refuse_foreign_type(login)
        return _as_planned(session, login), rows[0]
    if session.is_planned(f"login:{params['name']}"):
        return Login.planned(params["name"], sid), rows[0]
    if not rows[0]["may_see"]:
        raise PermissionDenied(
            f"whether login [{params['name']}] exists cannot be seen",
            remedy="Grant the platform's login ALTER ANY LOGIN.",
        )
    return None, rows[0]


def _as_planned(session, login: Login) -> Login:
    """In check mode, an existing login as an earlier task would have left it: enabled or disabled."""
    key = f"login:{login.name}/enabled="
    for enabled, words in ((True, ("true", "false")), (False, ("false", "true"))):
        if session.is_planned(key + words[0]) and not session.is_planned(key + words[1]):
            login.is_enabled = enabled
    return login


def read_users(session, wishes: list, login: Login, *, also: list) -> list:
    """(wish, state) for each asked database. Raises when one is missing, not open or closed to us.

    ``also``: databases that must exist, or be planned, too.
    """
    names = list(dict.fromkeys([*(wish.database for wish in wishes), *also]))
    if not names:
        return []
    rows = session.read("user/databases", database="master", databases=names)
    found = {row["asked"]: row for row in rows}
    for name in also:
        if name not in found and not session.is_planned(f"database:{name}"):
            raise InvalidInput(
                field="default_database", problem=f"there is no database [{name}]", remedy="Create it first."
            )
    users = []
    for wish in wishes:
        row = found.get(wish.database)
        if row is None:
            users += _in_missing_database(session, wish)
            continue
        require_open(row)
        users.append((wish, read_user(session, wish, row["name"], login.sql_sid)))
    return users


def _in_missing_database(session, wish: UserWish) -> list:
    if session.is_planned(f"database:{wish.database}"):
        return [(wish, UserState(wish.database, [], is_planned=True))]
    if wish.is_absent:
        return []  # no database, no user
    raise DatabaseMissing(
        f"there is no database [{wish.database}]",
        database=wish.database,
        remedy="Create it with mssql_database first.",
    )


def read_user(session, wish: UserWish, database: str, sid: str | None) -> UserState:
    """The users of ``database`` with the asked name and with the login's ``sid``."""
    rows = session.read(
        "user/observe",
        database="master",
        user=wish.user,
        sid=sid,
        roles=wish.roles,
        default_schema=wish.default_schema,
        in_database=database,
    )
    return UserState(database, rows)
