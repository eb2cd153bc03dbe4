# ruff: noqa: PLR0911, PLR0912 - one branch for each form of the language
"""Values of T-SQL: the precedence of types, conversion between them, comparison.

Sources: Microsoft Learn, "Data type precedence", "CAST and CONVERT", "Precision, scale, and length".
"""

from __future__ import annotations

import math
import re
import struct
import uuid
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext
from typing import Any

from simulator.errors import SqlError, sql_error
from simulator.sql.dates import fit_datetime, format_datetime, parse_datetime
from simulator.sql.typenames import type_name
from simulator.sqltypes import MAX, SqlType, Variant
from simulator.utf16 import decoded, encoded

NULL_TYPE = SqlType("null")  # the type of a bare NULL; becomes int where it has to be one

INTEGERS = {
    "bit": (0, 1),
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
}
INTEGERS["bigint"] = (-(2**63), 2**63 - 1)
DECIMALS = frozenset({"decimal", "numeric"})
MONEY = {"money": Decimal("922337203685477.5807"), "smallmoney": Decimal("214748.3647")}
_MONEY_UNIT = Decimal("0.0001")
FLOATS = frozenset({"float", "real"})
STRINGS = frozenset({"char", "varchar", "nchar", "nvarchar", "text", "ntext"})
BINARIES = frozenset({"binary", "varbinary", "image", "timestamp"})
DATETIMES = frozenset({"date", "time", "datetime", "smalldatetime", "datetime2", "datetimeoffset"})
NUMBERS = frozenset(INTEGERS) | DECIMALS | frozenset(MONEY) | FLOATS

_PRECEDENCE = [
    "null", "binary", "varbinary", "char", "varchar", "nchar", "nvarchar", "uniqueidentifier", "timestamp",
    "image",
    "text", "ntext", "bit", "tinyint", "smallint", "int", "bigint", "smallmoney", "money", "numeric",
    "decimal",
    "real", "float", "time", "date", "smalldatetime", "datetime", "datetime2", "datetimeoffset", "xml",
    "sql_variant",
]  # fmt: skip
_RANK = {name: rank for rank, name in enumerate(_PRECEDENCE)}
_WIDE = Context(prec=80, rounding=ROUND_HALF_UP)
_DIGITS = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19, "money": 19, "smallmoney": 10}
_EPOCH = datetime(1900, 1, 1)


def as_decimal_type(kind: SqlType) -> SqlType:
    """The decimal type that holds every value of an exact number type."""
    if kind.name in DECIMALS:
        return kind
    scale = 4 if kind.name in MONEY else 0
    return SqlType("numeric", None, _DIGITS.get(kind.name, 38), scale)


def unify(first: SqlType, second: SqlType) -> SqlType:
    """The type of CASE branches, UNION columns and comparison operands of these types."""
    if first == second or second.name == "null":
        return first
    if first.name == "null":
        return second
    low, high = sorted((first, second), key=lambda kind: _RANK[kind.name])
    if high.name in DECIMALS and low.name in NUMBERS - FLOATS:
        return _wider_decimal(as_decimal_type(low), high)
    if high.name in STRINGS | BINARIES and low.name in STRINGS | BINARIES and high.length is not None:
        if MAX in (low.length, high.length) or low.length is None:
            return SqlType(_varying(high.name), MAX)
        name = high.name if low.name == high.name else _varying(high.name)
        return SqlType(name, max(low.length, high.length))
    if high.scale is not None and low.scale is not None and high.name == low.name:
        return SqlType(high.name, high.length, high.precision, max(high.scale, low.scale))
    return high


def _varying(name: str) -> str:
    return {
        "char": "varchar",
        "nchar": "nvarchar",
        "binary": "varbinary",
        "text": "varchar",
        "ntext": "nvarchar",
    }.get(name, name)


def _wider_decimal(first: SqlType, second: SqlType) -> SqlType:
    scale = max(first.scale or 0, second.scale or 0)
    whole = max((first.precision or 18) - (first.scale or 0), (second.precision or 18) - (second.scale or 0))
    return SqlType(second.name, None, min(whole + scale, 38), scale)


