# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which statements bring a login from what it is to what is asked: pure functions, no session."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import Change, named
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput, ObjectExists
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.password import (
    check_password_policy,
    check_possible_password,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.state import Login
from ansible_collections.sqlhosting.mssql.plugins.module_utils.tsql import Secret

ALWAYS = "always"  # option update_password


def decide_create(name: str, params: dict, *, sid: str | None) -> list:
    """CREATE LOGIN with everything that it takes, then what it does not take."""
    password = params["password"]
    if password is None:
        raise InvalidInput(
            field="password",
            problem=f"login [{name}] does not exist, creating it needs a password",
            remedy="Give one.",
        )
    _check_switches(
        params, policy=_or(params["check_policy"], True), expiration=_or(params["check_expiration"], False)
    )
    check_possible_password(password)
    if params["check_policy"] is not False:  # CHECK_POLICY is ON by default (CREATE LOGIN)
        check_password_policy(password, name)
    changes = [
        Change(
            "login/create",
            f"create login {named(name)}",
            creates=f"login:{name}",
            name=name,
            password=Secret(password),
            must_change=bool(params["must_change"]),
            sid=sid,
            default_database=params["default_database"],
            check_policy=_switch(params["check_policy"]),
            check_expiration=_switch(params["check_expiration"]),
        )
    ]
    if params["enabled"] is False:
        changes.append(_disable(name))
    return changes


def decide_changes(login: Login, params: dict, *, sid: str | None, planned) -> tuple:
    """(changes, notes) for an existing login, without server roles and users."""
    if sid is not None and not login.is_planned and login.sid != sid:
        raise ObjectExists(
            f"login [{login.name}] exists with SID {login.sid}, asked is {sid}",
            remedy="A SID cannot be changed. Leave sid out or give the existing one; or drop the login "
            "(state: absent) and create it again, which also repairs its users in databases.",
        )
    if login.is_planned:
        return _of_planned(login, params, planned), []
    changes, notes = _password_and_switches(login, params)
    wanted = params["default_database"]
    if wanted is not None and not login.same_default_database:
        changes.append(
            Change(
                "login/set_default_database",
                f"set the default database of login {named(login.name)} to {named(wanted)}",
                name=login.name,
                default_database=wanted,
            )
        )
    if params["enabled"] is not None and params["enabled"] != login.is_enabled:
        changes.append(_enable(login.name) if params["enabled"] else _disable(login.name))
    return changes, notes


def _of_planned(login: Login, params: dict, planned) -> list:
    """A login that an earlier task would have created: only whether it may connect is compared."""
    disabled = planned(f"login:{login.name}/enabled=false") and not planned(
        f"login:{login.name}/enabled=true"
    )
    if params["enabled"] is None or params["enabled"] is not disabled:
        return []
    return [_enable(login.name) if params["enabled"] else _disable(login.name)]


def _password_and_switches(login: Login, params: dict) -> tuple:
    """Password, lock-out, CHECK_POLICY, CHECK_EXPIRATION in an order that the server takes at every step.

    MUST_CHANGE needs both switches on, and while it is set neither can be turned off (15128): then a new
    password, which clears it, goes first.
    """
    policy = _or(params["check_policy"], bool(login.check_policy))
    expiration = _or(params["check_expiration"], bool(login.check_expiration))
    if params["check_policy"] is False and params["check_expiration"] is None:
        expiration = False
    _check_switches(params, policy=policy, expiration=expiration)
    password, notes = _password_wish(login, params)
    if params["unlock"] and login.is_locked and params["password"] is not None:
        password = True
    turned_off = (login.check_policy and not policy) or (login.check_expiration and not expiration)
    clear_first = bool(login.must_change and turned_off)
    if clear_first and params["password"] is None:
        raise InvalidInput(
            field="check_policy",
            problem=f"[{login.name}] must change its password, until then its policy stays on (15128)",
            remedy="Give a password as well: setting it ends the duty to change it.",
        )
    if password or clear_first:
        check_possible_password(params["password"])
        # What counts is the policy at the moment when the password is set.
        if login.check_policy if clear_first else policy:
            check_password_policy(params["password"], login.name)
    change = Change(
        "login/set_password",
        f"set the password of login {named(login.name)}{' and unlock it' if params['unlock'] else ''}",
        name=login.name,
        password=Secret(params["password"] or ""),
        must_change=bool(params["must_change"]),
        # Not only when it is locked now: whether it is may change between a plan and its run.
        unlock=bool(params["unlock"]),
    )
    switches = _switches(login, policy, expiration)
    if params["unlock"] and login.is_locked and not password:
        switches = _unlock_by_policy(login, policy, expiration)
    if clear_first:
        return [change, *switches], notes
    return [*switches, *([change] if password else [])], notes


def _password_wish(login: Login, params: dict) -> tuple:
    """(whether to set the password, notes)."""
    if params["password"] is None or params["update_password"] != ALWAYS:
        return False, []
    if login.password_matches is None:
        return True, [
            "Whether the password is set already cannot be seen with this login's rights, so it was set "
            "(needed is CONTROL SERVER or, from 2022, VIEW ANY CRYPTOGRAPHICALLY SECURED DEFINITION)."
        ]
    if not login.password_matches:
        return True, []
    return params["must_change"] is not None and params["must_change"] != bool(login.must_change), []


def _switches(login: Login, policy: bool, expiration: bool) -> list:
    """CHECK_POLICY never without CHECK_EXPIRATION: switching the one ON or OFF switches the other, too (ALTER
    LOGIN on Microsoft Learn)."""
    if policy != bool(login.check_policy):
        return [_set_policy(login.name, policy, expiration, before=bool(login.check_expiration))]
    if expiration != bool(login.check_expiration):
        says = f"switch the password expiration of login {named(login.name)} {_on(expiration)}"
        return [Change("login/set_check_expiration", says, name=login.name, switch=_switch(expiration))]
    return []


def _set_policy(name: str, policy: bool, expiration: bool, *, before: bool) -> Change:
    says = f"switch the password policy of login {named(name)} {_on(policy)}"
    if expiration != before:
        says += f" and its password expiration {_on(expiration)}"
    return Change(
        "login/set_check_policy", says, name=name, switch=_switch(policy), expiration=_switch(expiration)
    )


def _unlock_by_policy(login: Login, policy: bool, expiration: bool) -> list:
    """UNLOCK goes with a password only; CHECK_POLICY = OFF ends a lock-out, too (ALTER LOGIN, example F)."""
    if login.must_change:
        raise InvalidInput(
            field="unlock",
            problem=f"[{login.name}] must change its password, until then its policy stays on (15128)",
            remedy="Give a password as well: setting it ends the lock-out and the duty to change it.",
        )
    off = _set_policy(login.name, False, False, before=bool(login.check_expiration))
    off.says = f"unlock login {named(login.name)}: {off.says}"
    return [off, _set_policy(login.name, True, expiration, before=False)] if policy else [off]


def _check_switches(params: dict, *, policy: bool, expiration: bool) -> None:
    """What the server would answer with 15122 and 15099."""
    if expiration and not policy:
        raise InvalidInput(
            field="check_expiration",
            problem="needs check_policy: true",
            remedy="Switch both on, or leave it off.",
        )
    if params["must_change"] and not expiration:
        raise InvalidInput(
            field="must_change",
            problem="needs check_policy and check_expiration",
            remedy="Set both to true as well.",
        )


def decide_server_roles(login: Login, asked: list | None, *, exclusive: bool, planned) -> list:
    """Memberships to be added and, when exclusive, taken away."""
    if asked is None:
        return []
    changes = []
    if exclusive:
        kept = set(login.asked_roles.values())
        changes = [
            Change(
                "login/drop_server_role",
                f"take the server role {named(role)} from login {named(login.name)}",
                role=role,
                name=login.name,
            )
            for role in login.server_roles
            if role not in kept
        ]
    for role in asked:
        key = f"login:{login.name}/server_role={role}"
        if role not in login.asked_roles and not (login.is_planned and planned(key)):
            says = f"give login {named(login.name)} the server role {named(role)}"
            changes.append(Change("login/add_server_role", says, creates=key, role=role, name=login.name))
    return changes


def decide_end_sessions(name: str, sid: str | None) -> Change:
    """One batch whose text does not depend on who is connected: a plan made before still fits."""
    return Change("login/end_sessions", f"end the sessions of login {named(name)}", name=name, sid=sid)


def _enable(name: str) -> Change:
    says = f"enable login {named(name)}"
    return Change("login/enable", says, creates=f"login:{name}/enabled=true", name=name)


def _disable(name: str) -> Change:
    says = f"disable login {named(name)}"
    return Change("login/disable", says, creates=f"login:{name}/enabled=false", name=name)


def _switch(value: bool | None) -> str | None:
    return None if value is None else ("ON" if value else "OFF")


def _on(value: bool) -> str:
    return "on" if value else "off"


def _or(value: bool | None, default: bool) -> bool:
    return default if value is None else value
