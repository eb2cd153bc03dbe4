"""Columns and values as the server sends them: TYPE_INFO and each value's bytes (MS-TDS 2.2.5.4, 2.2.5.5).

Only the nullable forms of the types are sent. A value that does not fit its declared type is a fault of the
simulator, not of the client: it raises ValueError, TypeError or struct.error.
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from simulator.sqltypes import MAX, SqlType, Variant
from simulator.tds.collations import WireCollation, wire_collation
from simulator.tds.parameters import BASE_DATE, FIRST_DAY
from simulator.ticks import digit_of, ticks_of, with_digit
from simulator.utf16 import characters, encoded

Encoder = Callable[[Any], bytes]

NULL_LENGTH_16 = b"\xff\xff"
NULL_PLP = b"\xff" * 8
DEFAULT_COLLATION = wire_collation("SQL_Latin1_General_CP1_CI_AS")
VARIANT_SIZE_MAX = 8009
_EXACT = Context(prec=76)

INTEGER_SIZES = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}
STRING_TOKENS = {"nvarchar": 0xE7, "nchar": 0xEF, "varchar": 0xA7, "char": 0xAF}
BINARY_TOKENS = {"varbinary": 0xA5, "binary": 0xAD}
# Old large types are sent as the max types that replaced them.
SYNONYMS = {
    "text": SqlType("varchar", MAX),
    "ntext": SqlType("nvarchar", MAX),
    "image": SqlType("varbinary", MAX),
    "timestamp": SqlType("binary", 8),
    "rowversion": SqlType("binary", 8),
    "sysname": SqlType("nvarchar", 128),
}


@dataclass(frozen=True)
class Codec:
    """A type on the wire: its TYPE_INFO, and the function that encodes a value with its length."""

    info: bytes
    encode: Encoder


def codec_for(kind: SqlType, collation: WireCollation = DEFAULT_COLLATION) -> Codec:
    """How values of type ``kind`` are sent. Raises ValueError for a type that is not known."""
    kind = SYNONYMS.get(kind.name, kind)
    name = kind.name
    if name in INTEGER_SIZES:
        return _integer(INTEGER_SIZES[name])
    if name in STRING_TOKENS:
        return _string(kind, collation)
    maker = _MAKERS.get(name)
    if maker is None:
        raise ValueError(f"no wire form for type {name}")
    return maker(kind)


def _nullable(info: bytes, encode: Encoder, null: bytes = b"\0") -> Codec:
    def encode_or_null(value: Any) -> bytes:
        return null if value is None else encode(value)

    return Codec(info, encode_or_null)


def _integer(size: int) -> Codec:
    length = bytes([size])
    layout = struct.Struct({1: "<BB", 2: "<Bh", 4: "<Bi", 8: "<Bq"}[size])
    return _nullable(b"\x26" + length, lambda value: layout.pack(size, int(value)))


def _bit(_: SqlType) -> Codec:
    return _nullable(b"\x68\x01", lambda value: b"\x01\x01" if value else b"\x01\x00")


def _float(kind: SqlType) -> Codec:
    size, layout = (4, struct.Struct("<Bf")) if kind.name == "real" else (8, struct.Struct("<Bd"))
    return _nullable(bytes([0x6D, size]), lambda value: layout.pack(size, value))


def _money(kind: SqlType) -> Codec:
    if kind.name == "smallmoney":
        return _nullable(b"\x6e\x04", lambda value: struct.pack("<Bi", 4, _unscaled(value, 4)))

    def encode(value: Any) -> bytes:
        units = _unscaled(value, 4)
        return struct.pack("<BiI", 8, units >> 32, units & 0xFFFFFFFF)

    return _nullable(b"\x6e\x08", encode)


def _unscaled(value: Any, scale: int) -> int:
    """``value`` times 10^scale as an integer, rounded half away from zero."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    return int(exact.scaleb(scale, _EXACT).to_integral_value(ROUND_HALF_UP))


