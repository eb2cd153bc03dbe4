"""Who somebody is, what they are members of, what they may do, and passwords."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from simulator.estate import permission_names as names
from simulator.estate.access import has_server
from simulator.estate.database import Database
from simulator.estate.passwords import hash_password, same_password
from simulator.estate.permissions import (
    acting_user,
    has_securable_permission,
    has_server_securable_permission,
    roles_of,
)
from simulator.estate.principals import DBO_ID, Login
from simulator.sql.catalog.common import columns
from simulator.sql.catalog.server_functions import variant
from simulator.sql.ddl.objects import object_named
from simulator.sql.registry import Rows, function, table_function
from simulator.sqltypes import DATETIME, INT, SQL_VARIANT, SYSNAME, Variant, nvarchar, varbinary

_NAME = nvarchar(128)


@function("SUSER_SID", returns=varbinary(85))
def suser_sid(session: Any, *arguments: Any) -> bytes | None:
    """The SID of a login or server role, of the session's login without an argument.

    NULL for an unknown one.
    """
    if not arguments:
        return bytes(session.login.sid)
    found = session.instance.principal(str(arguments[0])) if arguments[0] is not None else None
    return found.sid if found is not None else None


@function("SUSER_SNAME", returns=_NAME)
def suser_sname(session: Any, *sid: bytes | None) -> str | None:
    """The login with that SID; NULL for an unknown one."""
    if not sid:
        return str(session.login.name)
    found = session.instance.login_by_sid(bytes(sid[0])) if sid[0] is not None else None
    return found.name if found is not None else None


@function("SUSER_ID", returns=INT)
def suser_id(session: Any, *name: str | None) -> int | None:
    """The principal id of a login."""
    if not name:
        return int(session.login.principal_id)
    found = session.instance.principal(name[0]) if name[0] is not None else None
    return found.principal_id if found is not None else None


@function("SUSER_NAME", returns=_NAME)
def suser_name(session: Any, *principal_id: int | None) -> str | None:
    """The login with that principal id."""
    if not principal_id:
        return str(session.login.name)
    found = session.instance.principal_by_id(principal_id[0]) if principal_id[0] is not None else None
    return found.name if found is not None else None


@function("ORIGINAL_LOGIN", returns=SYSNAME)
def original_login(session: Any) -> str:
    """The login that connected."""
    return str(session.original_login_name)


def user_name_of(session: Any) -> str:
    """The user that the session acts as in its database."""
    user = acting_user(session.login, session.database)
    return user.name if user is not None else "guest"


@function("USER_NAME", returns=_NAME)
def user_name(session: Any, *principal_id: int | None) -> str | None:
    """The user with that id; without an argument the session's own."""
    if not principal_id:
        return user_name_of(session)
    found = session.database.principal_by_id(principal_id[0])
    return found.name if found is not None else None


@function("USER_ID", returns=INT)
def user_id(session: Any, *name: str | None) -> int | None:
    """The id of a user or role of the current database."""
    found = session.database.principal(name[0] if name else user_name_of(session))
    return found.principal_id if found is not None else None


@function("DATABASE_PRINCIPAL_ID", returns=INT)
def database_principal_id(session: Any, *name: str | None) -> int | None:
    """The id of a user or role of the current database."""
    return user_id(session, *name)


@function("CERT_ID", returns=INT)
def cert_id(_session: Any, _name: str | None) -> int | None:
    """The id of a certificate: there are none."""
    return None


# -- membership and permissions ------------------------------------------------------------------------


@function("IS_SRVROLEMEMBER", returns=INT)
def is_srvrolemember(session: Any, role: str | None, *login: str | None) -> int | None:
    """1, 0, or NULL for an unknown role or login."""
    instance = session.instance
    found = instance.role(role) if role is not None else None
    who = instance.login(login[0] or "") if login else session.login
    if found is None or who is None:
        return None
    if who.contained_in is not None:
        return int(found.principal_id == 2)
    if found.principal_id == 2 or (found.is_fixed and instance.is_sysadmin(who)):
        return 1
    return int(found in instance.roles_of(who.principal_id))


