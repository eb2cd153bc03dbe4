"""Parameterised and prepared statements: sp_executesql, sp_prepare, sp_prepexec, sp_execute, sp_unprepare.

Source: MS-TDS 2.2.6.6 and Microsoft Learn's pages of these procedures.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from simulator.errors import SqlError, sql_error, unknown_tsql
from simulator.results import ErrorMessage, Result, ReturnStatus, ReturnValue
from simulator.sql.execute_queries import Frame
from simulator.sql.lexer import TokenStream
from simulator.sql.parser import parse_batch
from simulator.sql.query.scope import Cell
from simulator.sql.registry import Argument, procedure
from simulator.sql.typenames import parse_type
from simulator.sql.values import convert
from simulator.sqltypes import INT, SqlType

_DECLARATIONS = 256  # distinct parameter lists kept


@dataclass(frozen=True)
class Declared:
    """A parameter of a parameter list."""

    name: str
    type: SqlType
    is_output: bool


@lru_cache(maxsize=_DECLARATIONS)
def parse_parameters(text: str) -> tuple[Declared, ...]:
    """The list ``@a int, @b nvarchar(10) OUTPUT``. Raises 102."""
    stream = TokenStream(text)
    found: list[Declared] = []
    while stream.peek() is not None:
        if found:
            stream.expect(",")
        name = stream.variable()
        stream.accept("as")
        kind = parse_type(stream)
        if stream.at("=") or stream.at("readonly"):
            raise unknown_tsql("defaults and table-valued parameters in a parameter list")
        is_output = stream.accept("output") or stream.accept("out")
        found.append(Declared(name, kind, is_output))
    return tuple(found)


def _text(arguments: list[Argument], at: int, name: str) -> str:
    value = arguments[at].value if at < len(arguments) else None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise sql_error(214, name, "ntext/nchar/nvarchar")
    return value


def bind(text: str, declared: tuple[Declared, ...], given: list[Argument]) -> Frame:
    """The variables of a parameterised text. Raises 8144, 8145, 8178 and errors of conversion."""
    frame = Frame()
    by_name = {argument.name.lower(): argument for argument in given if argument.name}
    plain = [argument for argument in given if not argument.name]
    if len(given) > len(declared):
        raise sql_error(8144, "", state=2)
    for at, parameter in enumerate(declared):
        argument = plain[at] if at < len(plain) else by_name.pop(parameter.name.lower(), None)
        if argument is None or argument.is_default:
            shown = f"({', '.join(d.name for d in declared)}){text}"[:128]
            raise sql_error(8178, shown, parameter.name)
        value = convert(argument.value, argument.type, parameter.type)
        frame.variables[parameter.name.lower()] = Cell(parameter.type, value)
    if by_name:
        raise sql_error(8145, next(iter(by_name)), "")
    return frame


async def _run(
    session: Any, text: str, declared: tuple[Declared, ...], given: list[Argument], first: int
) -> AsyncIterator[Result]:
    """Run ``text``; output parameters come back with their ordinals, ``first``: the first value's."""
    frame = bind(text, declared, given)
    async for result in session.run_text(text, frame):
        yield result
    names = [d.name.lower() for d in declared]
    for at, argument in enumerate(given):
        place = names.index(argument.name.lower()) if argument.name else at
        if argument.is_output:
            if not declared[place].is_output:
                raise sql_error(8162, declared[place].name, state=2)
            cell = frame.variables[names[place]]
            yield ReturnValue(first + at, declared[place].name, cell.type, cell.value)


@procedure("sp_executesql")
async def sp_executesql(session: Any, arguments: list[Argument]) -> AsyncIterator[Result]:
    """``sp_executesql @stmt, @params, values …``. Raises 201, 214, 8178."""
    if not arguments or arguments[0].value is None:
        if not arguments:
            raise sql_error(201, "sp_executesql", "@statement", state=10)
        return
    if not (isinstance(arguments[0].value, str) and arguments[0].type.is_unicode):
        raise sql_error(214, "@statement", "ntext/nchar/nvarchar", state=2)
    text = arguments[0].value
    declared = parse_parameters(_text(arguments, 1, "@params"))
    async for result in _run(session, text, declared, arguments[2:], 2):
        yield result


def _prepare(session: Any, parameters: str, text: str) -> int:
    """Keep a statement. Raises the error of its text, with 8180 behind it."""
    try:
        declared = parse_parameters(parameters)
        parse_batch(text, frozenset(d.name.lower() for d in declared))
    except SqlError as error:
        error.also = [*error.also, sql_error(8180)]
        raise
    handle: int = session.next_handle
    session.next_handle += 1
    session.prepared[handle] = (parameters, text)
    return handle


@procedure("sp_prepare")
def sp_prepare(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """``sp_prepare @handle OUTPUT, @params, @stmt, @options``."""
    handle = _prepare(session, _text(arguments, 1, "@params"), _text(arguments, 2, "@stmt"))
    yield ReturnValue(0, arguments[0].name, INT, handle)


@procedure("sp_prepexec")
async def sp_prepexec(session: Any, arguments: list[Argument]) -> AsyncIterator[Result]:
    """``sp_prepexec @handle OUTPUT, @params, @stmt, values …``: a handle given in is dropped first."""
    old = arguments[0].value
    if old is not None:
        session.prepared.pop(old, None)
    parameters, text = _text(arguments, 1, "@params"), _text(arguments, 2, "@stmt")
    handle = _prepare(session, parameters, text)
    async for result in _run(session, text, parse_parameters(parameters), arguments[3:], 3):
        yield result
    yield ReturnStatus(0)
    yield ReturnValue(0, arguments[0].name, INT, handle)


def _prepared(session: Any, arguments: list[Argument]) -> tuple[str, str]:
    handle = arguments[0].value if arguments else None
    found: tuple[str, str] | None = session.prepared.get(handle)
    if found is None:
        raise sql_error(8179, handle, state=2)
    return found


@procedure("sp_execute")
async def sp_execute(session: Any, arguments: list[Argument]) -> AsyncIterator[Result]:
    """``sp_execute @handle, values …``. Raises 8179."""
    parameters, text = _prepared(session, arguments)
    async for result in _run(session, text, parse_parameters(parameters), arguments[1:], 1):
        yield result


@procedure("sp_unprepare")
def sp_unprepare(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """``sp_unprepare @handle``. Raises 8179."""
    _prepared(session, arguments)
    del session.prepared[arguments[0].value]
    yield ReturnStatus(0)


@procedure("sp_prepexecrpc")
def sp_prepexecrpc(session: Any, arguments: list[Argument]) -> Iterator[Result]:
    """ODBC's ``{CALL p(?)}``."""
    yield from _refused("sp_prepexecrpc ({CALL …} with parameters)")


def _refused(what: str) -> Iterator[ErrorMessage]:
    raise unknown_tsql(what)
    yield ErrorMessage(0, 0, 0, "")
