"""Logins, users, roles, schemas and their permissions as the catalog shows them.

Fewer rows to a weak login.
"""

from __future__ import annotations

from typing import Any

from simulator.estate import permission_names as names
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.estate.permissions import roles_of
from simulator.estate.principals import Grant
from simulator.sql.catalog.common import columns, rows
from simulator.sql.registry import Rows, view

_SERVER = (
    "name:sysname principal_id:int sid:varbinary(85)? type:char(1) type_desc:nvarchar(60)? is_disabled:bit? "
    "create_date:datetime modify_date:datetime default_database_name:sysname? default_language_name:sysname? "
    "credential_id:int?"
)
_PRINCIPALS = columns(_SERVER + " owning_principal_id:int? is_fixed_role:bit tenant_id:guid?")
_LOGINS = columns(
    _SERVER + " is_policy_checked:bit? is_expiration_checked:bit? password_hash:varbinary(256)?"
)


def _sees_all_logins(session: Any) -> bool:
    needed = ("VIEW ANY DEFINITION", "VIEW ANY SECURITY DEFINITION", "ALTER ANY LOGIN")
    return any(has_server(session, p) for p in needed)


def _seen_logins(session: Any) -> list[Any]:
    everything = _sees_all_logins(session)
    return [x for x in session.instance.logins if everything or x is session.login or x.is_sa]


def _server_row(p: Any) -> dict[str, Any]:
    is_role = p.type == "R"
    return {
        "name": p.name, "principal_id": p.principal_id, "sid": p.sid, "type": p.type,
        "type_desc": p.type_desc,
        "is_disabled": 0 if is_role else int(p.is_disabled), "create_date": p.created,
        "modify_date": p.modified,
        "default_database_name": None if is_role else p.default_database,
        "default_language_name": None if is_role else p.default_language,
        "owning_principal_id": p.owner_id if is_role else None, "is_fixed_role": int(is_role and p.is_fixed
        and p.principal_id != 2),
    }  # fmt: skip


@view("sys.server_principals", _PRINCIPALS)
def server_principals(session: Any, _database: Database) -> Rows:
    """Logins and server roles."""
    everything = _sees_all_logins(session) or has_server(session, "ALTER ANY SERVER ROLE")
    mine = session.instance.roles_of(session.login.principal_id)
    roles = [r for r in session.instance.roles if everything or r.is_fixed or r in mine]
    return rows(_PRINCIPALS, (_server_row(p) for p in [*_seen_logins(session), *roles]))


@view("sys.sql_logins", _LOGINS)
def sql_logins(session: Any, _database: Database) -> Rows:
    """SQL logins.

    ``password_hash`` only with CONTROL SERVER (from 2022 also VIEW ANY CRYPTOGRAPHICALLY …).
    """
    needed = ("CONTROL SERVER", "VIEW ANY CRYPTOGRAPHICALLY SECURED DEFINITION")
    with_hash = any(has_server(session, p) for p in needed)
    return rows(
        _LOGINS,
        (
            _server_row(x)
            | {
                "is_policy_checked": int(x.is_policy_checked),
                "is_expiration_checked": int(x.is_expiration_checked),
                "password_hash": x.password_hash if with_hash else None,
            }
            for x in _seen_logins(session)
        ),
    )


@view("sys.server_role_members", columns("role_principal_id:int member_principal_id:int"))
def server_role_members(session: Any, _database: Database) -> Rows:
    """Who is in which server role."""
    everything = _sees_all_logins(session)
    mine = session.login.principal_id
    return [
        (r.principal_id, m)
        for r in session.instance.roles
        for m in sorted(r.members)
        if everything or m == mine
    ]


_GRANTS = columns(
    "class:tinyint class_desc:nvarchar(60)? major_id:int minor_id:int grantee_principal_id:int "
    "grantor_principal_id:int type:char(4) permission_name:nvarchar(128)? state:char(1) "
    "state_desc:nvarchar(60)?"
)


