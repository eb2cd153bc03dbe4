"""String functions. Source: Microsoft Learn, "String functions (Transact-SQL)"."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import wraps
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.sql.query.like import like_pattern
from simulator.sql.registry import function
from simulator.sql.values import text_of, type_of
from simulator.sqltypes import FLOAT, INT, MAX, SqlType, nvarchar, varchar
from simulator.utf16 import characters, encoded, units

_QUOTES = {
    "[": "]",
    "]": "]",
    "'": "'",
    '"': '"',
    "(": ")",
    ")": ")",
    "<": ">",
    ">": ">",
    "{": "}",
    "}": "}",
    "`": "`",
}
_WIDTHS = {
    "bit": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "float": 8, "real": 4, "money": 8,
    "smallmoney": 4,
    "uniqueidentifier": 16, "datetime": 8, "smalldatetime": 4, "date": 3, "time": 5, "datetime2": 8,
    "datetimeoffset": 10,
}  # fmt: skip
_MAX_LONG = 1_000_000  # characters that REPLICATE makes of a max type; a server goes to 2 GB
_MAX_NAME = 128  # characters that QUOTENAME takes; longer input gives NULL


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else text_of(value, type_of(value))


def _same(types: Sequence[SqlType]) -> SqlType:
    """The first argument's string type, made varying."""
    first = types[0]
    if first.name in {"nvarchar", "nchar", "ntext", "xml"}:
        return nvarchar(first.length or 4000)
    if first.name in {"varchar", "char", "text"}:
        return varchar(first.length or 8000)
    return varchar(8000) if first.name != "sql_variant" else nvarchar(4000)


def _long(types: Sequence[SqlType]) -> SqlType:
    """As :func:`_same`, with room for a longer result."""
    found = _same(types)
    if found.length == MAX:
        return found
    return nvarchar(4000) if found.is_unicode or any(t.is_unicode for t in types) else varchar(8000)


def _all(types: Sequence[SqlType]) -> SqlType:
    if any(t.length == MAX for t in types):
        return nvarchar(MAX) if any(t.is_unicode for t in types) else varchar(MAX)
    return nvarchar(4000) if any(t.is_unicode for t in types) else varchar(8000)


def _nulls(call: Callable[..., Any]) -> Callable[..., Any]:
    """NULL in, NULL out."""
    return lambda *values: None if any(v is None for v in values) else call(*values)


