"""mssql_login decides by tables: login and users as they are and what is asked give these statements."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils import tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DatabaseNotReady,
    InUse,
    InvalidInput,
    ObjectExists,
    ObjectMissing,
    PermissionDenied,
    TemplateError,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.databases import problem_of, require_open
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.decide import (
    decide_changes,
    decide_create,
    decide_end_sessions,
    decide_server_roles,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.module import ARGUMENT_SPEC
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.owned import decide_hand_over
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.password import normalise_sid
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.state import Login
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.users import (
    UserState,
    UserWish,
    decide_user,
)

from tests.support.changes import nothing_planned, render, rendered

SID = "0x" + "0123456789ABCDEF" * 2
PASSWORD = "Correct-Horse-7"
SHOWN = "N'$(password_of_app)'"


def asked(**options: Any) -> dict[str, Any]:
    """The module's options with their defaults."""
    params = {option: rule.get("default") for option, rule in ARGUMENT_SPEC.items()}
    return {**params, "name": "app", **options}


def existing(**attributes: Any) -> Login:
    """An ordinary login: policy on, expiration off, enabled, its password as asked."""
    login = Login("app", SID)
    login.check_policy, login.check_expiration, login.must_change = True, False, False
    login.password_matches = True
    for name, value in attributes.items():
        setattr(login, name, value)
    return login


@pytest.mark.parametrize(
    ("options", "statements"),
    [
        ({}, [f"CREATE LOGIN [app] WITH PASSWORD = {SHOWN}"]),
        (
            {
                "default_database": "shop",
                "check_policy": True,
                "check_expiration": True,
                "must_change": True,
                "enabled": False,
            },
            [
                f"CREATE LOGIN [app] WITH PASSWORD = {SHOWN} MUST_CHANGE, SID = {SID},"
                " DEFAULT_DATABASE = [shop], CHECK_EXPIRATION = ON, CHECK_POLICY = ON",
                "ALTER LOGIN [app] DISABLE",
            ],
        ),
        (
            {"check_policy": False, "enabled": True},
            [f"CREATE LOGIN [app] WITH PASSWORD = {SHOWN}, CHECK_POLICY = OFF"],
        ),
    ],
)
def test_a_new_login_gets_everything_in_one_statement_where_it_can(
    options: dict, statements: list[str]
) -> None:
    sid = SID if "must_change" in options else None
    assert rendered(decide_create("app", asked(password=PASSWORD, **options), sid=sid)) == statements


def test_the_password_is_in_the_sent_text_only() -> None:
    password = "It's-a-Secret-9"
    create = render(decide_create("app", asked(password=password), sid=None)[0])
    assert "N'It''s-a-Secret-9'" in create.text
    assert "Secret" not in create.captured


def test_no_other_template_can_capture_the_password_either() -> None:
    created = decide_create("app", asked(password=PASSWORD), sid=None)
    (set_again,), _notes = decide_changes(
        existing(password_matches=False), asked(password=PASSWORD), sid=None, planned=nothing_planned
    )
    for change in (created[0], set_again):
        with pytest.raises(TemplateError):
            tsql.render("ALTER LOGIN [x] WITH PASSWORD = {{ password|literal }}", change.values)


ALTER = "ALTER LOGIN [app] "
SET_PASSWORD = f"ALTER LOGIN [app] WITH PASSWORD = {SHOWN}"
AND = ", CHECK_EXPIRATION = "
POLICY, EXPIRATION = ALTER + "WITH CHECK_POLICY = ", ALTER + "WITH CHECK_EXPIRATION = "