def _in_role(database: Database, principal_id: int, role: Any) -> int:
    if principal_id == DBO_ID:
        return int(role.name == "db_owner" or role.principal_id == 0)
    return int(role.principal_id in roles_of(database, principal_id))


@function("IS_MEMBER", returns=INT)
def is_member(session: Any, role: str | None) -> int | None:
    """Is the session's user in the role of the current database? NULL for an unknown role."""
    return is_rolemember(session, role)


@function("IS_ROLEMEMBER", returns=INT)
def is_rolemember(session: Any, role: str | None, *principal: str | None) -> int | None:
    """1, 0, or NULL for an unknown role or principal."""
    database = session.database
    found = database.role(role) if role is not None else None
    who = database.principal(principal[0] or "") if principal else acting_user(session.login, database)
    if found is None or who is None:
        return None
    return _in_role(database, who.principal_id, found)


@function("HAS_PERMS_BY_NAME", returns=INT)
def has_perms_by_name(
    session: Any, securable: str | None, class_: str | None, permission: str | None, *_sub: Any
) -> int | None:
    """1 or 0; NULL for an unknown class, permission (as those of a later version) or a missing securable."""
    found = _securable(
        session, securable, (class_ or "SERVER" if securable is None else class_ or "").upper()
    )
    if found is None or permission is None:
        return None
    class_id, database, major_id, schema_id = found
    name = permission.strip().upper()
    if name == "ANY":
        held = _held(session, found)
        return int(bool(held))
    if names.known(class_id, name, session.instance.major) is None:
        return None
    return int(_has(session, class_id, database, major_id, schema_id, name))


_Found = tuple[int, Database | None, int, int | None]


def _has(session: Any, class_id: int, database: Database | None, *rest: Any) -> bool:
    major_id, schema_id, name = rest
    if database is None:
        return has_server_securable_permission(session.instance, session.login, name, class_id, major_id)
    return has_securable_permission(session.login, database, name, class_id, major_id, schema_id=schema_id)


def _held(session: Any, found: _Found) -> list[str]:
    class_id, database, major_id, schema_id = found
    known = [p.name for p in names.OF_CLASS[class_id].values() if p.since <= session.instance.major]
    return [n for n in known if _has(session, class_id, database, major_id, schema_id, n)]


def _securable(session: Any, name: str | None, class_: str) -> _Found | None:  # noqa: PLR0911 - one per class
    instance, database = session.instance, session.database
    if class_ == "SERVER":
        return names.SERVER, None, 0, None
    if class_ == "DATABASE":
        wanted = instance.find_database(_unquoted(name)) if name is not None else database
        return None if wanted is None else (names.DATABASE, wanted, 0, None)
    if name is None:
        return None
    plain = _unquoted(name)
    if class_ in {"LOGIN", "SERVER ROLE"}:
        principal = instance.login(plain) if class_ == "LOGIN" else instance.role(plain)
        return None if principal is None else (names.SERVER_PRINCIPAL, None, principal.principal_id, None)
    if class_ == "SCHEMA":
        schema = database.schema(plain)
        return None if schema is None else (names.SCHEMA, database, schema.schema_id, schema.schema_id)
    if class_ in {"USER", "ROLE"}:
        member = database.principal(plain)
        return None if member is None else (names.DATABASE_PRINCIPAL, database, member.principal_id, None)
    if class_ == "OBJECT":
        table = object_named(session, database, tuple(part.strip("[]") for part in name.split(".")))
        if table is None:
            return None
        schema = database.schema(table.schema)
        return names.OBJECT, database, table.object_id, schema.schema_id if schema else None
    return None


def _unquoted(name: str) -> str:
    """A one-part name as QUOTENAME gives it, without its brackets."""
    if name.startswith("[") and name.endswith("]"):
        return name[1:-1].replace("]]", "]")
    return name


_MY_PERMISSIONS = columns("entity_name:sysname subentity_name:sysname permission_name:nvarchar(60)")