def _grant_row(g: Grant) -> tuple[Any, ...]:
    code = names.OF_CLASS[g.class_id][g.permission].code
    return (
        g.class_id, names.CLASS_DESCRIPTIONS[g.class_id], g.major_id, g.minor_id, g.grantee_id, g.grantor_id,
        code.ljust(4), g.permission, g.state, names.STATE_DESCRIPTIONS[g.state],
    )  # fmt: skip


@view("sys.server_permissions", _GRANTS)
def server_permissions(session: Any, _database: Database) -> Rows:
    """Granted and denied server permissions."""
    everything = _sees_all_logins(session)
    mine = {session.login.principal_id, 2}
    seen = [g for g in session.instance.grants if everything or g.grantee_id in mine]
    return [_grant_row(g) for g in sorted(seen, key=_by_grantee)]


def _by_grantee(g: Grant) -> tuple[Any, ...]:
    return (g.class_id, g.major_id, g.grantee_id, g.permission)


_DATABASE_PRINCIPALS = columns(
    "name:sysname principal_id:int type:char(1) type_desc:nvarchar(60)? default_schema_name:sysname? "
    "create_date:datetime modify_date:datetime owning_principal_id:int? sid:varbinary(85)? is_fixed_role:bit "
    "authentication_type:int authentication_type_desc:nvarchar(60)? default_language_name:sysname? "
    "default_language_lcid:int? allow_encrypted_value_modifications:bit"
)
_AUTHENTICATION = ("NONE", "INSTANCE", "DATABASE")


def _sees_all_users(session: Any, database: Database) -> bool:
    return any(has_database(session, database, p) for p in ("VIEW DEFINITION", "ALTER ANY USER"))


def _own_ids(session: Any, database: Database) -> set[int]:
    user = database.user_of(session.login)
    return {user.principal_id} | roles_of(database, user.principal_id) if user else {0}


@view("sys.database_principals", _DATABASE_PRINCIPALS)
def database_principals(session: Any, database: Database) -> Rows:
    """Users and roles of the database it is read in."""
    everything = _sees_all_users(session, database)
    mine = _own_ids(session, database)
    found: list[dict[str, Any]] = []
    everybody: list[Any] = [*database.users, *database.roles]
    for p in everybody:
        is_role = p.type == "R"
        fixed = p.principal_id <= 4 or getattr(p, "is_fixed", False)
        if not (everything or fixed or p.principal_id in mine):
            continue
        kind = 0 if is_role else getattr(p, "authentication_type", 0)
        found.append(
            {
                "name": p.name, "principal_id": p.principal_id, "type": p.type, "type_desc": p.type_desc,
                "default_schema_name": None if is_role else (getattr(p, "default_schema", None) or None),
                "create_date": p.created, "modify_date": p.modified,
                "owning_principal_id": getattr(p, "owner_id", None), "sid": getattr(p, "sid", None),
                "is_fixed_role": int(is_role and getattr(p, "is_fixed", False)), "authentication_type": kind,
                "authentication_type_desc": _AUTHENTICATION[kind],
            }
        )  # fmt: skip
    return rows(_DATABASE_PRINCIPALS, sorted(found, key=lambda r: r["principal_id"]))


@view("sys.database_role_members", columns("role_principal_id:int member_principal_id:int"))
def database_role_members(session: Any, database: Database) -> Rows:
    """Who is in which role of the database it is read in; dbo in db_owner always."""
    everything = _sees_all_users(session, database)
    mine = _own_ids(session, database)
    found = [(16384, 1)] + [(r.principal_id, m) for r in database.roles for m in sorted(r.members)]
    return [row for row in found if everything or row[1] in mine]


@view("sys.database_permissions", _GRANTS)
def database_permissions(session: Any, database: Database) -> Rows:
    """Granted and denied permissions of the database it is read in."""
    everything = _sees_all_users(session, database)
    mine = _own_ids(session, database)
    seen = [g for g in database.grants if everything or g.grantee_id in mine]
    return [_grant_row(g) for g in sorted(seen, key=_by_grantee)]


@view("sys.schemas", columns("name:sysname schema_id:int principal_id:int?"))
def schemas(_session: Any, database: Database) -> Rows:
    """Schemas of the database it is read in."""
    return sorted(((s.name, s.schema_id, s.owner_id) for s in database.schemas), key=lambda r: r[1])