def type_of(value: Any) -> SqlType:
    """The type of a Python value, where nothing better is known (sql_variant)."""
    if value is None:
        return NULL_TYPE
    if isinstance(value, Variant):
        return value.type
    if isinstance(value, bool):
        return SqlType("bit")
    if isinstance(value, int):
        return SqlType("int" if -(2**31) <= value < 2**31 else "bigint")
    if isinstance(value, float):
        return SqlType("float")
    if isinstance(value, Decimal):
        digits = value.as_tuple()
        scale = max(-int(digits.exponent), 0)
        return SqlType("numeric", None, max(len(digits.digits), scale, 1), scale)
    if isinstance(value, str):
        return SqlType("nvarchar", max(len(value), 1) if len(value) <= 4000 else MAX)
    if isinstance(value, bytes):
        return SqlType("varbinary", max(len(value), 1) if len(value) <= 8000 else MAX)
    if isinstance(value, uuid.UUID):
        return SqlType("uniqueidentifier")
    if isinstance(value, datetime):
        return SqlType("datetimeoffset", scale=7) if value.tzinfo else SqlType("datetime2", scale=7)
    if isinstance(value, date):
        return SqlType("date")
    if isinstance(value, time):
        return SqlType("time", scale=7)
    raise TypeError(f"no SQL type for {type(value).__name__}")


def convert(
    value: Any, source: SqlType, target: SqlType, style: int | None = None, *, implicit: bool = False
) -> Any:
    """``value`` of type ``source`` as a value of ``target``. NULL stays NULL.

    Explicit conversion to a string type cuts silently; ``implicit`` leaves length checks to the caller.
    Raises 241–245, 8114, 8115, 8134, 8169, 529 and the like.
    """
    if value is None:
        return None
    if isinstance(value, Variant):
        value, source = value.value, value.type
        if target.name != "sql_variant":
            return convert(value, source, target, style, implicit=implicit)
        return Variant(source, value)
    if source == target and not implicit:
        return value if source.name not in {"char", "nchar"} else _to_string(value, source, target, style)
    name = target.name
    if name == "null":
        return value
    if name in INTEGERS:
        return _to_integer(value, source, name)
    if name in STRINGS:
        return _to_string(value, source, target, style)
    if name in DECIMALS:
        return _to_decimal(value, source, target)
    if name in DATETIMES:
        return _to_datetime(value, source, target, style)
    if name in FLOATS:
        return _to_float(value, source, target)
    if name in MONEY:
        return _to_money(value, source, target)
    if name in BINARIES:
        return _to_binary(value, source, target, style)
    if name == "uniqueidentifier":
        return _to_guid(value, source)
    if name == "xml":
        return _to_xml(value, source)
    if name == "sql_variant":
        return Variant(type_of(value) if source.name == "null" else source, value)
    raise sql_error(243, name)


def _not_allowed(source: SqlType, target: str) -> SqlError:
    return sql_error(529, source.name, target)


def _to_integer(value: Any, source: SqlType, name: str) -> int:
    if isinstance(value, str):
        number = _integer_of_text(value, source, name)
    elif isinstance(value, (int, float, Decimal)):
        number = int(value)
        if name == "bit":
            return int(value != 0)
    elif isinstance(value, bytes):
        number = int.from_bytes(
            value[-8:] if name == "bigint" else value[-4:], "big", signed=name != "tinyint"
        )
    elif isinstance(value, datetime) and source.name in {"datetime", "smalldatetime"}:
        number = round((value - _EPOCH) / timedelta(days=1))
    else:
        raise _not_allowed(source, name)
    low, high = INTEGERS[name]
    if not low <= number <= high:
        if isinstance(value, str):
            if name == "int":
                raise sql_error(248, source.name, value)
            if name == "bigint":
                raise sql_error(8115, "expression", name, state=2)
            raise sql_error(244, source.name, value, {"tinyint": "INT1", "smallint": "INT2"}[name])
        if name in {"tinyint", "smallint"} and source.name in INTEGERS:
            raise sql_error(220, name, number)
        raise sql_error(8115, _spoken(source), name, state=2)
    return number


def _integer_of_text(value: str, source: SqlType, name: str) -> int:
    text = value.strip()
    if name == "bit":
        if text.lower() in {"true", "false"}:
            return int(text.lower() == "true")
        if text.lstrip("+-").isdigit() or not text:
            return int(bool(int(text or 0)))
        raise sql_error(245, source.name, value, "bit")
    digits = text.lstrip("+-")
    if not text:
        return 0
    if not (digits.isascii() and digits.isdigit()) or len(text) - len(digits) > 1:
        if name == "bigint":
            raise sql_error(8114, source.name, name, state=5)
        raise sql_error(245, source.name, value, name)
    return int(text)


