# ruff: noqa: PLR0911 - one branch for each form of the language
"""Names of data types in T-SQL text, to and from :class:`simulator.sqltypes.SqlType`."""

from __future__ import annotations

from simulator.errors import sql_error
from simulator.sql.lexer import TokenStream
from simulator.sqltypes import MAX, SqlType

_SYNONYMS = {
    "integer": "int",
    "dec": "decimal",
    "character": "char",
    "national": "nchar",
    "rowversion": "timestamp",
}
_PLAIN = {
    "bit", "tinyint", "smallint", "int", "bigint", "real", "money", "smallmoney", "date", "datetime",
    "smalldatetime", "uniqueidentifier", "xml", "sql_variant", "timestamp", "text", "ntext", "image",
}  # fmt: skip
_LENGTHS = {"char": 8000, "varchar": 8000, "nchar": 4000, "nvarchar": 4000, "binary": 8000, "varbinary": 8000}
_SCALED = {"time", "datetime2", "datetimeoffset"}


def parse_type(stream: TokenStream, *, default_length: int = 1) -> SqlType:
    """Read a data type. ``default_length``: for char and binary types without one (30 in CAST and CONVERT).

    Raises 243 for an unknown name, 102 for wrong arguments.
    """
    token = stream.peek()
    parts = stream.name() if token is not None and token.is_name else ()
    if not parts:
        if not stream.at("national"):
            raise stream.fail(token)
        stream.next()
        parts = ("national",)
    name = parts[-1].lower()
    if len(parts) > 1 and parts[0].lower() != "sys":
        raise sql_error(243, ".".join(parts))
    return _complete(stream, name, default_length)


def _complete(stream: TokenStream, name: str, default_length: int) -> SqlType:
    if name == "sysname":
        return SqlType("nvarchar", 128)
    if name == "double":
        stream.expect("precision")
        return SqlType("float")
    if name == "national":
        if not stream.accept("character"):
            stream.expect("char")
        name = "nchar"
    name = _SYNONYMS.get(name, name)
    if name in {"char", "nchar"} and stream.accept("varying"):
        name = name.replace("char", "varchar")
    if name in _PLAIN:
        return SqlType(name)
    if name in _LENGTHS:
        return SqlType(name, _length(stream, name, default_length))
    if name == "float":
        bits = _arguments(stream, 1)
        return SqlType("real" if bits and bits[0] <= 24 else "float")
    if name in {"decimal", "numeric"}:
        given = _arguments(stream, 2)
        precision = given[0] if given else 18
        scale = given[1] if len(given) > 1 else 0
        if not 1 <= precision <= 38 or not 0 <= scale <= precision:
            raise sql_error(1023, scale, name)
        return SqlType(name, None, precision, scale)
    if name in _SCALED:
        given = _arguments(stream, 1)
        if given and not 0 <= given[0] <= 7:
            raise sql_error(1023, given[0], name)
        return SqlType(name, scale=given[0] if given else 7)
    raise sql_error(243, name)


def _arguments(stream: TokenStream, most: int) -> list[int]:
    if not stream.accept("("):
        return []
    values: list[int] = []
    while True:
        value = stream.number()
        if not isinstance(value, int) or len(values) == most:
            raise stream.fail()
        values.append(value)
        if not stream.accept(","):
            break
    stream.expect(")")
    return values


def _length(stream: TokenStream, name: str, default_length: int) -> int:
    if not stream.accept("("):
        return default_length
    if name in {"varchar", "nvarchar", "varbinary"} and stream.accept("max"):
        stream.expect(")")
        return MAX
    value = stream.number()
    stream.expect(")")
    if not isinstance(value, int) or not 1 <= value <= _LENGTHS[name]:
        raise sql_error(131, value, name, _LENGTHS[name])
    return value


def type_of_name(text: str) -> SqlType:
    """The type that ``text`` names, as ``.value('…', 'int')`` has it. Raises 243."""
    stream = TokenStream(text)
    found = parse_type(stream)
    if stream.peek() is not None:
        raise stream.fail()
    return found


def type_name(kind: SqlType) -> str:
    """The type as T-SQL text with its arguments: ``nvarchar(128)``."""
    if kind.length is not None:
        return f"{kind.name}({'max' if kind.length == MAX else kind.length})"
    if kind.name in {"decimal", "numeric"}:
        return f"{kind.name}({kind.precision},{kind.scale})"
    if kind.scale is not None:
        return f"{kind.name}({kind.scale})"
    return kind.name