@pytest.mark.parametrize(
    ("current", "options", "statements"),
    [
        ({}, {}, []),
        ({}, {"password": PASSWORD, "check_policy": True, "check_expiration": False, "enabled": True}, []),
        ({"password_matches": False}, {"password": PASSWORD}, [SET_PASSWORD]),
        ({"password_matches": False}, {"password": PASSWORD, "update_password": "on_create"}, []),
        ({"password_matches": None}, {"password": PASSWORD}, [SET_PASSWORD]),
        ({}, {"check_expiration": True}, [EXPIRATION + "ON"]),
        ({"check_expiration": True}, {"check_expiration": False}, [EXPIRATION + "OFF"]),
        ({"check_expiration": True}, {"check_policy": False}, [POLICY + "OFF" + AND + "OFF"]),
        (
            {"check_policy": False},
            {"check_policy": True, "check_expiration": True},
            [POLICY + "ON" + AND + "ON"],
        ),
        (
            {"check_policy": False, "password_matches": False},
            {"check_policy": True, "password": PASSWORD},
            [POLICY + "ON" + AND + "OFF", SET_PASSWORD],
        ),
        (
            {"password_matches": False},
            {"check_policy": False, "password": "weak"},
            [POLICY + "OFF" + AND + "OFF", SET_PASSWORD],
        ),
        (
            {"check_expiration": True, "must_change": True},
            {"check_policy": False, "password": PASSWORD},
            [SET_PASSWORD, POLICY + "OFF" + AND + "OFF"],
        ),
        (
            {},
            {"check_expiration": True, "must_change": True, "password": PASSWORD},
            [EXPIRATION + "ON", SET_PASSWORD + " MUST_CHANGE"],
        ),
        (
            {"must_change": True, "check_expiration": True},
            {"must_change": False, "password": PASSWORD},
            [SET_PASSWORD],
        ),
        (
            {"same_default_database": False},
            {"default_database": "shop"},
            [ALTER + "WITH DEFAULT_DATABASE = [shop]"],
        ),
        ({"is_locked": True}, {"password": PASSWORD}, []),
        ({"is_locked": True}, {"unlock": False}, []),
        ({"is_locked": False}, {"unlock": True, "password": PASSWORD}, []),
        ({"is_locked": True}, {"unlock": True, "password": PASSWORD}, [SET_PASSWORD + " UNLOCK"]),
        (
            {"password_matches": False},
            {"unlock": True, "password": PASSWORD},
            [SET_PASSWORD + " UNLOCK"],
        ),
        ({"is_locked": True}, {"unlock": True}, [POLICY + "OFF" + AND + "OFF", POLICY + "ON" + AND + "OFF"]),
        (
            {"is_locked": True, "check_expiration": True},
            {"unlock": True},
            [POLICY + "OFF" + AND + "OFF", POLICY + "ON" + AND + "ON"],
        ),
        (
            {"is_locked": True, "check_expiration": True},
            {"unlock": True, "check_policy": False},
            [POLICY + "OFF" + AND + "OFF"],
        ),
        ({}, {"enabled": False}, [ALTER + "DISABLE"]),
        ({"is_enabled": False}, {"enabled": True}, [ALTER + "ENABLE"]),
        ({"is_enabled": False}, {"enabled": False}, []),
    ],
)
def test_what_differs_is_altered_in_an_order_that_works(
    current: dict, options: dict, statements: list[str]
) -> None:
    changes, _notes = decide_changes(existing(**current), asked(**options), sid=None, planned=nothing_planned)
    assert rendered(changes) == statements


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("MODULE", "run as the owner"),
        ("GRANT", "gave permissions to others"),
        ("CONTEXT", "as whom modules or queues run"),
        ("ASSEMBLY", "owns assemblies"),
        ("QUEUE", "owns queues"),
        ("NOTIFICATION", "owns event notifications"),
    ],
)
def test_what_cannot_be_handed_to_dbo_is_refused_by_name(kind: str, words: str) -> None:
    rows = [
        {"database_name": "shop", "kind": "SCHEMA", "schema_name": None, "name": "s"},
        {"database_name": "shop", "kind": kind, "schema_name": "dbo", "name": "thing"},
    ]
    with pytest.raises(InUse, match=words) as refusal:
        decide_hand_over("app", rows)
    assert "dbo.thing in [shop]" in str(refusal.value)


