# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A login's user in one database: what is there, what is asked, which statements lie between (pure)."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    InvalidInput,
    ObjectExists,
    ObjectMissing,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import check_name, is_system_database
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.permissions import (
    DATABASE_PERMISSIONS,
    normalise_permission,
)

_RESERVED_USERS = ("dbo", "guest", "sys", "information_schema", "public")
# sys.database_permissions.state: granted, granted with the option to pass it on, denied
GRANTED, DENIED = ("G", "W"), "D"
_INSTANCE_AUTHENTICATION = 1  # sys.database_principals.authentication_type: mapped to a login, or once was


class UserWish:
    """One entry of the option databases."""

    def __init__(self, entry: dict, login: str, index: int) -> None:
        field = f"databases[{index}]"
        self.database = check_name(entry["name"], field=f"{field}.name")
        if is_system_database(self.database) and self.database.lower() != "msdb":
            raise InvalidInput(
                field=f"{field}.name",
                problem=f"{self.database!r} is a system database",
                remedy="Name a user database.",
            )
        self.user = check_name(entry.get("user") or login, field=f"{field}.user")
        if self.user.lower() in _RESERVED_USERS:
            raise InvalidInput(
                field=f"{field}.user", problem=f"{self.user!r} is reserved", remedy="Choose another name."
            )
        self.is_absent = entry.get("state") == "absent"
        self.roles = _unique([check_name(role, field=f"{field}.roles") for role in entry.get("roles") or []])
        if "public" in (role.lower() for role in self.roles):
            raise InvalidInput(
                field=f"{field}.roles", problem="everybody is in public", remedy="Leave it out."
            )
        self.permissions = _permissions(entry, "permissions", field)
        self.denied = _permissions(entry, "denied_permissions", field)
        # Like server_roles: what exclusive does to denials is asked for only when the option is given.
        self.says_denied = entry.get("denied_permissions") is not None
        for each in self.denied:
            if each in self.permissions:
                raise InvalidInput(
                    field=f"{field}.denied_permissions",
                    problem=f"{each} is in permissions as well",
                    remedy="Grant it or deny it.",
                )
        self.default_schema = entry.get("default_schema")
        if self.default_schema is not None:
            check_name(self.default_schema, field=f"{field}.default_schema")
        if self.is_absent and (self.roles or self.permissions or self.denied or self.default_schema):
            raise InvalidInput(field=field, problem="state: absent goes with no roles, permissions or schema")


class UserState:
    """What a database holds under the user's name and under the login's SID; empty for a planned database."""

    def __init__(self, database: str, rows: list, *, is_planned: bool = False) -> None:
        self.database = database
        self.is_planned = is_planned  # the database: only an earlier task would have created it
        users = [row for row in rows if row["kind"] == "user"]
        self.by_name = next((row for row in users if row["by_name"]), None)
        self.by_sid = next((row for row in users if row["by_sid"]), None)
        self.roles = [row["name"] for row in rows if row["kind"] == "role"]
        self.granted: dict = {}
        for row in rows:
            # Two grantors may have given one permission two states; SQL Server lets the denial win.
            if row["kind"] == "permission" and self.granted.get(row["permission"]) != DENIED:
                self.granted[row["permission"]] = row["permission_state"].strip()
        self.known_roles = {row["asked"]: row["name"] for row in rows if row["kind"] == "asked_role"}

    def as_dict(self, user: str) -> dict:
        """For the result and the diff; CONNECT comes with every user and is left out."""
        shown = {
            "name": self.database,
            "user": None,
            "roles": [],
            "permissions": [],
            "denied_permissions": [],
            "default_schema": None,
        }
        if self.by_name is not None and self.by_name["login_name"] is not None:
            shown["user"] = self.by_name["name"] or user
            shown["default_schema"] = self.by_name["default_schema"]
            shown["roles"] = sorted(self.roles)
            shown["permissions"] = sorted(
                name for name, state in self.granted.items() if state in GRANTED and name != "CONNECT"
            )
            shown["denied_permissions"] = sorted(
                name for name, state in self.granted.items() if state == DENIED
            )
        return shown


