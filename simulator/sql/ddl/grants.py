"""GRANT, DENY and REVOKE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate import permission_names as names
from simulator.estate.access import has_database, has_server
from simulator.estate.database import Database
from simulator.estate.permissions import roles_of, server_principals_of
from simulator.estate.principals import Grant
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, names_list, require_writable
from simulator.sql.ddl.objects import object_named
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar

_AT_SERVER = {"login", "server role", "endpoint"}
_CLASSES = (
    "server role", "availability group", "symmetric key", "application role", "login", "endpoint", "database",
    "schema", "object", "user", "role", "certificate", "type",
)  # fmt: skip


@dataclass(frozen=True)
class Grants:
    """``verb``: GRANT, DENY or REVOKE.

    ``securable_class`` is empty without ON; ``securable`` a name of parts.
    """

    verb: str
    permissions: tuple[str, ...]
    securable_class: str
    securable: tuple[str, ...]
    grantees: tuple[str, ...]
    grant_option: bool = False
    cascade: bool = False


@grammar("GRANT")
def parse_grant(stream: TokenStream) -> Grants:
    """``GRANT p, … [ON [class::]x] TO y, … [WITH GRANT OPTION]``."""
    permissions, kind, securable = _what(stream, "to")
    grantees = names_list_with_public(stream)
    option = stream.accept("with", "grant", "option")
    return Grants("GRANT", permissions, kind, securable, grantees, option)


@grammar("DENY")
def parse_deny(stream: TokenStream) -> Grants:
    """``DENY p, … [ON [class::]x] TO y, … [CASCADE]``."""
    permissions, kind, securable = _what(stream, "to")
    grantees = names_list_with_public(stream)
    return Grants("DENY", permissions, kind, securable, grantees, cascade=stream.accept("cascade"))


@grammar("REVOKE")
def parse_revoke(stream: TokenStream) -> Grants:
    """``REVOKE [GRANT OPTION FOR] p, … [ON [class::]x] FROM|TO y, … [CASCADE]``."""
    option = stream.accept("grant", "option", "for")
    permissions, kind, securable = _what(stream, "from", "to")
    grantees = names_list_with_public(stream)
    return Grants("REVOKE", permissions, kind, securable, grantees, option, stream.accept("cascade"))


def names_list_with_public(stream: TokenStream) -> tuple[str, ...]:
    """Grantees: identifiers, or the word PUBLIC, which is reserved elsewhere."""
    found: list[str] = []
    while True:
        found += ["public"] if stream.accept("public") else [stream.identifier()]
        if not stream.accept(","):
            return tuple(found)


def _what(stream: TokenStream, *ends: str) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    permissions: list[str] = []
    words: list[str] = []
    while not stream.at("on") and not any(stream.at(end) for end in ends):
        token = stream.next()
        if token.text == "(":
            raise unknown_tsql("permissions on columns")
        if token.text == ",":
            permissions.append(" ".join(words))
            words = []
        elif token.kind == "word":
            words.append(token.text.upper())
        else:
            raise stream.fail(token)
    permissions.append(" ".join(words))
    if not all(permissions):
        raise stream.fail()
    kind = ""
    securable: tuple[str, ...] = ("",)
    if stream.accept("on"):
        kind, securable = _securable(stream)
    if not any(stream.accept(end) for end in ends):
        raise stream.fail()
    return tuple({"EXEC": "EXECUTE"}.get(p, p) for p in permissions), kind, tuple(securable)


def _securable(stream: TokenStream) -> tuple[str, tuple[str, ...]]:
    for name in _CLASSES:
        words = name.split()
        if stream.at(*words, "::"):
            stream.expect(*words, "::")
            return name, stream.name()
    return "object", stream.name()


@executes(Grants)
def grants(session: Any, statement: Grants) -> Iterator[Result]:
    """Change permissions. Raises 102, 4613, 4617, 4621, 4624, 4606, 15151."""
    at_server = statement.securable_class in _AT_SERVER or (
        not statement.securable_class and statement.permissions[0] in names.SERVER_PERMISSIONS
    )
    change = _at_server if at_server else _in_database
    change(session, statement)
    keep(session)
    yield StatementDone()


def _check_names(session: Any, statement: Grants, class_id: int) -> None:
    for permission in statement.permissions:
        if permission.startswith("ALL"):
            raise unknown_tsql(f"{statement.verb} ALL")
        if names.known(class_id, permission, session.instance.major) is None:
            everywhere = any(permission in table for table in names.OF_CLASS.values())
            if everywhere and class_id not in {names.SERVER, names.DATABASE}:
                raise sql_error(4606, permission)
            raise sql_error(102, permission.split()[0])


def _at_server(session: Any, statement: Grants) -> None:
    instance = session.instance
    kind, name = statement.securable_class, statement.securable[0]
    if session.database.name != "master":
        raise sql_error(4621)
    class_id = {"": names.SERVER, "endpoint": names.ENDPOINT}.get(kind, names.SERVER_PRINCIPAL)
    _check_names(session, statement, class_id)
    major_id = 0
    if class_id == names.SERVER_PRINCIPAL:
        found = instance.login(name) if kind == "login" else instance.role(name)
        if found is None:
            raise sql_error(15151, "find", kind, name)
        major_id = found.principal_id
    elif class_id == names.ENDPOINT:
        raise unknown_tsql("GRANT … ON ENDPOINT")
    for grantee_name in statement.grantees:
        grantee = instance.principal(grantee_name)
        if grantee is None:
            raise sql_error(15151, "find", "login", grantee_name)
        if grantee.principal_id == 1 or grantee is session.login:
            raise sql_error(4624)
        if getattr(grantee, "is_fixed", False) and grantee.principal_id != 2:
            raise sql_error(4617)
        for permission in statement.permissions:
            _require_server_grantor(session, class_id, major_id, permission)
            grantor = 1 if instance.is_sysadmin(session.login) else session.login.principal_id
            wanted = Grant(class_id, major_id, grantee.principal_id, grantor, permission, "G")
            instance.grants = _changed(instance.grants, statement, wanted)


def _require_server_grantor(session: Any, class_id: int, major_id: int, permission: str) -> None:
    instance = session.instance
    if has_server(session, "CONTROL SERVER"):
        return
    ids = server_principals_of(instance, session.login)
    if any(r.name == "securityadmin" and r.principal_id in ids for r in instance.roles):
        return
    if class_id == names.SERVER_PRINCIPAL and has_server(session, "ALTER ANY LOGIN"):
        return
    chain = names.coverers(class_id, permission)
    held = {
        g.permission for g in instance.grants
        if g.grantee_id in ids and g.state == "W" and (g.class_id, g.major_id) == (class_id, major_id)
    }  # fmt: skip
    if not held & set(chain):
        raise sql_error(4613)


def _in_database(session: Any, statement: Grants) -> None:
    database: Database = session.database
    require_writable(database)
    class_id, major_id, schema_id, owner_id = _resolve(session, database, statement)
    _check_names(session, statement, class_id)
    user = database.user_of(session.login)
    for grantee_name in statement.grantees:
        grantee = database.principal(grantee_name)
        if grantee is None:
            raise sql_error(15151, "find", "user", grantee_name)
        if grantee.principal_id in {1, 3, 4} or grantee is user:
            raise sql_error(4624)
        if getattr(grantee, "is_fixed", False):
            raise sql_error(4617)
        for permission in statement.permissions:
            if not _may_grant(session, database, (class_id, major_id), permission, {schema_id, owner_id}):
                raise _refused(statement, class_id)
            grantor = user.principal_id if user is not None else 1
            wanted = Grant(class_id, major_id, grantee.principal_id, grantor, permission, "G")
            database.grants = _changed(database.grants, statement, wanted)


def _refused(statement: Grants, class_id: int) -> SqlError:
    if class_id == names.DATABASE:
        return sql_error(4613)
    return sql_error(15151, "find", statement.securable_class, statement.securable[-1])


def _resolve(session: Any, database: Database, statement: Grants) -> tuple[int, int, int | None, int | None]:
    kind, parts = statement.securable_class, statement.securable
    name = parts[-1]
    missing = sql_error(15151, "find", kind, name)
    if kind in {"", "database"}:
        if kind and not session.instance.same_name(name, database.name):
            raise missing
        return names.DATABASE, 0, None, None
    if kind == "schema":
        schema = database.schema(name)
        if schema is None:
            raise missing
        return names.SCHEMA, schema.schema_id, schema.schema_id, schema.owner_id
    if kind in {"user", "role"}:
        found = database.user(name) if kind == "user" else database.role(name)
        if found is None:
            raise missing
        return names.DATABASE_PRINCIPAL, found.principal_id, None, getattr(found, "owner_id", None)
    if kind == "object":
        table = object_named(session, database, parts)
        if table is None:
            raise missing
        schema = database.schema(table.schema)
        return (
            names.OBJECT,
            table.object_id,
            schema.schema_id if schema else None,
            schema.owner_id if schema else None,
        )
    raise unknown_tsql(f"{statement.verb} … ON {kind.upper()}::")


def _may_grant(
    session: Any, database: Database, what: tuple[int, int], permission: str, owners: set[int | None]
) -> bool:
    if has_database(session, database, "CONTROL"):
        return True
    user = database.user_of(session.login)
    if user is None:
        return False
    ids = {user.principal_id} | roles_of(database, user.principal_id)
    if 16386 in ids or ids & owners:  # db_securityadmin
        return True
    chain = set(names.coverers(what[0], permission))
    return any(
        g.state == "W" and g.grantee_id in ids and (g.class_id, g.major_id) == what and g.permission in chain
        for g in database.grants
    )


def _changed(grants_: set[Grant], statement: Grants, wanted: Grant) -> set[Grant]:
    """The grants after the statement.

    A GRANT or DENY takes the place of what was there for the same permission.
    """
    same = {
        g for g in grants_
        if (g.class_id, g.major_id, g.grantee_id, g.permission)
        == (wanted.class_id, wanted.major_id, wanted.grantee_id, wanted.permission)
    }  # fmt: skip
    if statement.verb == "REVOKE":
        if any(g.state == "W" for g in same) and not statement.cascade:
            raise sql_error(4611)
        if statement.cascade:
            grants_ = _without_passed_on(grants_, wanted)
        if statement.grant_option:
            return (grants_ - same) | {wanted}
        return grants_ - same
    if statement.verb == "DENY":
        if any(g.state == "W" for g in same) and not statement.cascade:
            raise sql_error(4611)
        return (grants_ - same) | {_with_state(wanted, "D")}
    if any(g.state == "W" for g in same):
        return grants_
    return (grants_ - same) | {_with_state(wanted, "W" if statement.grant_option else "G")}


def _without_passed_on(grants_: set[Grant], given: Grant) -> set[Grant]:
    """The grants without what the grantee gave to others of the same permission, and they in turn."""
    passed_on = {
        g for g in grants_
        if (g.class_id, g.major_id, g.grantor_id, g.permission)
        == (given.class_id, given.major_id, given.grantee_id, given.permission)
    }  # fmt: skip
    left = grants_ - passed_on
    for grant in passed_on:
        left = _without_passed_on(left, grant)
    return left


def _with_state(grant: Grant, state: str) -> Grant:
    return Grant(grant.class_id, grant.major_id, grant.grantee_id, grant.grantor_id, grant.permission, state)


__all__ = ["Grants", "names_list"]