def test_what_has_a_schema_is_handed_over_by_its_whole_name() -> None:
    rows = [
        {"database_name": "shop", "kind": kind, "schema_name": "s", "name": "a]b"}
        for kind in ("TYPE", "XML SCHEMA COLLECTION", "OBJECT")
    ]
    assert rendered(decide_hand_over("app", rows)) == [
        "ALTER AUTHORIZATION ON TYPE::[s].[a]]b] TO [dbo]",
        "ALTER AUTHORIZATION ON XML SCHEMA COLLECTION::[s].[a]]b] TO [dbo]",
        "ALTER AUTHORIZATION ON OBJECT::[s].[a]]b] TO [dbo]",
    ]


def test_a_password_that_cannot_be_compared_is_set_and_the_summary_says_why() -> None:
    _changes, notes = decide_changes(
        existing(password_matches=None), asked(password=PASSWORD), sid=None, planned=nothing_planned
    )
    assert "CONTROL SERVER" in notes[0]


@pytest.mark.parametrize(
    ("current", "options", "field"),
    [
        (None, {"password": None}, "password"),
        (None, {"password": ""}, "password"),
        (None, {"password": "short1A"}, "password"),
        (None, {"password": "alllowercase1"}, "password"),
        (None, {"password": "My-App-Pass-1"}, "password"),
        (None, {"password": "A1-" + "x" * 126}, "password"),
        (None, {"password": "Line\nbreak-1"}, "password"),
        (None, {"password": "x" * 129, "check_policy": False}, "password"),
        (None, {"password": PASSWORD, "check_policy": False, "check_expiration": True}, "check_expiration"),
        (None, {"password": PASSWORD, "must_change": True}, "must_change"),
        ({"password_matches": False}, {"password": "weak"}, "password"),
        ({"check_policy": False}, {"check_expiration": True}, "check_expiration"),
        ({"must_change": True, "check_expiration": True}, {"check_policy": False}, "check_policy"),
        ({"must_change": True, "check_expiration": True, "is_locked": True}, {"unlock": True}, "unlock"),
    ],
)
def test_what_the_server_would_refuse_is_refused_before_any_change(
    current: dict | None, options: dict, field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        if current is None:
            decide_create("app", asked(**options), sid=None)
        else:
            decide_changes(existing(**current), asked(**options), sid=None, planned=nothing_planned)
    assert refusal.value.field == field
    password = options.get("password")
    assert not password or password not in str(refusal.value)


def test_a_weak_password_is_fine_where_no_policy_is_asked_for() -> None:
    assert rendered(decide_create("app", asked(password="x", check_policy=False), sid=None))


def test_another_sid_is_an_error_with_a_remedy_and_never_a_new_login() -> None:
    with pytest.raises(ObjectExists, match="exists with SID") as refusal:
        decide_changes(existing(), asked(), sid="0x" + "0F" * 16, planned=nothing_planned)
    assert "cannot be changed" in refusal.value.remedy


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        (None, None),
        ("6f9619ff-8b86-d011-b42d-00c04fc964ff", "0xFF19966F868B11D0B42D00C04FC964FF"),
        ("{6F9619FF-8B86-D011-B42D-00C04FC964FF}", "0xFF19966F868B11D0B42D00C04FC964FF"),
        ("0xff19966f868b11d0b42d00c04fc964ff", "0xFF19966F868B11D0B42D00C04FC964FF"),
        ("ff19966f868b11d0b42d00c04fc964ff", "0xFF19966F868B11D0B42D00C04FC964FF"),
    ],
)
def test_a_sid_is_given_as_guid_or_hexadecimal(given: str | None, normal: str | None) -> None:
    assert normalise_sid(given) == normal