def decide_user(state: UserState, wish: UserWish, login: str, *, exclusive: bool, planned) -> list:
    """Changes in one database, in the order that works. Raises before anything is changed.

    Denials come before everything that gives a right: a role may hold what is denied, and an orphan has its
    roles already. So there is no moment in which the user has it.
    """
    if wish.is_absent:
        return decide_user_absent(state, wish, login)
    exists = _decide_existence(state, wish, login, planned)
    denials = _decide_denials(state, wish, planned)
    changes = exists + denials if _creates(exists) else denials + exists
    schema = wish.default_schema
    if schema is not None and not _creates(exists):
        key = f"user:{state.database}/{wish.user}/default_schema={schema}"
        current = state.by_name is not None and state.by_name["same_schema"]
        if not current and not planned(key):
            changes.append(
                _change(
                    "user/set_default_schema",
                    f"set the default schema of {_user(state, wish)} to {named(schema)}",
                    state,
                    wish,
                    creates=key,
                    default_schema=schema,
                )
            )
    changes += _decide_roles(state, wish, exclusive=exclusive, planned=planned)
    changes += _decide_permissions(state, wish, exclusive=exclusive, planned=planned)
    return changes


def _decide_existence(state: UserState, wish: UserWish, login: str, planned) -> list:
    """CREATE USER, the repair of an orphan, or nothing. Never takes a user away from another login."""
    found = state.by_name
    other = state.by_sid
    if other is not None and (found is None or found["principal_id"] != other["principal_id"]):
        if other["name"].lower() == "dbo":
            raise ObjectExists(
                f"login [{login}] owns database [{state.database}]: it enters as dbo and cannot have a user",
                database=state.database,
                remedy="Give the database another owner (mssql_database, owner), or leave it out here.",
            )
        raise ObjectExists(
            f"login [{login}] already has the user [{other['name']}] in database [{state.database}]",
            database=state.database,
            remedy=f"Set user: {other['name']}, or drop that user first (state: absent for that database).",
        )
    if found is None:
        key = f"user:{state.database}/{wish.user}"
        if planned(key):
            return []
        known_as = "" if wish.user == login else f" as user {named(wish.user)}"
        says = f"let login {named(login)} into {named(state.database)}{known_as}"
        return [
            _change(
                "user/create", says, state, wish, creates=key, login=login, default_schema=wish.default_schema
            )
        ]
    _refuse_foreign_user(state, found, login)
    if other is not None or (found["login_name"] is not None):
        return []
    says = f"tie {_user(state, wish)} to login {named(login)} again"
    key = f"user:{state.database}/{wish.user}/login={login}"  # the user itself is there already
    return [] if planned(key) else [_change("user/repair", says, state, wish, creates=key, login=login)]


def _refuse_foreign_user(state: UserState, found: dict, login: str) -> None:
    """A role of that name, another login's user, or a user that can never be mapped to a login."""
    name, database = found["name"], state.database
    if found["type"].strip() != "S":
        raise ObjectExists(
            f"[{name}] in database [{database}] is not a SQL user but a role or another kind of principal",
            database=database,
            remedy="Choose another user name.",
        )
    if found["login_name"] is not None and not found["by_sid"]:
        raise ObjectExists(
            f"user [{name}] in database [{database}] belongs to login [{found['login_name']}]",
            database=database,
            remedy="Choose another user name, or drop that user first.",
        )
    if not found["by_sid"] and found["authentication_type"] != _INSTANCE_AUTHENTICATION:
        raise ObjectExists(
            f"user [{name}] in database [{database}] was made without a login, it cannot get one (33016)",
            database=database,
            remedy="Choose another user name, or drop that user first.",
        )


def _decide_roles(state: UserState, wish: UserWish, *, exclusive: bool, planned) -> list:
    missing = [role for role in wish.roles if role not in state.known_roles]
    if state.is_planned:
        missing = []  # the database is not there to be asked; the real run is told of an unknown role in time
    if missing:
        raise ObjectMissing(
            f"database [{state.database}] has no role [{missing[0]}]",
            database=state.database,
            remedy="Check the role's name, or create the role first.",
        )
    changes = []
    if exclusive:
        kept = {state.known_roles.get(role, role) for role in wish.roles}
        for role in state.roles:
            if role not in kept:
                says = f"take the role {named(role)} from {_user(state, wish)}"
                changes.append(_change("user/drop_role", says, state, wish, role=role))
    for role in wish.roles:
        name = state.known_roles.get(role, role)
        key = f"user:{state.database}/{wish.user}/role={name}"
        if name not in state.roles and not planned(key):
            says = f"give {_user(state, wish)} the role {named(name)}"
            changes.append(_change("user/add_role", says, state, wish, creates=key, role=name))
    return changes


