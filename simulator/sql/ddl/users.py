"""CREATE, ALTER and DROP USER."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate.access import has_database
from simulator.estate.database import Database
from simulator.estate.passwords import MAX_LENGTH, hash_password, policy_violation, same_password
from simulator.estate.permission_names import DATABASE, DATABASE_PRINCIPAL
from simulator.estate.principals import GUEST_ID, Grant, Login, User, new_sid
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, name_or_string, require_writable
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar


@dataclass(frozen=True)
class CreateUser:
    """``kind``: "login", "none" (WITHOUT LOGIN) or "password"; ``login`` None: the login of the same name."""

    name: str
    kind: str = "login"
    login: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AlterUser:
    """ALTER USER; ``options`` by upper-case name."""

    name: str
    options: dict[str, Any]


@dataclass(frozen=True)
class DropUser:
    """DROP USER."""

    name: str
    if_exists: bool


# Which options each statement has (Microsoft Learn, "CREATE USER", "ALTER USER").
_NEW = {"PASSWORD", "DEFAULT_SCHEMA", "DEFAULT_LANGUAGE", "SID"}
_CHANGED = {"PASSWORD", "DEFAULT_SCHEMA", "DEFAULT_LANGUAGE", "LOGIN", "NAME"}


@grammar("CREATE USER")
def parse_create_user(stream: TokenStream) -> CreateUser:
    """``CREATE USER name [FOR LOGIN l | WITHOUT LOGIN] [WITH PASSWORD = …, DEFAULT_SCHEMA = s …]``."""
    name, kind, login = stream.identifier(), "login", None
    if stream.accept("without", "login"):
        kind = "none"
    elif stream.accept("for") or stream.accept("from"):
        if not stream.accept("login"):
            raise unknown_tsql("CREATE USER … FOR other than LOGIN")
        login = stream.identifier()
    options = _options(stream, _NEW) if stream.accept("with") else {}
    if "PASSWORD" in options:
        kind = "password"
    return CreateUser(name, kind, login, options)


@grammar("ALTER USER")
def parse_alter_user(stream: TokenStream) -> AlterUser:
    """``ALTER USER name WITH NAME | DEFAULT_SCHEMA | LOGIN | PASSWORD = …``."""
    name = stream.identifier()
    stream.expect("with")
    return AlterUser(name, _options(stream, _CHANGED))


@grammar("DROP USER")
def parse_drop_user(stream: TokenStream) -> DropUser:
    """``DROP USER [IF EXISTS] name``."""
    if_exists = stream.accept("if", "exists")
    return DropUser(stream.identifier(), if_exists)


def _options(stream: TokenStream, allowed: set[str]) -> dict[str, Any]:
    """The options after WITH: each once, and only those that the statement has. Raises 102."""
    options: dict[str, Any] = {}
    while True:
        token = stream.next()
        name = token.text.upper()
        if name == "ALLOW_ENCRYPTED_VALUE_MODIFICATIONS":
            raise unknown_tsql("users WITH ALLOW_ENCRYPTED_VALUE_MODIFICATIONS")
        if name not in allowed or name in options:
            raise stream.fail(token)
        stream.expect("=")
        if name == "PASSWORD":
            options[name] = stream.string()
            if allowed is _CHANGED and stream.accept("old_password"):
                stream.expect("=")
                options["OLD_PASSWORD"] = stream.string()
        elif name == "SID":
            options[name] = stream.binary()
        elif name in {"DEFAULT_SCHEMA", "LOGIN", "NAME", "DEFAULT_LANGUAGE"}:
            if name == "DEFAULT_SCHEMA" and stream.accept("null"):
                options[name] = "dbo"
            else:
                options[name] = name_or_string(stream)
        else:
            raise stream.fail(token)
        if not stream.accept(","):
            return options


def _no_user(verb: str, name: str) -> SqlError:
    return sql_error(15151, verb, "user", name)


def _may_manage(session: Any, database: Database) -> bool:
    return has_database(session, database, "ALTER ANY USER")


@executes(CreateUser)
def create_user(session: Any, statement: CreateUser) -> Iterator[Result]:
    """Make a user in the current database. Raises 15247, 15023, 15007, 15063, 15405, 33233, 15433, 15118."""
    database: Database = session.database
    require_writable(database)
    may_create = session.instance.major >= 16 and has_database(session, database, "CREATE USER")
    if not (_may_manage(session, database) or may_create):
        raise sql_error(15247)
    name, options = statement.name, statement.options
    if database.principal(name) is not None:
        raise sql_error(15023, name)
    now = session.instance.clock.local()
    if statement.kind == "password":
        sid, hashed = _contained(database, name, options)
    elif statement.kind == "none":
        sid, hashed = options.get("SID") or new_sid(), None
    else:
        sid, hashed = _login_for(session, database, statement).sid, None
    user = User(
        database.new_principal_id(), name, sid, now, now, statement.kind,
        options.get("DEFAULT_SCHEMA", "dbo"), hashed,
    )  # fmt: skip
    database.users.append(user)
    database.grants.add(Grant(DATABASE, 0, user.principal_id, 1, "CONNECT", "G"))
    keep(session)
    yield StatementDone()


def _login_for(session: Any, database: Database, statement: CreateUser) -> Login:
    wanted = statement.login or statement.name
    login: Login | None = session.instance.login(wanted)
    if login is None:
        raise sql_error(15007, wanted)
    if login.is_sa:
        raise sql_error(15405, login.name)
    if login.sid == database.owner_sid or any(
        u.sid == login.sid for u in database.users if u.kind == "login"
    ):
        raise sql_error(15063)
    return login


def _contained(database: Database, name: str, options: dict[str, Any]) -> tuple[bytes, bytes]:
    if database.containment == "NONE":
        raise sql_error(33233)
    sid = options.get("SID") or new_sid()
    if any(u.sid == sid for u in database.users):
        raise sql_error(15433, "sid")
    return sid, _checked_hash(options["PASSWORD"], name, database.instance.major)


def _checked_hash(password: str, name: str, major: int) -> bytes:
    if len(password) > MAX_LENGTH:
        raise sql_error(15117)
    problem = policy_violation(password, name)
    if problem is not None:
        raise sql_error(problem)
    return hash_password(password, major)


@executes(AlterUser)
def alter_user(session: Any, statement: AlterUser) -> Iterator[Result]:
    """Change a user. Raises 15151, 15007, 15063, 15023."""
    database: Database = session.database
    require_writable(database)
    user = database.user(statement.name)
    options = statement.options
    if user is None or user.principal_id in {1, 2, 3, 4}:
        raise _no_user("alter", statement.name)
    own_password = database.user_of(session.login) is user and "OLD_PASSWORD" in options
    if not own_password and not _may_manage(session, database):
        raise _no_user("alter", statement.name)
    if "LOGIN" in options:
        _repair(session, database, user, options["LOGIN"])
    if "PASSWORD" in options:
        if user.kind != "password":
            raise _no_user("alter", statement.name)
        if "OLD_PASSWORD" in options and not same_password(options["OLD_PASSWORD"], user.password_hash):
            raise _no_user("alter", statement.name)
        user.password_hash = _checked_hash(options["PASSWORD"], user.name, session.instance.major)
    if "NAME" in options:
        other = database.principal(options["NAME"])
        if other is not None and other is not user:
            raise sql_error(15023, options["NAME"])
        user.name = options["NAME"]
    user.default_schema = options.get("DEFAULT_SCHEMA", user.default_schema)
    user.modified = session.instance.clock.local()
    keep(session)
    yield StatementDone()


def _repair(session: Any, database: Database, user: User, name: str) -> None:
    login = session.instance.login(name)
    if login is None:
        raise sql_error(15007, name)
    if login.sid == database.owner_sid or any(u.sid == login.sid for u in database.users if u is not user):
        raise sql_error(15063)
    if user.kind != "login":
        raise _no_user("alter", user.name)
    user.sid = login.sid


@executes(DropUser)
def drop_user(session: Any, statement: DropUser) -> Iterator[Result]:
    """Drop a user. Raises 15151, 15150, 15538, 15138, 15421, 15284."""
    database: Database = session.database
    require_writable(database)
    user = database.user(statement.name)
    if user is None and statement.if_exists:
        yield StatementDone()
        return
    if user is None or not _may_manage(session, database):
        raise _no_user("drop", statement.name)
    if user.principal_id == GUEST_ID:
        raise sql_error(15538, user.name)
    if user.principal_id <= 4:
        raise sql_error(15150, "drop", "user", user.name)
    remove_principal(database, user.principal_id)
    database.users.remove(user)
    keep(session)
    yield StatementDone()


def remove_principal(database: Database, principal_id: int) -> None:
    """Check that nothing hangs on a user or role, then take away its grants and memberships."""
    if any(s.owner_id == principal_id for s in database.schemas):
        raise sql_error(15138, "schema")
    if any(r.owner_id == principal_id for r in database.roles if not r.is_fixed):
        raise sql_error(15421)
    for securable in database.securables:
        if securable.owner_id == principal_id:
            raise sql_error(15138, securable.kind)
    if any(g.grantor_id == principal_id for g in database.grants):
        raise sql_error(15284)
    database.grants = {
        g for g in database.grants
        if g.grantee_id != principal_id
        and not (g.class_id == DATABASE_PRINCIPAL and g.major_id == principal_id)
    }  # fmt: skip
    for role in database.roles:
        role.members.discard(principal_id)