@pytest.mark.parametrize("given", ["", "0x01", "not-a-sid", "0x" + "0" * 32, "0x" + "G" * 32])
def test_what_is_no_sid_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput):
        normalise_sid(given)


@pytest.mark.parametrize(
    ("roles", "asked_roles", "exclusive", "statements"),
    [
        ([], None, True, []),
        ([], ["dbcreator"], False, ["ALTER SERVER ROLE [dbcreator] ADD MEMBER [app]"]),
        (["dbcreator"], ["dbcreator"], True, []),
        (["sysadmin", "dbcreator"], ["dbcreator"], False, []),
        (["sysadmin", "dbcreator"], ["dbcreator"], True, ["ALTER SERVER ROLE [sysadmin] DROP MEMBER [app]"]),
        (["sysadmin"], [], True, ["ALTER SERVER ROLE [sysadmin] DROP MEMBER [app]"]),
    ],
)
def test_server_roles_are_added_and_when_exclusive_taken_away(
    roles: list, asked_roles: list | None, exclusive: bool, statements: list[str]
) -> None:
    held = {role: role for role in asked_roles or [] if role in roles}
    login = existing(server_roles=roles, asked_roles=held)
    changes = decide_server_roles(login, asked_roles, exclusive=exclusive, planned=nothing_planned)
    assert rendered(changes) == statements


def test_sessions_are_ended_by_a_text_that_does_not_depend_on_who_is_connected() -> None:
    [text] = rendered([decide_end_sessions("o'app", SID)])
    assert f"s.security_id = {SID}" in text
    assert "N'o''app'" in text


def user_row(**columns: Any) -> dict[str, Any]:
    return {
        "kind": "user",
        "principal_id": 5,
        "name": "app",
        "type": "S",
        "authentication_type": 1,
        "default_schema": "dbo",
        "login_name": "app",
        "by_name": 1,
        "by_sid": 1,
        "same_schema": 1,
        "permission": None,
        "permission_state": None,
        "asked": None,
        **columns,
    }


def role_row(name: str) -> dict[str, Any]:
    return user_row(kind="role", name=name, by_name=None, by_sid=None)


def known(name: str) -> dict[str, Any]:
    return user_row(kind="asked_role", name=name, asked=name, by_name=None, by_sid=None)


def permission_row(name: str, state: str = "G") -> dict[str, Any]:
    return user_row(kind="permission", name=None, permission=name, permission_state=state)


USER, ORPHAN = user_row(), user_row(login_name=None, by_sid=0)
READER = known("db_datareader")


