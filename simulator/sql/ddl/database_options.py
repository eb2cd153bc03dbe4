"""ALTER DATABASE … SET: state, access, recovery and the other options."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.estate.database import Database
from simulator.results import Result, StatementDone
from simulator.sql.ddl.common import alter_failed, info, keep, on_off, whole_number, word
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import executes

_LOCK_POLL_S = 0.02  # how often a waiting ALTER DATABASE looks whether the others have gone

# option -> column of sys.databases; ON or OFF
SWITCHES = {
    "AUTO_CLOSE": "is_auto_close_on",
    "AUTO_SHRINK": "is_auto_shrink_on",
    "READ_COMMITTED_SNAPSHOT": "is_read_committed_snapshot_on",
    "TRUSTWORTHY": "is_trustworthy_on",
    "AUTO_CREATE_STATISTICS": "is_auto_create_stats_on",
    "AUTO_UPDATE_STATISTICS": "is_auto_update_stats_on",
    "AUTO_UPDATE_STATISTICS_ASYNC": "is_auto_update_stats_async_on",
    "ANSI_NULL_DEFAULT": "is_ansi_null_default_on",
    "ANSI_NULLS": "is_ansi_nulls_on",
    "ANSI_PADDING": "is_ansi_padding_on",
    "ANSI_WARNINGS": "is_ansi_warnings_on",
    "ARITHABORT": "is_arithabort_on",
    "CONCAT_NULL_YIELDS_NULL": "is_concat_null_yields_null_on",
    "NUMERIC_ROUNDABORT": "is_numeric_roundabort_on",
    "QUOTED_IDENTIFIER": "is_quoted_identifier_on",
    "RECURSIVE_TRIGGERS": "is_recursive_triggers_on",
    "CURSOR_CLOSE_ON_COMMIT": "is_cursor_close_on_commit_on",
    "DB_CHAINING": "is_db_chaining_on",
    "DATE_CORRELATION_OPTIMIZATION": "is_date_correlation_on",
    "MIXED_PAGE_ALLOCATION": "is_mixed_page_allocation_on",
    "ACCELERATED_DATABASE_RECOVERY": "is_accelerated_database_recovery_on",
}
_WITH_EQUALS = {"ACCELERATED_DATABASE_RECOVERY"}
STATES = ("ONLINE", "OFFLINE", "EMERGENCY")
ACCESS = ("SINGLE_USER", "RESTRICTED_USER", "MULTI_USER")
UPDATES = ("READ_ONLY", "READ_WRITE")
BROKER = ("ENABLE_BROKER", "DISABLE_BROKER", "NEW_BROKER")
COMPATIBILITY = {15: (100, 150), 16: (100, 160), 17: (100, 170)}


@dataclass(frozen=True)
class SetOptions:
    """``options``: pairs of name and value, in order.

    ``rollback_after``: seconds, 0 = at once, None = wait.
    """

    name: str | None
    options: tuple[tuple[str, Any], ...]
    rollback_after: int | None = None
    no_wait: bool = False


def parse_set(stream: TokenStream, name: str | None) -> SetOptions:
    """The options after SET, and ``WITH ROLLBACK AFTER n | ROLLBACK IMMEDIATE | NO_WAIT``."""
    options = [_option(stream)]
    while stream.accept(","):
        options.append(_option(stream))
    if not stream.accept("with"):
        return SetOptions(name, tuple(options))
    if stream.accept("no_wait"):
        return SetOptions(name, tuple(options), no_wait=True)
    stream.expect("rollback")
    if stream.accept("immediate"):
        return SetOptions(name, tuple(options), rollback_after=0)
    stream.expect("after")
    seconds = whole_number(stream)
    stream.accept("seconds")
    return SetOptions(name, tuple(options), rollback_after=seconds)


def _option(stream: TokenStream) -> tuple[str, Any]:
    name = word(stream)
    if name in STATES:
        return "STATE", name
    if name in ACCESS:
        return "ACCESS", name
    if name in UPDATES:
        return "UPDATES", name
    if name in BROKER:
        return "BROKER", name
    if name in SWITCHES:
        if name in _WITH_EQUALS:
            stream.expect("=")
        return name, on_off(stream)
    parser = _PARSERS.get(name)
    if parser is None:
        raise unknown_tsql(f"ALTER DATABASE … SET {name}")
    return name, parser(stream)


def _one_of(*allowed: str) -> Callable[[TokenStream], str]:
    def parse(stream: TokenStream) -> str:
        stream.accept("=")
        token = stream.peek()
        value = word(stream)
        if value not in allowed:
            raise stream.fail(token)
        return value

    return parse


def _number_after_equals(stream: TokenStream) -> int:
    stream.expect("=")
    return whole_number(stream)


def _recovery_time(stream: TokenStream) -> int:
    stream.expect("=")
    number = whole_number(stream)
    if stream.accept("minutes"):
        return number * 60
    stream.expect("seconds")
    return number


def _query_store(stream: TokenStream) -> str:
    if stream.accept("="):
        return "ON" if on_off(stream) else "OFF"
    raise unknown_tsql("ALTER DATABASE … SET QUERY_STORE with options")


_PARSERS: dict[str, Callable[[TokenStream], Any]] = {
    "RECOVERY": _one_of("FULL", "SIMPLE", "BULK_LOGGED"),
    "PAGE_VERIFY": _one_of("CHECKSUM", "TORN_PAGE_DETECTION", "NONE"),
    "CONTAINMENT": _one_of("NONE", "PARTIAL"),
    "ALLOW_SNAPSHOT_ISOLATION": _one_of("ON", "OFF"),
    "DELAYED_DURABILITY": _one_of("DISABLED", "ALLOWED", "FORCED"),
    "PARAMETERIZATION": _one_of("SIMPLE", "FORCED"),
    "CURSOR_DEFAULT": _one_of("LOCAL", "GLOBAL"),
    "COMPATIBILITY_LEVEL": _number_after_equals,
    "TARGET_RECOVERY_TIME": _recovery_time,
    "QUERY_STORE": _query_store,
}


@executes(SetOptions)
async def set_options(session: Any, statement: SetOptions) -> AsyncIterator[Result]:
    """Set the options, kicking or awaiting other sessions where the option needs the database for itself.

    Raises 5011, 5058, 5061, 5064, 5070, 5078, 12824, 15048 – most with 5069 behind them.
    """
    from simulator.sql.ddl.alter_database import target  # noqa: PLC0415 - its grammar needs this module

    database = target(session, statement.name)
    _check(session, database, dict(statement.options))
    if any(_needs_lock(database, name, value) for name, value in statement.options):
        for result in await _lock(session, database, statement):
            yield result
    for name, value in statement.options:
        _apply(session, database, name, value)
    keep(session)
    yield StatementDone()


def _check(session: Any, database: Database, options: dict[str, Any]) -> None:
    instance = session.instance
    if database.is_snapshot:
        raise alter_failed(sql_error(5093))
    _check_system(database, options)
    if database.group_database_id is not None and _refused_in_group(options):
        raise alter_failed(sql_error(1468, database.name))
    if database.state == "RESTORING":
        raise alter_failed(sql_error(5052, "ALTER DATABASE", "RESTORING"))
    only_state = set(options) <= {"STATE"}
    if database.state == "OFFLINE" and not only_state:
        raise alter_failed(sql_error(5078, database.name))
    if database.user_access == "SINGLE_USER" and instance.sessions_in(database, but=session):
        raise alter_failed(sql_error(5064, database.name))
    level = options.get("COMPATIBILITY_LEVEL")
    if level is not None:
        low, high = COMPATIBILITY[instance.major]
        valid = list(range(low, high + 1, 10))
        if level not in valid:
            text = ", ".join(map(str, valid[:-1])) + f", or {valid[-1]}"
            raise sql_error(15048, text, state=3)
    if options.get("CONTAINMENT") == "PARTIAL" and not instance.running.get(
        "contained database authentication"
    ):
        raise alter_failed(sql_error(12824, "alter"))


def _check_system(database: Database, options: dict[str, Any]) -> None:
    if not database.is_system:
        return
    for name, value in options.items():
        forbidden = name in {"STATE", "ACCESS", "UPDATES", "CONTAINMENT"} or (
            name == "RECOVERY" and database.name == "tempdb"
        )
        if forbidden and not (database.name in {"model", "msdb"} and name == "ACCESS"):
            shown = value if name in {"STATE", "ACCESS", "UPDATES"} else name
            raise alter_failed(sql_error(5058, shown, database.name))


def _refused_in_group(options: dict[str, Any]) -> bool:
    refused = {
        ("STATE", "OFFLINE"),
        ("ACCESS", "SINGLE_USER"),
        ("UPDATES", "READ_ONLY"),
        ("RECOVERY", "SIMPLE"),
    }
    return any(item in refused for item in options.items())


def _needs_lock(database: Database, name: str, value: Any) -> bool:
    if name == "STATE":
        return value == "OFFLINE" and database.state == "ONLINE"
    if name == "ACCESS":
        return value in {"SINGLE_USER", "RESTRICTED_USER"} and database.user_access != value
    if name == "UPDATES":
        return database.is_read_only != (value == "READ_ONLY")
    if name == "READ_COMMITTED_SNAPSHOT":
        return database.is_read_committed_snapshot_on != value
    return name in {"CONTAINMENT", "BROKER"}


async def _lock(session: Any, database: Database, statement: SetOptions) -> list[Result]:
    """Get the database for this session alone: by waiting, by killing, or not at all (5070, 5061)."""
    instance = session.instance
    others = instance.sessions_in(database, but=session)
    if not others:
        return []
    if statement.no_wait:
        raise alter_failed(sql_error(5070, database.name, state=2))
    waited = 0.0
    while others and (statement.rollback_after is None or waited < statement.rollback_after):
        await asyncio.sleep(_LOCK_POLL_S)
        waited += _LOCK_POLL_S
        others = instance.sessions_in(database, but=session)
    for other in others:
        instance.kill(other)
    return [info(5060, 0), info(5060, 100)] if others else []


def _apply(session: Any, database: Database, name: str, value: Any) -> None:
    if name in {"STATE", "ACCESS", "UPDATES", "BROKER"}:
        _SETTERS[name](session, database, value)
    elif name in SWITCHES:
        column = SWITCHES[name]
        if hasattr(database, column):
            setattr(database, column, value)
        else:
            database.options[column] = value
    elif name == "RECOVERY":
        if value == "SIMPLE" or database.recovery_model == "SIMPLE":
            database.last_log_backup_lsn = None  # the log chain is broken until the next full backup
        database.recovery_model = value
    elif name == "COMPATIBILITY_LEVEL":
        database.compatibility_level = value
    elif name == "CONTAINMENT":
        database.containment = value
    elif name == "PAGE_VERIFY":
        database.page_verify = value
    elif name == "ALLOW_SNAPSHOT_ISOLATION":
        database.snapshot_isolation = value
    elif name == "TARGET_RECOVERY_TIME":
        database.target_recovery_seconds = value
    else:
        database.options[name.lower()] = value


def _set_state(session: Any, database: Database, value: str) -> None:
    if value == "EMERGENCY":
        raise unknown_tsql("ALTER DATABASE … SET EMERGENCY")
    if value == "OFFLINE" and session.database is database:
        session.database = session.instance.databases[0]
    database.state = value


def _set_access(session: Any, database: Database, value: str) -> None:
    database.user_access = value
    database.single_user_spid = session.spid if value == "SINGLE_USER" else None


def _set_updates(_session: Any, database: Database, value: str) -> None:
    database.is_read_only = value == "READ_ONLY"


def _set_broker(_session: Any, database: Database, value: str) -> None:
    database.is_broker_enabled = value != "DISABLE_BROKER"


_SETTERS: dict[str, Callable[[Any, Database, str], None]] = {
    "STATE": _set_state,
    "ACCESS": _set_access,
    "UPDATES": _set_updates,
    "BROKER": _set_broker,
}