def _decimal(kind: SqlType) -> Codec:
    precision, scale = kind.precision or 18, kind.scale or 0
    size = 4 if precision <= 9 else 8 if precision <= 19 else 12 if precision <= 28 else 16

    def encode(value: Any) -> bytes:
        units = _unscaled(value, scale)
        return bytes([size + 1, units >= 0]) + abs(units).to_bytes(size, "little")

    return _nullable(bytes([0x6C, size + 1, precision, scale]), encode)


def _guid(_: SqlType) -> Codec:
    def encode(value: Any) -> bytes:
        return b"\x10" + (value if isinstance(value, uuid.UUID) else uuid.UUID(str(value))).bytes_le

    return _nullable(b"\x24\x10", encode)


def _string(kind: SqlType, collation: WireCollation) -> Codec:
    wide = kind.is_unicode
    code_page = "utf-16-le" if wide else collation.code_page
    errors = "surrogatepass" if wide else "replace"  # a character outside the code page becomes '?'

    def data_of(value: Any) -> bytes:
        text = value if isinstance(value, str) else str(value)
        return (characters(text) if code_page == "utf-8" else text).encode(code_page, errors)

    length = kind.length if kind.length is not None else 1
    if length == MAX:
        info = bytes([STRING_TOKENS["nvarchar" if wide else "varchar"]]) + b"\xff\xff" + collation.data
        return _nullable(info, lambda value: _plp(data_of(value)), NULL_PLP)
    size = max(1, length) * (2 if wide else 1)
    info = bytes([STRING_TOKENS[kind.name]]) + struct.pack("<H", size) + collation.data
    pad = (" " * length).encode(code_page) if kind.name in {"char", "nchar"} else b""

    def encode(value: Any) -> bytes:
        if value is None:
            return NULL_LENGTH_16
        data = data_of(value)
        if len(data) > size:
            data = data[:size] if code_page != "utf-8" else data[:size].decode("utf-8", "ignore").encode()
        if pad:
            data += pad[len(data) :]
        return len(data).to_bytes(2, "little") + data

    return Codec(info, encode)


def _plp(data: bytes) -> bytes:
    """A value of a max type: total length, one chunk, end."""
    if not data:
        return struct.pack("<QI", 0, 0)
    return struct.pack("<QI", len(data), len(data)) + data + b"\0\0\0\0"


def _binary(kind: SqlType) -> Codec:
    length = kind.length if kind.length is not None else 1
    if length == MAX:
        return _nullable(b"\xa5\xff\xff", lambda value: _plp(bytes(value)), NULL_PLP)
    size = max(1, length)

    def encode(value: Any) -> bytes:
        data = bytes(value)[:size]
        if kind.name == "binary":
            data = data.ljust(size, b"\0")
        return len(data).to_bytes(2, "little") + data

    return _nullable(bytes([BINARY_TOKENS[kind.name]]) + struct.pack("<H", size), encode, NULL_LENGTH_16)


def _xml(_: SqlType) -> Codec:
    return _nullable(b"\xf1\x00", lambda value: _plp(encoded(str(value))), NULL_PLP)


def _days(day: dt.date) -> bytes:
    return (day.toordinal() - FIRST_DAY).to_bytes(3, "little")