def _decide_permissions(state: UserState, wish: UserWish, *, exclusive: bool, planned) -> list:
    """GRANT also ends a DENY of the same permission. Denials that were not asked about stay."""
    changes = []
    if exclusive:
        asked = {*wish.permissions, *wish.denied}
        for permission, how in sorted(state.granted.items()):
            if permission not in asked and _is_taken_back(permission, how, wish):
                what = "the denial of " if how == DENIED else ""
                says = f"take {what}{permission} from {_user(state, wish)}"
                values = {"permission": permission, "known": DATABASE_PERMISSIONS, "cascade": how == "W"}
                changes.append(_change("user/revoke", says, state, wish, **values))
    granted = list(wish.permissions)
    if exclusive and wish.says_denied and state.granted.get("CONNECT") == DENIED:
        # REVOKE would leave the user without the CONNECT that CREATE USER gave it.
        granted += [name for name in ("CONNECT",) if name not in (*wish.denied, *granted)]
    for permission in granted:
        if _held(state, wish, permission, planned) not in GRANTED:
            says = f"grant {permission} to {_user(state, wish)}"
            values = {"permission": permission, "known": DATABASE_PERMISSIONS}
            key = _key(state, wish, "permission", permission)
            changes.append(_change("user/grant", says, state, wish, creates=key, **values))
    return changes


def _is_taken_back(permission: str, how: str, wish: UserWish) -> bool:
    """Whether exclusive takes back what is not listed. A denial only where denials are asked about: taking
    one away gives a right."""
    return permission != "CONNECT" and (how in GRANTED or wish.says_denied)


def _decide_denials(state: UserState, wish: UserWish, planned) -> list:
    """DENY also ends a GRANT of the same permission, with CASCADE one that could be passed on (4611)."""
    changes = []
    for permission in wish.denied:
        if _held(state, wish, permission, planned) != DENIED:
            says = f"deny {permission} to {_user(state, wish)}"
            values = {
                "permission": permission,
                "known": DATABASE_PERMISSIONS,
                "cascade": state.granted.get(permission) == "W",
            }
            key = _key(state, wish, "denied_permission", permission)
            changes.append(_change("user/deny", says, state, wish, creates=key, **values))
    return changes


def _held(state: UserState, wish: UserWish, permission: str, planned) -> str | None:
    """The permission's state; in check mode as an earlier task would have left it."""
    granted = planned(_key(state, wish, "permission", permission))
    denied = planned(_key(state, wish, "denied_permission", permission))
    if granted != denied:
        return DENIED if denied else GRANTED[0]
    return state.granted.get(permission)


def _key(state: UserState, wish: UserWish, what: str, permission: str) -> str:
    return f"user:{state.database}/{wish.user}/{what}={permission}"


def decide_user_absent(state: UserState, wish: UserWish, login: str) -> list:
    """DROP USER for the login's user or its orphan; a user of another login is left alone with an error."""
    found = state.by_sid or state.by_name
    if found is None or found["name"].lower() == "dbo":
        return []
    _refuse_foreign_user(state, found, login)
    return [drop_user(state.database, found["name"])]


def drop_user(database: str, user: str) -> Change:
    """DROP USER in a database."""
    gone = f"user:{database}/{user}/state=absent"
    says = f"remove user {named(user)} from {named(database)}"
    return Change("user/drop", says, creates=gone, database=database, user=user)


def _user(state: UserState, wish: UserWish) -> str:
    return f"user {named(wish.user)} in {named(state.database)}"


def _creates(changes: list) -> bool:
    return any(change.template == "user/create" for change in changes)


def _change(
    template: str, says: str, state: UserState, wish: UserWish, *, creates: str | None = None, **values
) -> Change:
    name = state.by_name["name"] if state.by_name is not None else wish.user
    about = (
        f"user:{state.database}/{wish.user}"  # spelt as in creates, also where the user is spelt otherwise
    )
    return Change(template, says, database=state.database, object=about, creates=creates, user=name, **values)


def _permissions(entry: dict, option: str, field: str) -> list:
    return _unique(
        [normalise_permission(each, field=f"{field}.{option}") for each in entry.get(option) or []]
    )


def _unique(values: list) -> list:
    return list(dict.fromkeys(values))