@pytest.mark.parametrize(
    ("rows", "wish", "exclusive", "statements"),
    [
        ([], {}, False, ["CREATE USER [app] FOR LOGIN [app]"]),
        ([], {"default_schema": "s"}, False, ["CREATE USER [app] FOR LOGIN [app] WITH DEFAULT_SCHEMA = [s]"]),
        (
            [READER],
            {"user": "u]x", "roles": ["db_datareader"], "permissions": ["execute", "create  table"]},
            False,
            [
                "CREATE USER [u]]x] FOR LOGIN [app]",
                "ALTER ROLE [db_datareader] ADD MEMBER [u]]x]",
                "GRANT EXECUTE TO [u]]x]",
                "GRANT CREATE TABLE TO [u]]x]",
            ],
        ),
        ([USER], {}, False, []),
        ([USER], {}, True, []),
        ([ORPHAN], {}, False, ["ALTER USER [app] WITH LOGIN = [app]"]),
        ([user_row(login_name=None, by_sid=1)], {}, False, []),
        (
            [user_row(same_schema=0)],
            {"default_schema": "s"},
            False,
            ["ALTER USER [app] WITH DEFAULT_SCHEMA = [s]"],
        ),
        ([USER, role_row("db_datareader"), READER], {"roles": ["db_datareader"]}, True, []),
        (
            [USER, role_row("db_owner"), READER],
            {"roles": ["db_datareader"]},
            True,
            ["ALTER ROLE [db_owner] DROP MEMBER [app]", "ALTER ROLE [db_datareader] ADD MEMBER [app]"],
        ),
        ([USER, role_row("db_owner")], {}, False, []),
        ([USER, permission_row("EXECUTE")], {"permissions": ["EXECUTE"]}, True, []),
        ([USER, permission_row("EXECUTE", "W")], {"permissions": ["EXECUTE"]}, True, []),
        (
            [USER, permission_row("EXECUTE", "D")],
            {"permissions": ["EXECUTE"]},
            False,
            ["GRANT EXECUTE TO [app]"],
        ),
        (
            [
                USER,
                permission_row("CONNECT"),
                permission_row("ALTER"),
                permission_row("SELECT", "W"),
                permission_row("DELETE", "D"),
            ],
            {},
            True,
            ["REVOKE ALTER FROM [app]", "REVOKE SELECT FROM [app] CASCADE"],
        ),
        (
            [READER],
            {
                "roles": ["db_datareader"],
                "permissions": ["EXECUTE"],
                "denied_permissions": ["alter  any role"],
            },
            True,
            [
                "CREATE USER [app] FOR LOGIN [app]",
                "DENY ALTER ANY ROLE TO [app]",
                "ALTER ROLE [db_datareader] ADD MEMBER [app]",
                "GRANT EXECUTE TO [app]",
            ],
        ),
        (
            [user_row(login_name=None, by_sid=0, same_schema=0)],
            {"denied_permissions": ["ALTER"], "default_schema": "s"},
            False,
            [
                "DENY ALTER TO [app]",
                "ALTER USER [app] WITH LOGIN = [app]",
                "ALTER USER [app] WITH DEFAULT_SCHEMA = [s]",
            ],
        ),
        (
            [USER, role_row("db_datareader"), READER],
            {"roles": ["db_datareader"], "denied_permissions": ["ALTER"]},
            True,
            ["DENY ALTER TO [app]"],
        ),
        ([USER, permission_row("ALTER", "D")], {"denied_permissions": ["ALTER"]}, True, []),
        ([USER, permission_row("ALTER")], {"denied_permissions": ["ALTER"]}, True, ["DENY ALTER TO [app]"]),
        (
            [USER, permission_row("ALTER", "W")],
            {"denied_permissions": ["ALTER"]},
            False,
            ["DENY ALTER TO [app] CASCADE"],
        ),
        (
            [USER, permission_row("ALTER", "D"), permission_row("ALTER")],
            {"denied_permissions": ["ALTER"]},
            False,
            [],
        ),
        ([USER, permission_row("ALTER", "D")], {"denied_permissions": []}, False, []),
        (
            [
                USER,
                permission_row("ALTER", "D"),
                permission_row("EXECUTE", "D"),
                permission_row("CONNECT", "D"),
            ],
            {"permissions": ["EXECUTE"], "denied_permissions": []},
            True,
            ["REVOKE ALTER FROM [app]", "GRANT EXECUTE TO [app]", "GRANT CONNECT TO [app]"],
        ),
        ([USER, permission_row("CONNECT", "D")], {"denied_permissions": ["CONNECT"]}, True, []),
        ([USER, permission_row("CONNECT", "D")], {}, True, []),
        ([], {"state": "absent"}, False, []),
        ([USER], {"state": "absent"}, False, ["DROP USER [app]"]),
        ([ORPHAN], {"state": "absent"}, False, ["DROP USER [app]"]),
        ([user_row(name="other", by_name=0)], {"state": "absent"}, False, ["DROP USER [other]"]),
    ],
)
def test_a_user_is_brought_to_what_is_asked(
    rows: list, wish: dict, exclusive: bool, statements: list[str]
) -> None:
    state = UserState("shop", rows)
    changes = decide_user(
        state,
        UserWish({"name": "shop", **wish}, "app", 0),
        "app",
        exclusive=exclusive,
        planned=nothing_planned,
    )
    assert rendered(changes) == statements
    assert {change.database for change in changes} <= {"shop"}


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([user_row(by_sid=0, login_name="other")], ObjectExists, "belongs to login \\[other\\]"),
        ([user_row(by_name=0, name="old")], ObjectExists, "already has the user \\[old\\]"),
        ([user_row(by_name=0, name="dbo")], ObjectExists, "owns database"),
        ([user_row(by_sid=0, login_name=None, type="R")], ObjectExists, "not a SQL user"),
        ([user_row(by_sid=0, login_name=None, authentication_type=0)], ObjectExists, "without a login"),
        ([USER], ObjectMissing, "no role \\[reporting\\]"),
    ],
)
def test_no_user_is_taken_from_another_login(rows: list, error: type, words: str) -> None:
    wish = UserWish({"name": "shop", "roles": ["reporting"]}, "app", 0)
    with pytest.raises(error, match=words) as refusal:
        decide_user(UserState("shop", rows), wish, "app", exclusive=False, planned=nothing_planned)
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "master"},
        {"name": "shop", "user": "dbo"},
        {"name": "shop", "user": "x" * 129},
        {"name": "shop", "roles": ["public"]},
        {"name": "shop", "permissions": ["EXECUTE; DROP"]},
        {"name": "shop", "permissions": ["CONTROL SERVER"]},
        {"name": "shop", "denied_permissions": ["CONTROL SERVER"]},
        {"name": "shop", "permissions": ["execute"], "denied_permissions": ["EXECUTE"]},
        {"name": "shop", "state": "absent", "denied_permissions": ["EXECUTE"]},
        {"name": "shop", "state": "absent", "roles": ["db_owner"]},
        {"name": "shop", "default_schema": ""},
        {"name": "sh\top"},
    ],
)
def test_bad_entries_of_databases_are_refused(entry: dict) -> None:
    with pytest.raises(InvalidInput, match="databases\\[3\\]"):
        UserWish(entry, "app", 3)