def _spoken(source: SqlType) -> str:
    return "expression" if source.name in INTEGERS else source.name


def _to_decimal(value: Any, source: SqlType, target: SqlType) -> Decimal:
    if isinstance(value, str):
        try:
            number = Decimal(value.strip().replace(",", "x"))
        except InvalidOperation:
            raise sql_error(8114, source.name, target.name, state=5) from None
        if not number.is_finite() or "e" in value.lower():
            raise sql_error(8114, source.name, target.name, state=5)
    elif isinstance(value, float):
        number = Decimal(repr(value))
    elif isinstance(value, (int, Decimal)):
        number = Decimal(value)
    else:
        raise _not_allowed(source, target.name)
    return fit_decimal(number, target, source)


def negative(value: Any) -> Any:
    """Minus ``value``; a decimal keeps all its digits, which Python's own minus would round to 28."""
    return _WIDE.minus(value) if isinstance(value, Decimal) else -value


def fit_decimal(number: Decimal, target: SqlType, source: SqlType | None = None) -> Decimal:
    """``number`` rounded to the scale of ``target``. Raises 8115 when it does not fit its precision."""
    scale, precision = target.scale or 0, target.precision or 18
    if number and number.adjusted() >= 40:  # beyond any precision: quantize would not do it
        raise sql_error(8115, source.name if source else "expression", target.name, state=8)
    with localcontext(_WIDE):
        rounded = number.quantize(Decimal(1).scaleb(-scale))
    if len(rounded.as_tuple().digits) > precision and rounded != 0:
        raise sql_error(8115, source.name if source else "expression", target.name, state=8)
    return rounded


def _to_float(value: Any, source: SqlType, target: SqlType) -> float:
    if isinstance(value, str):
        return _fit_float(_float_of_text(value, source, target), source, target)
    if isinstance(value, (int, float, Decimal)):
        return _fit_float(float(value), source, target)
    if isinstance(value, datetime):
        return (value - _EPOCH) / timedelta(days=1)
    raise _not_allowed(source, target.name)


_FLOAT_TEXT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_REAL = struct.Struct("<f")


def _float_of_text(value: str, source: SqlType, target: SqlType) -> float:
    text = value.strip(" ")
    if text and not _FLOAT_TEXT.fullmatch(text):  # Python would take nan, infinity and 1_000 as well
        raise sql_error(8114, source.name, target.name, state=5)
    return float(text or 0)


def _fit_float(number: float, source: SqlType, target: SqlType) -> float:
    """``number`` as ``target`` stores it. Raises 232 when it is out of range."""
    if target.name == "real":
        try:
            return float(_REAL.unpack(_REAL.pack(number))[0])
        except OverflowError:
            raise sql_error(232, "real", f"{number:.6f}", state=2) from None
    if math.isinf(number):
        raise sql_error(232, source.name, "inf", state=2)
    return number


def _to_money(value: Any, source: SqlType, target: SqlType) -> Decimal:
    if isinstance(value, str):
        try:
            number = Decimal(value.strip().replace(",", "").replace("$", "") or 0)
        except InvalidOperation:
            raise sql_error(235) from None
    elif isinstance(value, (int, float, Decimal)):
        number = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    else:
        raise _not_allowed(source, target.name)
    most = MONEY[target.name]
    if number.is_finite() and abs(number) <= most + 1:
        with localcontext(_WIDE):
            rounded = number.quantize(_MONEY_UNIT)
            if -most - _MONEY_UNIT <= rounded <= most:  # one unit more below zero than above
                return rounded
    raise sql_error(8115, _spoken(source), target.name, state=2)


def _to_datetime(value: Any, source: SqlType, target: SqlType, style: int | None) -> Any:
    if isinstance(value, str):
        return parse_datetime(value, target, style or 0)
    if isinstance(value, (date, time)):
        if source.name == "date" and target.name == "time":
            raise _not_allowed(source, target.name)
        return fit_datetime(value, target)
    if isinstance(value, (int, float, Decimal)) and target.name in {"datetime", "smalldatetime"}:
        try:
            return fit_datetime(_EPOCH + timedelta(days=float(value)), target)
        except OverflowError:
            raise sql_error(8115, _spoken(source), target.name, state=2) from None
    raise _not_allowed(source, target.name)


