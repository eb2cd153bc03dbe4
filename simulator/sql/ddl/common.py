"""What the grammars and executors of DDL share."""

from __future__ import annotations

from typing import Any

from simulator.errors import SqlError, sql_error
from simulator.estate.database import Database
from simulator.results import Info
from simulator.sql.lexer import TokenStream


def name_or_string(stream: TokenStream) -> str:
    """An identifier or a string constant, as file names and the like may be written."""
    token = stream.peek()
    return stream.string() if token is not None and token.kind == "string" else stream.identifier()


def on_off(stream: TokenStream) -> bool:
    """ON or OFF."""
    if stream.accept("on"):
        return True
    stream.expect("off")
    return False


def word(stream: TokenStream) -> str:
    """One unquoted word in upper case, reserved or not."""
    token = stream.next()
    if token.kind != "word":
        raise stream.fail(token)
    return token.text.upper()


def whole_number(stream: TokenStream) -> int:
    """A whole number without a sign. Raises 102."""
    token = stream.peek()
    if token is None or token.kind != "number" or not isinstance(token.value, int):
        raise stream.fail(token)
    stream.next()
    return token.value


def names_list(stream: TokenStream) -> tuple[str, ...]:
    """Identifiers separated by commas."""
    found = [stream.identifier()]
    while stream.accept(","):
        found.append(stream.identifier())
    return tuple(found)


def info(number: int, *args: object) -> Info:
    """A message of the catalogue with severity 10 or less."""
    error = sql_error(number, *args)
    return Info(error.number, error.severity, error.state, error.message)


def alter_failed(error: SqlError) -> SqlError:
    """The error together with 5069, which follows most failures of ALTER DATABASE."""
    error.also = [*error.also, sql_error(5069)]
    return error


def require_writable(database: Database) -> None:
    """Raise 3906 for a database that is read-only."""
    if database.is_read_only or database.is_snapshot:
        raise sql_error(3906, database.name)


def keep(session: Any) -> None:
    """Write the instance's state to disk, where state is kept; in a transaction only COMMIT does."""
    if not session.transaction_count:
        session.instance.changed()