def test_in_check_mode_a_planned_database_is_taken_as_empty() -> None:
    wish = UserWish({"name": "shop", "roles": ["db_datareader"], "permissions": ["EXECUTE"]}, "app", 0)
    state = UserState("shop", [], is_planned=True)
    changes = decide_user(state, wish, "app", exclusive=True, planned=nothing_planned)
    assert rendered(changes) == [
        "CREATE USER [app] FOR LOGIN [app]",
        "ALTER ROLE [db_datareader] ADD MEMBER [app]",
        "GRANT EXECUTE TO [app]",
    ]
    done = {change.creates for change in changes}
    assert decide_user(state, wish, "app", exclusive=True, planned=done.__contains__) == []


OPEN = {
    "name": "shop",
    "state": "ONLINE",
    "has_access": 1,
    "may_alter_users": 1,
    "updateability": "READ_WRITE",
}


@pytest.mark.parametrize(
    ("row", "problem", "error"),
    [
        (OPEN, None, None),
        ({**OPEN, "state": "OFFLINE"}, "offline", DatabaseNotReady),
        ({**OPEN, "state": "RESTORING"}, "restoring", DatabaseNotReady),
        ({**OPEN, "has_access": 0}, "closed to this login", PermissionDenied),
        ({**OPEN, "may_alter_users": 0}, "closed to this login", PermissionDenied),
        ({**OPEN, "updateability": "READ_ONLY"}, "read-only", DatabaseNotReady),
    ],
)
def test_databases_whose_users_cannot_be_changed_are_named_with_the_reason(
    row: dict, problem: str | None, error: type | None
) -> None:
    assert problem_of(row) == problem
    if error is None:
        require_open(row)
    else:
        with pytest.raises(error):
            require_open(row)