def _to_binary(value: Any, source: SqlType, target: SqlType, style: int | None) -> bytes:
    if isinstance(value, str):
        data = _binary_of_text(value, source, style or 0)
    elif isinstance(value, bytes):
        data = value
    elif isinstance(value, uuid.UUID):
        data = value.bytes_le
    elif isinstance(value, int):
        width = {"bit": 1, "tinyint": 1, "smallint": 2, "bigint": 8}.get(source.name, 4)
        data = int(value).to_bytes(width, "big", signed=value < 0)
        if target.length is not None and target.length != MAX and len(data) > target.length:
            return data[-target.length :]
    else:
        raise _not_allowed(source, target.name)
    if target.length is not None and target.length != MAX:
        data = data[: target.length]
        if target.name == "binary":
            padding = b"\0" * (target.length - len(data))
            data = padding + data if isinstance(value, int) else data + padding
    return data


def _binary_of_text(value: str, source: SqlType, style: int) -> bytes:
    if style == 0:
        return encoded(value) if source.is_unicode else value.encode("cp1252", "replace")
    text = value
    if style == 1:
        if not text.lower().startswith("0x"):
            raise sql_error(8114, source.name, "varbinary", state=5)
        text = text[2:]
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise sql_error(8114, source.name, "varbinary", state=5) from None


def _to_guid(value: Any, source: SqlType) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, bytes):
        return uuid.UUID(bytes_le=value[:16].ljust(16, b"\0"))
    if not isinstance(value, str):
        raise _not_allowed(source, "uniqueidentifier")
    text = value.strip().strip("{}")[:36]
    if len(text) != 36 or any(text[at] != "-" for at in (8, 13, 18, 23)):
        raise sql_error(8169, state=2)
    try:
        return uuid.UUID(text)
    except ValueError:
        raise sql_error(8169, state=2) from None


def _to_xml(value: Any, source: SqlType) -> str:
    if isinstance(value, str):
        from simulator.sql.xml import check_xml  # noqa: PLC0415 - the parser is needed for xml values only

        return check_xml(value)
    raise _not_allowed(source, "xml")


def text_of(value: Any, source: SqlType, style: int | None = None) -> str:
    """``value`` as text, as CONVERT writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (date, time)):
        return format_datetime(value, source, style)
    if isinstance(value, float):
        return _float_text(value, style)
    if isinstance(value, Decimal):
        return _decimal_text(value, source, style)
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, bytes):
        if style in {1, 2}:
            return ("0x" if style == 1 else "") + value.hex().upper()
        return value.decode("cp1252", "replace")
    return str(int(value))


def _float_text(value: float, style: int | None) -> str:
    text = f"{value:.{ {1: 7, 2: 15, 3: 16}[style] }e}" if style in {1, 2, 3} else f"{value:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{exponent[0]}{int(exponent[1:]):03d}"
    return text


def _decimal_text(value: Decimal, source: SqlType, style: int | None) -> str:
    if source.name in MONEY:
        return f"{value:,.2f}" if style == 1 else f"{value:.4f}" if style == 2 else f"{value:.2f}"
    scale = source.scale if source.name in DECIMALS and source.scale is not None else None
    return f"{value:.{scale}f}" if scale is not None else f"{value:f}"


def _to_string(value: Any, source: SqlType, target: SqlType, style: int | None) -> str:
    if isinstance(value, bytes) and target.is_unicode and style not in {1, 2}:
        text = decoded(value[: len(value) // 2 * 2])
    else:
        text = text_of(value, source, style)
    limit = target.length
    if limit is None or limit == MAX:
        return text
    if len(text) > limit and not isinstance(value, str):
        if isinstance(value, uuid.UUID):
            raise sql_error(8170, state=2)
        if isinstance(value, int):
            if target.is_unicode:
                raise sql_error(8115, "expression", target.name, state=2)
            return "*"
        if isinstance(value, (float, Decimal)):
            raise sql_error(8115, source.name, target.name, state=5)
    if not target.is_unicode:
        text = text.encode("cp1252", "replace").decode("cp1252") if not text.isascii() else text
    text = text[:limit]
    return text.ljust(limit) if target.name in {"char", "nchar"} else text


__all__ = [
    "BINARIES", "DATETIMES", "DECIMALS", "FLOATS", "INTEGERS", "MONEY", "NULL_TYPE", "NUMBERS", "STRINGS",
    "as_decimal_type", "convert", "fit_decimal", "text_of", "type_name", "type_of", "unify",
]  # fmt: skip
