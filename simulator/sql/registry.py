"""Where views, functions, procedures and statement grammars are registered, and looked up by name.

Keys are in lower case; whether the case of what was asked for counts is decided where names are resolved.
Whoever registers does so at import; :mod:`simulator.sql.load` imports them all.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from simulator.results import Column, Result
from simulator.sql.lexer import TokenStream
from simulator.sqltypes import SQL_VARIANT, SqlType

# Texts that SQL Server itself writes (state_desc and the like) have one collation on every instance.
DESCRIPTIONS = "Latin1_General_CI_AS_KS_WS"
F = TypeVar("F", bound=Callable[..., Any])
Rows = Iterable[Sequence[Any]]
Columns = (
    Sequence[Column] | Callable[[Any], Sequence[Column]]
)  # a callable gets the instance (columns by version)
ReturnType = SqlType | Callable[[Sequence[SqlType]], SqlType]


@dataclass(frozen=True)
class View:
    """A system view or table function. ``rows(session, database, *args)`` gives tuples in column order."""

    name: str
    columns: Columns
    rows: Callable[..., Rows]

    def columns_for(self, instance: Any) -> Sequence[Column]:
        """The columns on ``instance``."""
        return _with_fixed_collation(
            tuple(self.columns(instance) if callable(self.columns) else self.columns)
        )


@lru_cache(maxsize=512)
def _with_fixed_collation(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The descriptions have a collation of their own, whatever the server's is."""
    return tuple(
        replace(column, collation=DESCRIPTIONS)
        if column.name.endswith("_desc") and column.type.name == "nvarchar"
        else column
        for column in columns
    )


@dataclass(frozen=True)
class Function:
    """A scalar function: ``call(session, *args)``; ``least``/``most`` arguments (most None: any number)."""

    name: str
    call: Callable[..., Any]
    returns: ReturnType
    least: int
    most: int | None
    takes_types: bool = False
    takes: tuple[SqlType | None, ...] = ()

    def type_for(self, arguments: Sequence[SqlType]) -> SqlType:
        """The result type for arguments of these types."""
        return self.returns(arguments) if callable(self.returns) else self.returns


@dataclass(frozen=True)
class Argument:
    """An argument of EXEC or of a remote procedure call; ``name`` has its ``@`` or is empty.

    A procedure gives an output parameter back by yielding :class:`simulator.results.ReturnValue` with the
    ordinal of the argument (counting from 0).
    """

    name: str
    value: Any
    type: SqlType = SQL_VARIANT
    is_output: bool = False
    is_default: bool = False  # the word DEFAULT stood in its place


ProcedureBody = Callable[..., "AsyncIterator[Result] | Iterator[Result]"]

VIEWS: dict[str, View] = {}
TABLE_FUNCTIONS: dict[str, View] = {}
FUNCTIONS: dict[str, Function] = {}
PROCEDURES: dict[str, ProcedureBody] = {}
PROCEDURE_NAMES: dict[str, str] = {}  # as a case-sensitive server wants them, by the names in lower case
GRAMMARS: dict[tuple[str, ...], Callable[[TokenStream], Any]] = {}
EXECUTORS: dict[type, ProcedureBody] = {}


def _put(table: dict[Any, Any], key: Any, value: Any) -> None:
    if key in table:
        raise ValueError(f"registered twice: {key}")
    table[key] = value


def view(name: str, columns: Columns) -> Callable[[F], F]:
    """Register ``fn(session, database)`` as the rows of the view ``schema.name``."""

    def register(fn: F) -> F:
        _put(VIEWS, name.lower(), View(name, columns, fn))
        return fn

    return register


def table_function(name: str, columns: Columns) -> Callable[[F], F]:
    """Register ``fn(session, database, *args)`` as the rows of the table function ``schema.name``."""

    def register(fn: F) -> F:
        _put(TABLE_FUNCTIONS, name.lower(), View(name, columns, fn))
        return fn

    return register


def function(name: str, returns: ReturnType, *, takes: tuple[SqlType | None, ...] = ()) -> Callable[[F], F]:
    """Register ``fn(session, *args)`` as the scalar function ``name`` (``SUSER_SID`` or ``sys.fn_x``).

    How many arguments it takes follows from its signature: 174 or 189 otherwise. A function whose second
    parameter is called ``types`` gets the arguments' types there. ``takes`` gives types that the
    arguments are converted to, None for those taken as they are.
    """

    def register(fn: F) -> F:
        parameters = list(inspect.signature(fn).parameters.values())[1:]
        takes_types = bool(parameters) and parameters[0].name == "types"
        parameters = parameters[1:] if takes_types else parameters
        any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        least = sum(p.default is p.empty for p in plain)
        _put(
            FUNCTIONS,
            name.lower(),
            Function(name, fn, returns, least, None if any_number else len(plain), takes_types, takes),
        )
        return fn

    return register


def procedure(name: str) -> Callable[[F], F]:
    """Register ``fn(session, arguments)``, a generator or async generator of results, as a system procedure.

    It runs with ``session.database`` set to the database named in ``EXEC [db]..name``.
    """

    def register(fn: F) -> F:
        _put(PROCEDURES, name.lower(), fn)
        PROCEDURE_NAMES[name.lower()] = name
        return fn

    return register


def grammar(words: str) -> Callable[[F], F]:
    """Register ``fn(stream)`` for statements that begin with ``words``; they are consumed before the call.

    The longest registered sequence of leading words wins. The grammar consumes exactly its own tokens.
    """

    def register(fn: F) -> F:
        _put(GRAMMARS, tuple(words.lower().split()), fn)
        return fn

    return register


def executes(statement: type) -> Callable[[F], F]:
    """Register ``fn(session, statement)``, a generator (async or not) of results, for a statement class."""

    def register(fn: F) -> F:
        _put(EXECUTORS, statement, fn)
        return fn

    return register


def find_grammar(stream: TokenStream) -> tuple[int, Callable[[TokenStream], Any]] | None:
    """The longest registered grammar at the stream's position, as (number of leading words, grammar)."""
    best: tuple[int, Callable[[TokenStream], Any]] | None = None
    for length in range(1, _longest() + 1):
        words = []
        for k in range(length):
            token = stream.peek(k)
            words.append(token.lower if token is not None else "")
        if "" in words:
            break
        found = GRAMMARS.get(tuple(words))
        if found is not None:
            best = (length, found)
    return best


def _longest() -> int:
    return max((len(words) for words in GRAMMARS), default=0)
