"""CREATE, ALTER and DROP LOGIN, and KILL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.estate.access import has_server
from simulator.estate.instance import Instance
from simulator.estate.passwords import MAX_LENGTH, hash_password, is_hash, policy_violation, same_password
from simulator.estate.permission_names import SERVER, SERVER_PRINCIPAL
from simulator.estate.permissions import has_server_permission, has_server_securable_permission
from simulator.estate.principals import Grant, Login, new_sid
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import keep, name_or_string, on_off, whole_number
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes, grammar

FIRST_USER_SPID = 51  # the sessions below are the server's own
_FLAGS = {"CHECK_POLICY", "CHECK_EXPIRATION"}
# Which options each statement has (Microsoft Learn, "CREATE LOGIN", "ALTER LOGIN").
_WINDOWS = {"DEFAULT_DATABASE", "DEFAULT_LANGUAGE"}
_NEW = {"PASSWORD", "SID", "CREDENTIAL", *_WINDOWS, *_FLAGS}
_CHANGED = {"PASSWORD", "NAME", "CREDENTIAL", "NO", *_WINDOWS, *_FLAGS}


@dataclass(frozen=True)
class CreateLogin:
    """``options`` by upper-case name: PASSWORD, HASHED, MUST_CHANGE, SID, DEFAULT_DATABASE …"""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    source: str = "password"


@dataclass(frozen=True)
class AlterLogin:
    """``enable``: True, False, or None when options are given."""

    name: str
    enable: bool | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DropLogin:
    """DROP LOGIN."""

    name: str


@dataclass(frozen=True)
class Kill:
    """KILL."""

    spid: int


@grammar("CREATE LOGIN")
def parse_create_login(stream: TokenStream) -> CreateLogin:
    """``CREATE LOGIN name WITH PASSWORD = …`` or ``FROM WINDOWS``."""
    name = stream.identifier()
    if stream.accept("from"):
        if stream.accept("windows"):
            options = _options(stream, _WINDOWS) if stream.accept("with") else {}
            return CreateLogin(name, options, "windows")
        raise unknown_tsql("CREATE LOGIN … FROM other than WINDOWS")
    stream.expect("with", "password")
    stream.index -= 1
    return CreateLogin(name, _options(stream, _NEW))


@grammar("ALTER LOGIN")
def parse_alter_login(stream: TokenStream) -> AlterLogin:
    """``ALTER LOGIN name ENABLE | DISABLE | WITH …``."""
    name = stream.identifier()
    if stream.accept("enable"):
        return AlterLogin(name, True)
    if stream.accept("disable"):
        return AlterLogin(name, False)
    stream.expect("with")
    return AlterLogin(name, None, _options(stream, _CHANGED))


@grammar("DROP LOGIN")
def parse_drop_login(stream: TokenStream) -> DropLogin:
    """``DROP LOGIN name``; there is no IF EXISTS here."""
    return DropLogin(stream.identifier())


@grammar("KILL")
def parse_kill(stream: TokenStream) -> Kill:
    """``KILL session_id``."""
    return Kill(whole_number(stream))


def _options(stream: TokenStream, allowed: set[str]) -> dict[str, Any]:
    """The options after WITH: each once, and only those that the statement has. Raises 102."""
    options: dict[str, Any] = {}
    while True:
        token = stream.next()
        name = token.text.upper()
        if name not in allowed or name in options:
            raise stream.fail(token)
        if name == "NO":
            stream.expect("credential")
            options["NO CREDENTIAL"] = True
        else:
            stream.expect("=")
            options[name] = _value(stream, name, token)
            if name == "PASSWORD":
                _after_password(stream, options, is_new=allowed is _NEW)
        if not stream.accept(","):
            return options


def _value(stream: TokenStream, name: str, token: Any) -> Any:
    if name == "PASSWORD":
        following = stream.peek()
        if following is not None and following.kind == "binary":
            return stream.binary()
        return stream.string()
    if name == "SID":
        return stream.binary()
    if name in _FLAGS:
        return on_off(stream)
    if name in {"DEFAULT_DATABASE", "DEFAULT_LANGUAGE", "NAME"}:
        return name_or_string(stream)
    if name == "CREDENTIAL":
        raise unknown_tsql("logins with credentials")
    raise stream.fail(token)


def _after_password(stream: TokenStream, options: dict[str, Any], *, is_new: bool) -> None:
    while True:
        if stream.accept("hashed"):
            options["HASHED"] = True
        elif stream.accept("must_change"):
            options["MUST_CHANGE"] = True
        elif not is_new and stream.accept("unlock"):
            options["UNLOCK"] = True
        elif not is_new and stream.accept("old_password"):
            stream.expect("=")
            options["OLD_PASSWORD"] = stream.string()
        else:
            return


@executes(CreateLogin)
def create_login(session: Any, statement: CreateLogin) -> Iterator[Result]:
    """Make a SQL login.

    Raises 15247, 15025, 15006, 15433, 15419, 15010, 15116, 15118, 15122, 15099, 15401.
    """
    instance: Instance = session.instance
    if not (has_server(session, "ALTER ANY LOGIN") or has_server(session, "CREATE LOGIN")):
        raise sql_error(15247)
    name, options = statement.name, statement.options
    if statement.source == "windows":
        raise sql_error(15401, name) if "\\" in name else sql_error(15407, name)
    if "\\" in name or not name.strip():
        raise sql_error(15006, name)
    if instance.principal(name) is not None:
        raise sql_error(15025, name)
    sid = options.get("SID") or new_sid()
    if len(sid) != 16:
        raise sql_error(15419)
    if instance.login_by_sid(sid) is not None:
        raise sql_error(15433, "sid")
    policy = options.get("CHECK_POLICY", True)
    expiration = options.get("CHECK_EXPIRATION", False)
    must_change = options.get("MUST_CHANGE", False)
    _check_switches(policy, expiration, must_change)
    database = _default_database(instance, options.get("DEFAULT_DATABASE", "master"))
    hashed = _new_hash(instance, options, name, policy)
    now = instance.clock.local()
    login = Login(
        instance.new_principal_id(), name, sid, hashed, now, now, database,
        is_policy_checked=policy, is_expiration_checked=expiration, must_change=must_change, password_set=now,
        default_language=options.get("DEFAULT_LANGUAGE", "us_english"),
    )  # fmt: skip
    instance.logins.append(login)
    instance.grants.add(Grant(SERVER, 0, login.principal_id, 1, "CONNECT SQL", "G"))
    keep(session)
    yield StatementDone()


def _check_switches(policy: bool, expiration: bool, must_change: bool) -> None:
    if expiration and not policy:
        raise sql_error(15122)
    if must_change and not expiration:
        raise sql_error(15099)


def _default_database(instance: Instance, name: str) -> str:
    found = instance.find_database(name)
    if found is None:
        raise sql_error(15010, name)
    return found.name


def _new_hash(instance: Instance, options: dict[str, Any], name: str, policy: bool) -> bytes:
    password = options["PASSWORD"]
    if options.get("HASHED"):
        if not isinstance(password, bytes) or not is_hash(password, instance.major):
            raise sql_error(15021, "PASSWORD", state=2)
        if policy:
            raise sql_error(15118)
        return password
    if isinstance(password, bytes):
        raise sql_error(102, "0x" + password.hex())
    if len(password) > MAX_LENGTH:
        raise sql_error(15117)
    problem = policy_violation(password, name) if policy else None
    if problem is not None:
        raise sql_error(problem)
    return hash_password(password, instance.major)


def _no_login(verb: str, name: str) -> SqlError:
    return sql_error(15151, verb, "login", name)


def _require_alter(session: Any, login: Login) -> None:
    """ALTER ANY LOGIN or ALTER on the login; for one that holds CONTROL SERVER, CONTROL SERVER itself."""
    instance = session.instance
    allowed = has_server_securable_permission(
        instance, session.login, "ALTER", SERVER_PRINCIPAL, login.principal_id
    )
    strong = has_server_permission(instance, login, "CONTROL SERVER")
    if strong and not has_server(session, "CONTROL SERVER"):
        allowed = False
    if not allowed:
        raise _no_login("alter", login.name)


@executes(AlterLogin)
def alter_login(session: Any, statement: AlterLogin) -> Iterator[Result]:
    """Change a login. UNLOCK ends a lock-out, and so does CHECK_POLICY = OFF (ALTER LOGIN, Microsoft Learn).

    Raises 15151, 15025, 15010, 15116, 15118, 15122, 15099, 15128, 15021."""
    instance: Instance = session.instance
    login = instance.login(statement.name)
    if login is None:
        raise _no_login("alter", statement.name)
    options = statement.options
    own_password = login is session.login and set(options) == {"PASSWORD", "OLD_PASSWORD"}
    if not own_password:
        _require_alter(session, login)
    if "OLD_PASSWORD" in options and not same_password(options["OLD_PASSWORD"], login.password_hash):
        raise _no_login("alter", login.name)
    _alter(instance, login, options)
    if statement.enable is not None:
        login.is_disabled = not statement.enable
    login.modified = instance.clock.local()
    keep(session)
    yield StatementDone()


def _alter(instance: Instance, login: Login, options: dict[str, Any]) -> None:
    policy = options.get("CHECK_POLICY", login.is_policy_checked)
    turned_on = policy and not login.is_policy_checked  # then CHECK_EXPIRATION follows, unless said otherwise
    expiration = options.get("CHECK_EXPIRATION", turned_on or (login.is_expiration_checked and policy))
    must_change = options.get("MUST_CHANGE", False)
    _check_switches(policy, expiration, must_change)
    if login.must_change and "PASSWORD" not in options and not (policy and expiration):
        raise sql_error(15128)
    new_name = options.get("NAME")
    if new_name is not None:
        other = instance.principal(new_name)
        if other is not None and other is not login:
            raise sql_error(15025, new_name)
        if "\\" in new_name:
            raise sql_error(15006, new_name)
    database = (
        _default_database(instance, options.get("DEFAULT_DATABASE", login.default_database))
        if "DEFAULT_DATABASE" in options
        else login.default_database
    )
    if "PASSWORD" in options:
        login.password_hash = _new_hash(instance, options, login.name, policy)
        login.password_set = instance.clock.local()
        login.must_change = must_change
        login.bad_password_count = 0
    if options.get("UNLOCK") or not policy:
        login.is_locked, login.bad_password_count = False, 0
    login.is_policy_checked, login.is_expiration_checked = policy, expiration
    login.default_database = database
    login.default_language = options.get("DEFAULT_LANGUAGE", login.default_language)
    login.name = new_name or login.name


@executes(DropLogin)
def drop_login(session: Any, statement: DropLogin) -> Iterator[Result]:
    """Drop a login. Raises 15151, 15405, 15434, 15174, 15170, 15141, 15173. Its users stay, orphaned."""
    instance: Instance = session.instance
    login = instance.login(statement.name)
    if login is None or not has_server(session, "ALTER ANY LOGIN"):
        raise _no_login("drop", statement.name)
    strong = has_server_permission(instance, login, "CONTROL SERVER")
    if strong and not has_server(session, "CONTROL SERVER"):
        raise _no_login("drop", statement.name)
    if login.is_sa:
        raise sql_error(15405, login.name)
    if any(s.login is login for s in instance.sessions.values()):
        raise sql_error(15434, login.name)
    if any(d.owner_sid == login.sid for d in instance.databases):
        raise sql_error(15174, login.name)
    jobs = sum(job["owner_sid"] == login.sid for job in instance.jobs)
    if jobs:
        raise sql_error(15170, jobs)
    if any(r.owner_id == login.principal_id for r in instance.roles):
        raise sql_error(15141, "server role")
    if any(g.grantor_id == login.principal_id for g in instance.grants):
        raise sql_error(15173, login.name)
    instance.logins.remove(login)
    instance.grants = {g for g in instance.grants if not _concerns(g, login)}
    for role in instance.roles:
        role.members.discard(login.principal_id)
    keep(session)
    yield StatementDone()


def _concerns(grant: Grant, login: Login) -> bool:
    on_it = grant.class_id == SERVER_PRINCIPAL and grant.major_id == login.principal_id
    return grant.grantee_id == login.principal_id or on_it


@executes(Kill)
def kill(session: Any, statement: Kill) -> Iterator[Result]:
    """End a session. Raises 6101, 6102, 6104, 6106, 6107."""
    session.refuse_in_transaction("KILL")
    if not has_server(session, "ALTER ANY CONNECTION"):
        raise sql_error(6102)
    if statement.spid == session.spid:
        raise sql_error(6104)
    if not 0 < statement.spid <= 32767:
        raise sql_error(6101, statement.spid)
    if statement.spid < FIRST_USER_SPID:
        raise sql_error(6107)
    other = session.instance.sessions.get(statement.spid)
    if other is None:
        raise sql_error(6106, statement.spid)
    session.instance.kill(other)
    yield StatementDone()
