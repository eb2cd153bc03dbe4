"""Who may do what: effective permissions from grants, denials, fixed roles and ownership."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.estate import permission_names as names
from simulator.estate.permission_names import coverers
from simulator.estate.principals import DBO_ID, GUEST_ID, Login, User

if TYPE_CHECKING:
    from simulator.estate.database import Database
    from simulator.estate.instance import Instance


# -- server -------------------------------------------------------------------------------------------------


def server_principals_of(instance: Instance, login: Login) -> set[int]:
    """The ids whose grants count for ``login``: its own and those of its roles."""
    if login.contained_in is not None:
        return {2}
    return {login.principal_id} | {r.principal_id for r in instance.roles_of(login.principal_id)}


def has_server_permission(instance: Instance, login: Login, name: str) -> bool:
    """Does ``login`` hold the server permission, granted or implied?"""
    return has_server_securable_permission(instance, login, name, names.SERVER, 0)


def has_server_securable_permission(
    instance: Instance, login: Login, name: str, class_id: int, major_id: int
) -> bool:
    """Does ``login`` hold a permission on the server or on a login, endpoint … of it? Sysadmins hold all."""
    if instance.is_sysadmin(login):
        return True
    ids = server_principals_of(instance, login)
    wanted = _server_chain(class_id, major_id, name)
    granted = False
    for grant in instance.grants:
        if grant.grantee_id in ids and (grant.class_id, grant.major_id, grant.permission) in wanted:
            if grant.state == "D":
                return False
            granted = True
    if granted:
        return True
    at_server = {permission for c, _, permission in wanted if c == names.SERVER}
    held = {
        p
        for r in instance.roles
        if r.principal_id in ids
        for p in names.SERVER_ROLE_PERMISSIONS.get(r.name, ())
    }
    return bool(at_server & held)


def _server_chain(class_id: int, major_id: int, name: str) -> set[tuple[int, int, str]]:
    chain: set[tuple[int, int, str]] = set()
    for covering in coverers(class_id, name):
        chain.add((class_id, major_id, covering))
        parent = names.OF_CLASS[class_id][covering].parent if covering in names.OF_CLASS[class_id] else ""
        if class_id != names.SERVER and parent:
            chain |= {(names.SERVER, 0, p) for p in coverers(names.SERVER, parent)}
    return chain


# -- database -----------------------------------------------------------------------------------------------


def acting_user(login: Login, database: Database) -> User | None:
    """The user that ``login`` acts as in ``database``: its own, or guest where guest may connect."""
    user = database.user_of(login)
    if user is not None:
        return user
    if login.contained_in is not None and login.contained_in is not database:
        return None
    guest = database.users[1]
    if any(
        g.grantee_id == GUEST_ID and g.permission == "CONNECT" and g.state != "D" for g in database.grants
    ):
        return guest
    if has_server_permission(database.instance, login, "CONNECT ANY DATABASE"):
        return guest
    return None


def roles_of(database: Database, principal_id: int) -> set[int]:
    """Ids of the roles that a principal is in, directly or through a role, public included."""
    found = {0}
    queue = [principal_id]
    while queue:
        member = queue.pop()
        for role in database.roles:
            if member in role.members and role.principal_id not in found:
                found.add(role.principal_id)
                queue.append(role.principal_id)
    return found


def has_database_permission(login: Login, database: Database, name: str) -> bool:
    """Does ``login`` hold the database permission, granted, implied or through the server?"""
    return has_securable_permission(login, database, name, names.DATABASE, 0)


def has_securable_permission(
    login: Login,
    database: Database,
    name: str,
    class_id: int,
    major_id: int,
    *,
    schema_id: int | None = None,
    owner_id: int | None = None,
) -> bool:
    """Does ``login`` hold a permission on the database or on something in it? Owners hold all of theirs."""
    instance = database.instance
    if login.contained_in is None and instance.is_sysadmin(login):
        return True
    user = acting_user(login, database)
    wanted = _database_chain(class_id, major_id, name, schema_id)
    if _through_server(instance, login, wanted):
        return True
    if user is None:
        return False
    if user.principal_id == DBO_ID:
        return True
    ids = {user.principal_id} | roles_of(database, user.principal_id)
    denied, granted = False, owner_id in ids
    role_names = {r.name for r in database.roles if r.principal_id in ids and r.is_fixed}
    granted |= "db_owner" in role_names  # a denial binds its members; only dbo and sysadmin pass
    for grant in database.grants:
        if grant.grantee_id in ids and (grant.class_id, grant.major_id, grant.permission) in wanted:
            denied |= grant.state == "D"
            granted |= grant.state != "D"
    at_database = {permission for c, _, permission in wanted if c == names.DATABASE}
    for role in role_names:
        denied |= bool(at_database & set(names.DATABASE_ROLE_DENIALS.get(role, ())))
        granted |= bool(at_database & set(names.DATABASE_ROLE_PERMISSIONS.get(role, ())))
    owned = {s.schema_id for s in database.schemas if s.owner_id in ids and s.schema_id > DBO_ID}
    granted |= schema_id in owned or (class_id == names.SCHEMA and major_id in owned)
    return granted and not denied


def _through_server(instance: Instance, login: Login, wanted: set[tuple[int, int, str]]) -> bool:
    if login.contained_in is not None:
        return False
    at_database = {permission for c, _, permission in wanted if c == names.DATABASE}
    parents = {names.DATABASE_PERMISSIONS[p].parent for p in at_database if p in names.DATABASE_PERMISSIONS}
    return any(has_server_permission(instance, login, p) for p in parents if p)


def _database_chain(
    class_id: int, major_id: int, name: str, schema_id: int | None
) -> set[tuple[int, int, str]]:
    chain: set[tuple[int, int, str]] = set()
    for covering in coverers(class_id, name):
        chain.add((class_id, major_id, covering))
        if class_id == names.DATABASE:
            continue
        known = names.OF_CLASS[class_id].get(covering)
        parent = known.parent if known else ""
        if class_id == names.OBJECT and schema_id is not None and parent:
            chain |= _database_chain(names.SCHEMA, schema_id, parent, None)
        elif parent:
            chain |= {(names.DATABASE, 0, p) for p in coverers(names.DATABASE, parent)}
    return chain


def can_connect(instance: Instance, login: Login, database: Database) -> bool:
    """May ``login`` enter ``database`` now: open, not taken, and CONNECT held?"""
    if not database.is_open or not admitted(instance, login, database):
        return False
    if database.user_access == "SINGLE_USER" and instance.sessions_in(database):
        return False
    return may_enter(login, database)


def may_enter(login: Login, database: Database) -> bool:
    """Is ``login`` mapped to a user here (or guest) that holds CONNECT?"""
    user = acting_user(login, database)
    if user is None:
        return False
    if user.principal_id == GUEST_ID:
        return True
    return has_database_permission(login, database, "CONNECT")


def admitted(instance: Instance, login: Login, database: Database) -> bool:
    """Does RESTRICTED_USER, if set, admit ``login``: db_owner, dbcreator and sysadmin only?"""
    if database.user_access != "RESTRICTED_USER":
        return True
    if instance.is_sysadmin(login) or any(
        r.name == "dbcreator" for r in instance.roles_of(login.principal_id)
    ):
        return True
    user = database.user_of(login)
    if user is None:
        return False
    return user.principal_id == DBO_ID or 16384 in roles_of(database, user.principal_id)


def check_object(login: Login, database: Database, name: str, *, schema_id: int, object_id: int) -> bool:
    """May ``login`` do ``name`` (SELECT, INSERT …) on a table?"""
    return has_securable_permission(login, database, name, names.OBJECT, object_id, schema_id=schema_id)
