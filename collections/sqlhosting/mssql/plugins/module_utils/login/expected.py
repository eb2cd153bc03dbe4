# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a login will be, as far as its options tell: what check mode answers with."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.users import UserState, UserWish


def expected_login(params: dict, sid: str | None, before: dict, users: list) -> dict:
    """``before`` with what ``params`` ask for. ``users``: (wish, state) of each asked database."""
    after = dict(before or {"name": params["name"], "sid": sid, "enabled": True})
    for option in ("enabled", "check_policy", "check_expiration", "must_change", "default_database"):
        if params[option] is not None:
            after[option] = params[option]
    if params["unlock"]:
        after["is_locked"] = False
    if params["check_policy"] is False and params["check_expiration"] is None:
        after["check_expiration"] = False
    asked = params["server_roles"]
    if asked is not None:
        kept = [] if params["exclusive"] else before.get("server_roles", [])
        after["server_roles"] = sorted({*kept, *asked})
    if users:
        after["databases"] = [_expected_user(wish, state, params["exclusive"]) for wish, state in users]
    return after


def _expected_user(wish: UserWish, state: UserState, exclusive: bool) -> dict:
    now = state.as_dict(wish.user)
    if wish.is_absent:
        return dict(now, user=None, roles=[], permissions=[], denied_permissions=[], default_schema=None)
    roles = {state.known_roles.get(role, role) for role in wish.roles}
    return dict(
        now,
        user=now["user"] or wish.user,
        roles=sorted(roles if exclusive else {*now["roles"], *roles}),
        permissions=sorted(
            ({*wish.permissions} | (set() if exclusive else set(now["permissions"])))
            - {"CONNECT", *wish.denied}
        ),
        denied_permissions=sorted(
            {*wish.denied}
            | (
                set()
                if exclusive and wish.says_denied
                else {*now["denied_permissions"]} - {*wish.permissions}
            )
        ),
        default_schema=wish.default_schema or now["default_schema"],
    )
