"""sp_configure and RECONFIGURE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error
from simulator.estate.access import has_server
from simulator.estate.configuration import OPTIONS, SHOW_ADVANCED, option
from simulator.results import Column, Result, ResultSet, ReturnStatus, StatementDone
from simulator.sql.ddl.common import info, keep
from simulator.sql.lexer import TokenStream
from simulator.sql.registry import Argument, executes, grammar, procedure
from simulator.sqltypes import INT, nvarchar

_COLUMNS = (
    Column("name", nvarchar(35)),
    Column("minimum", INT),
    Column("maximum", INT),
    Column("config_value", INT),
    Column("run_value", INT),
)


@dataclass(frozen=True)
class Reconfigure:
    """RECONFIGURE [WITH OVERRIDE]."""


@grammar("RECONFIGURE")
def parse_reconfigure(stream: TokenStream) -> Reconfigure:
    """``RECONFIGURE [WITH OVERRIDE]``."""
    stream.accept("with", "override")
    return Reconfigure()


@executes(Reconfigure)
def reconfigure(session: Any, _statement: Reconfigure) -> Iterator[Result]:
    """Put configured values of dynamic options into use. Raises 574-like 226 in a transaction, 5812."""
    session.refuse_in_transaction("CONFIG")
    if not has_server(session, "ALTER SETTINGS"):
        raise sql_error(5812)
    instance = session.instance
    for each in OPTIONS:
        if each.is_dynamic:
            instance.running[each.name] = instance.configured[each.name]
    keep(session)
    yield StatementDone()


@procedure("sp_configure")
def sp_configure(session: Any, arguments: Sequence[Argument]) -> Iterator[Result]:
    """List options, show one, or set one. Raises 15123, 15124, 15129, 15247."""
    instance = session.instance
    named = {a.name.lower(): a.value for a in arguments}
    plain = [a.value for a in arguments if not a.name]
    name = named.get("@configname", plain[0] if plain else None)
    value = named.get("@configvalue", plain[1] if len(plain) > 1 else None)
    advanced = bool(instance.running[SHOW_ADVANCED])
    visible = [o for o in OPTIONS if advanced or not o.is_advanced]
    if name is None:
        yield _listing(instance, sorted(visible, key=lambda o: o.name.lower()))
        yield ReturnStatus(0)
        return
    found = [o for o in option(str(name)) if o in visible]
    if not found:
        raise sql_error(15123, name)
    if len(found) > 1:
        raise sql_error(15124, name)
    chosen = found[0]
    if value is None:
        yield _listing(instance, [chosen])
        yield ReturnStatus(0)
        return
    if not has_server(session, "ALTER SETTINGS"):
        raise sql_error(15247)
    number = _whole(value)
    if not chosen.minimum <= number <= chosen.maximum and number != chosen.default:
        raise sql_error(15129, number, chosen.name)
    old = instance.configured[chosen.name]
    instance.configured[chosen.name] = number
    keep(session)
    yield info(15457, chosen.name, old, number)
    yield ReturnStatus(0)


def _whole(value: Any) -> int:
    """The new value as a whole number. Raises 8114 for text that is none."""
    try:
        return int(value)
    except ValueError:
        raise sql_error(8114, "nvarchar", "int", state=5) from None


def _listing(instance: Any, options: list[Any]) -> ResultSet:
    return ResultSet(
        _COLUMNS,
        [
            (o.name, o.minimum, o.maximum, instance.configured[o.name], instance.running[o.name])
            for o in options
        ],
    )
