"""Functions about the session: errors, transactions, settings, identities; also for NULL and GUIDs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from simulator.sql.registry import function
from simulator.sql.values import unify
from simulator.sqltypes import (
    INT,
    SMALLINT,
    SQL_VARIANT,
    SYSNAME,
    TINYINT,
    UNIQUEIDENTIFIER,
    SqlType,
    Variant,
    decimal,
    nvarchar,
)

_IDENTITY = decimal(38, 0)


def _first(types: Sequence[SqlType]) -> SqlType:
    return types[0]


def _unified(types: Sequence[SqlType]) -> SqlType:
    kind = types[0]
    for other in types[1:]:
        kind = unify(kind, other)
    return kind


# ISNULL and NULLIF are compiled by the interpreter; they stand here for their names and argument counts.
@function("isnull", _first)
def _isnull(session: Any, value: Any, other: Any) -> Any:
    return other if value is None else value


@function("nullif", _first)
def _nullif(session: Any, value: Any, other: Any) -> Any:
    return None if value == other else value


@function("choose", lambda types: _unified(types[1:]), takes=(INT,))
def _choose(session: Any, index: Any, first: Any, *rest: Any) -> Any:
    options = (first, *rest)
    return options[int(index) - 1] if index is not None and 1 <= index <= len(options) else None


@function("newid", UNIQUEIDENTIFIER)
def _newid(session: Any) -> uuid.UUID:
    return uuid.uuid4()


@function("newsequentialid", UNIQUEIDENTIFIER)
def _newsequentialid(session: Any) -> uuid.UUID:
    return uuid.uuid1()


# --- the error that CATCH handles


def _caught(session: Any) -> Any:
    return session.caught[-1].error if session.caught else None


@function("error_number", INT)
def _error_number(session: Any) -> int | None:
    error = _caught(session)
    return None if error is None else error.number


@function("error_severity", INT)
def _error_severity(session: Any) -> int | None:
    error = _caught(session)
    return None if error is None else error.severity


@function("error_state", INT)
def _error_state(session: Any) -> int | None:
    error = _caught(session)
    return None if error is None else error.state


@function("error_line", INT)
def _error_line(session: Any) -> int | None:
    error = _caught(session)
    return None if error is None else error.line


@function("error_message", nvarchar(4000))
def _error_message(session: Any) -> str | None:
    error = _caught(session)
    return None if error is None else error.message


@function("error_procedure", SYSNAME)
def _error_procedure(session: Any) -> str | None:
    error = _caught(session)
    return None if error is None else error.procedure or None


# --- the connection


@function("host_name", nvarchar(128))
def _host_name(session: Any) -> str:
    return str(session.host_name)


@function("app_name", nvarchar(128))
def _app_name(session: Any) -> str:
    return str(session.app_name)


@function("connectionproperty", SQL_VARIANT)
def _connectionproperty(session: Any, name: Any) -> Variant | None:
    """What CONNECTIONPROPERTY tells of a TCP connection to this machine; NULL for an unknown name."""
    values: dict[str, Any] = {
        "net_transport": "TCP",
        "protocol_type": "TSQL",
        "auth_scheme": "SQL",
        "local_net_address": "127.0.0.1",
        "local_tcp_port": session.instance.port,
        "client_net_address": "127.0.0.1",
        "physical_net_transport": "TCP",
    }
    found = values.get(str(name).lower())
    if found is None:
        return None
    return Variant(INT if isinstance(found, int) else nvarchar(48), found)


# --- counters and settings


@function("@@rowcount", INT)
def _rowcount(session: Any) -> int:
    return int(session.row_count)


@function("rowcount_big", SqlType("bigint"))
def _rowcount_big(session: Any) -> int:
    return int(session.row_count)


@function("@@error", INT)
def _error(session: Any) -> int:
    return int(session.last_error)


@function("@@trancount", INT)
def _trancount(session: Any) -> int:
    return int(session.transaction_count)


@function("xact_state", SMALLINT)
def _xact_state(session: Any) -> int:
    return -1 if session.is_doomed else int(session.transaction_count > 0)


@function("@@spid", SMALLINT)
def _spid(session: Any) -> int:
    return int(session.spid)


@function("@@identity", _IDENTITY)
def _identity(session: Any) -> Decimal | None:
    return None if session.last_identity is None else Decimal(session.last_identity)


@function("scope_identity", _IDENTITY)
def _scope_identity(session: Any) -> Decimal | None:
    return _identity(session)


@function("ident_current", _IDENTITY)
def _ident_current(session: Any, name: Any) -> Decimal | None:
    from simulator.sql.lexer import TokenStream  # noqa: PLC0415 - a name inside a string

    if name is None:
        return None
    database, schema = session.resolve(parts := TokenStream(str(name)).name())
    table = session.tables_of(database).find(schema, parts[-1])
    column = table.identity_column if table is not None else None
    if table is None or column is None or column.identity is None:
        return None
    return Decimal(column.identity[0] if table.identity_last is None else table.identity_last)


@function("@@nestlevel", INT)
def _nestlevel(session: Any) -> int:
    return int(session.nesting)


@function("@@language", nvarchar(128))
def _language(session: Any) -> str:
    return "us_english"


@function("@@langid", SMALLINT)
def _langid(session: Any) -> int:
    return 0


@function("@@datefirst", TINYINT)
def _datefirst(session: Any) -> int:
    return int(session.options.date_first)


@function("@@textsize", INT)
def _textsize(session: Any) -> int:
    return int(session.options.text_size)


@function("@@lock_timeout", INT)
def _lock_timeout(session: Any) -> int:
    return int(session.options.lock_timeout)


@function("@@options", INT)
def _options(session: Any) -> int:
    # Bits: Microsoft Learn, "Server configuration: user options".
    found = (
        8 | 16 | 32 | 256 | 1024 | 4096
    )  # warnings, padding, nulls, quoted identifiers, dflt_on, concat null
    found |= 512 if session.options.nocount else 0
    found |= 16384 if session.options.xact_abort else 0
    found |= 2 if session.options.implicit_transactions else 0
    return found


@function("@@max_precision", TINYINT)
def _max_precision(session: Any) -> int:
    return 38


@function("@@max_connections", INT)
def _max_connections(session: Any) -> int:
    return 32767


@function("@@fetch_status", INT)
def _fetch_status(session: Any) -> int:
    return 0


@function("session_context", SQL_VARIANT)
def _session_context(session: Any, key: Any) -> Any:
    return session.context_values.get(str(key).lower())


# --- who am I, without parentheses


def _user(session: Any) -> str:
    user = session.database.user_of(session.login)
    return str(user.name) if user is not None else "guest"


for _name in ("user", "current_user", "session_user"):
    function(_name, SYSNAME)(_user)


@function("system_user", SYSNAME)
def _system_user(session: Any) -> str:
    return str(session.login.name)