def _ticks(value: dt.time | dt.datetime, scale: int) -> bytes:
    """Ticks of 10^-scale seconds since midnight; digits beyond the scale are cut off."""
    size = 3 if scale <= 2 else 4 if scale <= 4 else 5
    return (ticks_of(value) // 10 ** (7 - scale)).to_bytes(size, "little")


def _sized(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def _scale(kind: SqlType) -> int:
    return 7 if kind.scale is None else kind.scale


def _date(_: SqlType) -> Codec:
    return _nullable(
        b"\x28", lambda value: _sized(_days(value.date() if isinstance(value, dt.datetime) else value))
    )


def _time(kind: SqlType) -> Codec:
    scale = _scale(kind)
    return _nullable(bytes([0x29, scale]), lambda value: _sized(_ticks(value, scale)))


def _datetime2(kind: SqlType) -> Codec:
    scale = _scale(kind)
    return _nullable(bytes([0x2A, scale]), lambda value: _sized(_ticks(value, scale) + _days(value.date())))


def _datetimeoffset(kind: SqlType) -> Codec:
    scale = _scale(kind)

    def encode(value: dt.datetime) -> bytes:
        offset = value.utcoffset() or dt.timedelta()
        moment = with_digit(value.astimezone(dt.UTC) if value.tzinfo else value, digit_of(value))
        minutes = int(offset.total_seconds() // 60)
        return _sized(_ticks(moment, scale) + _days(moment.date()) + struct.pack("<h", minutes))

    return _nullable(bytes([0x2B, scale]), encode)


def _datetime(_: SqlType) -> Codec:
    def encode(value: dt.datetime) -> bytes:
        days = (value.date() - BASE_DATE).days
        midnight = dt.datetime.combine(value.date(), dt.time(), value.tzinfo)
        ticks = round((value - midnight) / dt.timedelta(seconds=1) * 300)
        if ticks == 300 * 86400:  # rounds up to the next day
            days, ticks = days + 1, 0
        return struct.pack("<BiI", 8, days, ticks)

    return _nullable(b"\x6f\x08", encode)


def _smalldatetime(_: SqlType) -> Codec:
    def encode(value: dt.datetime) -> bytes:
        moment = value.replace(tzinfo=None) + dt.timedelta(seconds=30)  # rounds to the minute
        return struct.pack("<BHH", 4, (moment.date() - BASE_DATE).days, moment.hour * 60 + moment.minute)

    return _nullable(b"\x6f\x04", encode)


def _variant(_: SqlType) -> Codec:
    def encode(value: Any) -> bytes:
        if not isinstance(value, Variant):
            raise TypeError(f"a sql_variant needs its base type, got {type(value).__name__}")
        if value.value is None:
            return b"\0\0\0\0"
        body = _variant_body(value)
        return struct.pack("<I", len(body)) + body

    return _nullable(b"\x62" + struct.pack("<I", VARIANT_SIZE_MAX), encode, b"\0\0\0\0")


# Base types of sql_variant without properties, in their not-nullable forms.
_VARIANT_TOKENS = {
    "bit": 0x32,
    "tinyint": 0x30,
    "smallint": 0x34,
    "int": 0x38,
    "bigint": 0x7F,
    "real": 0x3B,
    "float": 0x3E,
    "money": 0x3C,
    "smallmoney": 0x7A,
    "datetime": 0x3D,
    "smalldatetime": 0x3A,
    "uniqueidentifier": 0x24,
    "date": 0x28,
}


def _variant_body(variant: Variant) -> bytes:
    """Base type, its properties and the value (MS-TDS 2.2.5.5.4)."""
    kind = SYNONYMS.get(variant.type.name, variant.type)
    if kind.name in STRING_TOKENS:
        wide = kind.is_unicode
        page = "utf-16-le" if wide else DEFAULT_COLLATION.code_page
        data = str(variant.value).encode(page, "surrogatepass" if wide else "replace")
        size = struct.pack("<H", 8000)
        return bytes([STRING_TOKENS[kind.name], 7]) + DEFAULT_COLLATION.data + size + data
    if kind.name in BINARY_TOKENS:
        return bytes([BINARY_TOKENS[kind.name], 2]) + struct.pack("<H", 8000) + bytes(variant.value)
    codec = codec_for(kind)
    data = codec.encode(variant.value)[1:]
    if kind.name in {"decimal", "numeric"}:
        return bytes([0x6C, 2, kind.precision or 18, kind.scale or 0]) + data
    if kind.name in {"time", "datetime2", "datetimeoffset"}:
        return bytes([codec.info[0], 1, _scale(kind)]) + data
    return bytes([_VARIANT_TOKENS[kind.name], 0]) + data


_MAKERS: dict[str, Callable[[SqlType], Codec]] = {
    "bit": _bit,
    "float": _float,
    "real": _float,
    "money": _money,
    "smallmoney": _money,
    "decimal": _decimal,
    "numeric": _decimal,
    "uniqueidentifier": _guid,
    "varbinary": _binary,
    "binary": _binary,
    "xml": _xml,
    "date": _date,
    "time": _time,
    "datetime2": _datetime2,
    "datetimeoffset": _datetimeoffset,
    "datetime": _datetime,
    "smalldatetime": _smalldatetime,
    "sql_variant": _variant,
}