def _by_character(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function that counts code units, and whole characters where the database's collation knows them.

    Source: Microsoft Learn, "Collation and Unicode support", supplementary characters (_SC, version 140,
    UTF-8).
    """

    @wraps(call)
    def counted(session: Any, *values: Any) -> Any:
        if not session.database.collation.has_supplementary:
            return call(session, *values)
        found = call(session, *(characters(v) if isinstance(v, str) else v for v in values))
        return units(found) if isinstance(found, str) else found

    return counted


@function("len", INT)
@_by_character
def _len(session: Any, value: Any) -> int | None:
    text = _text(value)
    return None if text is None else len(text.rstrip(" "))


@function("datalength", INT)
def _datalength(session: Any, types: list[SqlType], value: Any) -> int | None:
    if value is None:
        return None
    kind = types[0]
    if isinstance(value, str):
        return len(encoded(value)) if kind.is_unicode or kind.name == "sql_variant" else len(value)
    if isinstance(value, bytes):
        return len(value)
    if kind.name in {"decimal", "numeric"}:
        return next(w for p, w in ((9, 5), (19, 9), (28, 13), (38, 17)) if (kind.precision or 18) <= p)
    return _WIDTHS.get(kind.name, 8)


@function("substring", _same, takes=(None, INT, INT))
@_by_character
def _substring(session: Any, value: Any, start: Any, length: Any) -> Any:
    if value is None or start is None or length is None:
        return None
    if length < 0:
        raise sql_error(537, state=3)
    text = value if isinstance(value, (str, bytes)) else _text(value) or ""
    first = int(start) - 1
    return text[max(first, 0) : max(first + int(length), 0)]


@function("left", _same, takes=(None, INT))
@_by_character
def _left(session: Any, value: Any, length: Any) -> str | None:
    text = _text(value)
    if text is None or length is None:
        return None
    if length < 0:
        raise sql_error(537, state=2)
    return text[: int(length)]


@function("right", _same, takes=(None, INT))
@_by_character
def _right(session: Any, value: Any, length: Any) -> str | None:
    text = _text(value)
    if text is None or length is None:
        return None
    if length < 0:
        raise sql_error(536, "right", state=2)
    return text[-int(length) :] if length else ""


@function("upper", _same)
def _upper(session: Any, value: Any) -> str | None:
    return _nulls(lambda text: text.upper())(_text(value))


@function("lower", _same)
def _lower(session: Any, value: Any) -> str | None:
    return _nulls(lambda text: text.lower())(_text(value))


@function("ltrim", _same)
def _ltrim(session: Any, value: Any) -> str | None:
    return _nulls(lambda text: text.lstrip(" "))(_text(value))


@function("rtrim", _same)
def _rtrim(session: Any, value: Any) -> str | None:
    return _nulls(lambda text: text.rstrip(" "))(_text(value))


@function("trim", _same)
def _trim(session: Any, value: Any, characters: Any = " ") -> str | None:
    return _nulls(lambda text, chars: text.strip(chars))(_text(value), _text(characters))


def _ignoring_case(session: Any) -> bool:
    key = session.database.name_key
    return bool(key("a") == key("A"))


@function("replace", _long)
def _replace(session: Any, value: Any, old: Any, new: Any) -> str | None:
    text, search, instead = _text(value), _text(old), _text(new)
    if text is None or search is None or instead is None:
        return None
    if not search:
        return text
    flags = re.IGNORECASE if _ignoring_case(session) else 0
    return re.sub(re.escape(search), lambda _: instead, text, flags=flags)


@function("replicate", _long, takes=(None, INT))
def _replicate(session: Any, types: list[SqlType], value: Any, count: Any) -> str | None:
    text = _text(value)
    if text is None or count is None or count < 0:
        return None
    most = _MAX_LONG if types[0].length == MAX else 4000 if types[0].is_unicode else 8000
    return (text * min(int(count), most))[:most] if len(text) <= most else text * min(int(count), 1)


@function("space", varchar(8000), takes=(INT,))
def _space(session: Any, count: Any) -> str | None:
    return None if count is None or count < 0 else " " * min(int(count), 8000)


@function("reverse", _same)
@_by_character
def _reverse(session: Any, value: Any) -> str | None:
    return _nulls(lambda text: text[::-1])(_text(value))


@function("stuff", _long, takes=(None, INT, INT, None))
@_by_character
def _stuff(session: Any, value: Any, start: Any, length: Any, new: Any) -> str | None:
    text = _text(value)
    if text is None or start is None or length is None or length < 0 or not 1 <= start <= len(text):
        return None
    return text[: start - 1] + (_text(new) or "") + text[start - 1 + length :]


@function("charindex", INT, takes=(None, None, INT))
@_by_character
def _charindex(session: Any, wanted: Any, value: Any, start: Any = 1) -> int | None:
    search, text = _text(wanted), _text(value)
    if search is None or text is None:
        return None
    if _ignoring_case(session):
        search, text = search.lower(), text.lower()
    return text.find(search, max(int(start or 1) - 1, 0)) + 1 if search else 0


@function("patindex", INT)
@_by_character
def _patindex(session: Any, pattern: Any, value: Any) -> int | None:
    wanted, text = _text(pattern), _text(value)
    if wanted is None or text is None:
        return None
    if not wanted.startswith("%"):
        return int(like_pattern(wanted, None, session.database.name_key)(text))
    matches = like_pattern(wanted[1:], None, session.database.name_key)
    return next((at + 1 for at in range(len(text)) if matches(text[at:])), 0)


@function("concat", _all)
def _concat(session: Any, first: Any, second: Any, *rest: Any) -> str:
    return "".join(_text(value) or "" for value in (first, second, *rest))


@function("concat_ws", _all)
def _concat_ws(session: Any, separator: Any, first: Any, second: Any, *rest: Any) -> str:
    return (_text(separator) or "").join(_text(v) or "" for v in (first, second, *rest) if v is not None)


@function("quotename", nvarchar(258))
def _quotename(session: Any, value: Any, quote: Any = "[") -> str | None:
    text = _text(value)
    if text is None or quote is None or len(text) > _MAX_NAME:
        return None
    closing = _QUOTES.get(str(quote)[:1])
    if closing is None:
        return None
    opening = next(o for o, c in _QUOTES.items() if c == closing)
    return opening + text.replace(closing, closing * 2) + closing


@function("char", SqlType("char", 1), takes=(INT,))
def _char(session: Any, code: Any) -> str | None:
    return bytes([code]).decode("cp1252", "replace") if code is not None and 0 <= code <= 255 else None


@function("nchar", SqlType("nchar", 1), takes=(INT,))
def _nchar(session: Any, code: Any) -> str | None:
    if code is not None and code > 0xFFFF and session.database.collation.has_supplementary:
        raise unknown_tsql("NCHAR beyond U+FFFF")  # its result would be nvarchar(2) there
    return chr(code) if code is not None and 0 <= code <= 0xFFFF else None


@function("ascii", INT)
def _ascii(session: Any, value: Any) -> int | None:
    text = _text(value)
    return text.encode("cp1252", "replace")[0] if text else None


@function("unicode", INT)
@_by_character
def _unicode(session: Any, value: Any) -> int | None:
    text = _text(value)
    return ord(text[0]) if text else None


@function("str", varchar(8000), takes=(FLOAT, INT, INT))
def _str(session: Any, value: Any, length: Any = 10, decimals: Any = 0) -> str | None:
    if value is None:
        return None
    if length is None or decimals is None or not 0 <= length <= 8000 or decimals < 0:
        return None
    text = f"{float(value):.{min(int(decimals), 16)}f}"
    return text.rjust(int(length)) if len(text) <= length else "*" * int(length)


@function("string_escape", nvarchar(MAX))
def _string_escape(session: Any, value: Any, kind: Any) -> str | None:
    if str(kind).lower() != "json":
        raise unknown_tsql(f"STRING_ESCAPE of type {kind}")
    return None if value is None else json.dumps(_text(value), ensure_ascii=False)[1:-1].replace("/", "\\/")


@function("parsename", nvarchar(128), takes=(None, INT))
def _parsename(session: Any, value: Any, piece: Any) -> str | None:
    text = _text(value)
    if text is None or piece is None or not 1 <= piece <= 4:
        return None
    parts = re.findall(r"\[((?:[^\]]|\]\])*)\]|\"([^\"]*)\"|([^.]+)|(?<=\.)(?=\.)", text)
    names = [a.replace("]]", "]") or b or c for a, b, c in parts]
    return names[-piece] or None if piece <= len(names) <= 4 else None


@function("isnumeric", INT)
def _isnumeric(session: Any, value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, (int, float, Decimal)):
        return 1
    return int(bool(re.fullmatch(r"\s*[-+$]?(\d[\d,]*\.?\d*|\.\d+)([eEdD][-+]?\d+)?\s*", str(value))))


@function("isjson", INT)
def _isjson(session: Any, value: Any) -> int | None:
    if value is None:
        return None
    try:
        return int(isinstance(json.loads(str(value)), (dict, list)))
    except ValueError:
        return 0