@table_function("sys.fn_my_permissions", _MY_PERMISSIONS)
def fn_my_permissions(session: Any, _database: Database, securable: Any, class_: Any) -> Rows:
    """The permissions that the session holds on a securable."""
    kind = str(class_ or "SERVER").upper()
    found = _securable(session, securable, kind)
    if found is None:
        return []
    entity = {"SERVER": "server", "DATABASE": "database"}.get(kind, str(securable))
    return [(entity, "", name) for name in _held(session, found)]


_BUILTIN = columns(
    "class_desc:nvarchar(60) permission_name:nvarchar(60) type:varchar(4) "
    "covering_permission_name:nvarchar(60) "
    "parent_class_desc:nvarchar(60) parent_covering_permission_name:nvarchar(60)"
)
_CLASS_NAMES = {
    names.SERVER: ("SERVER", ""), names.DATABASE: ("DATABASE", "SERVER"), names.OBJECT: ("OBJECT", "SCHEMA"),
    names.SCHEMA: ("SCHEMA", "DATABASE"), names.SERVER_PRINCIPAL: ("LOGIN", "SERVER"),
    names.ENDPOINT: ("ENDPOINT", "SERVER"), names.AVAILABILITY_GROUP: ("AVAILABILITY GROUP", "SERVER"),
    names.DATABASE_PRINCIPAL: ("USER", "DATABASE"), names.CERTIFICATE: ("CERTIFICATE", "DATABASE"),
}  # fmt: skip


@table_function("sys.fn_builtin_permissions", _BUILTIN)
def fn_builtin_permissions(session: Any, _database: Database, class_: Any) -> Rows:
    """The permissions there are, of one class or (DEFAULT, empty) of all that the simulator knows."""
    wanted = str(class_ or "").upper()
    return [
        (name, p.name, p.code, p.covered_by, parent, p.parent)
        for class_id, (name, parent) in _CLASS_NAMES.items()
        if wanted in {"", "DEFAULT", name}
        for p in names.OF_CLASS[class_id].values()
        if p.since <= session.instance.major
    ]


# -- passwords -----------------------------------------------------------------------------------------


@function("PWDCOMPARE", returns=INT)
def pwdcompare(_session: Any, clear: str | None, hashed: bytes | None, *_version: Any) -> int | None:
    """1 when the clear text belongs to the hash."""
    if clear is None or hashed is None:
        return None
    return int(same_password(clear, bytes(hashed)))


@function("PWDENCRYPT", returns=varbinary(128))
def pwdencrypt(session: Any, clear: str | None) -> bytes | None:
    """A new salted hash."""
    return None if clear is None else hash_password(clear, session.instance.major)


@function("LOGINPROPERTY", returns=SQL_VARIANT)
def loginproperty(session: Any, name: str | None, prop: str | None) -> Variant | None:
    """A property of a login; NULL for an unknown login or property, the hash only with CONTROL SERVER."""
    login: Login | None = session.instance.login(name) if name is not None else None
    if login is None:
        return None
    key = (prop or "").strip().lower()
    if key == "passwordhash":
        shown = has_server(session, "CONTROL SERVER") and login.password_hash is not None
        return Variant(varbinary(256), login.password_hash) if shown else None
    moments = {
        "passwordlastsettime": login.password_set,
        "badpasswordtime": login.bad_password_time or _NEVER,
        "lockouttime": (login.bad_password_time if login.is_locked else None) or _NEVER,
    }
    if key in moments:
        at = moments[key]
        return None if at is None else Variant(DATETIME, at)
    expires = login.is_expiration_checked and login.password_set is not None
    values = {
        "badpasswordcount": login.bad_password_count, "defaultdatabase": login.default_database,
        "defaultlanguage": login.default_language, "islocked": int(login.is_locked),
        "ismustchange": int(login.must_change), "isexpired": 0, "historylength": 0,
        "passwordhashalgorithm": (login.password_hash or b"\2")[0], "daysuntilexpiration": _MAX_AGE.days if
        expires else None,
    }  # fmt: skip
    return variant(values.get(key))


_MAX_AGE = timedelta(days=42)  # Windows' default maximum password age
_NEVER = datetime(1900, 1, 1)
