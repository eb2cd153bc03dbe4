"""Parameters of remote procedure calls: TYPE_INFO and values from clients (MS-TDS 2.2.5.4, 2.2.5.5)."""

from __future__ import annotations

import datetime as dt
import math
import struct
import uuid
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

from simulator import sqltypes
from simulator.errors import SimulatorError
from simulator.sqltypes import MAX, SqlType, Variant
from simulator.tds.collations import code_page_of
from simulator.tds.packets import ProtocolError
from simulator.ticks import digit_of, time_of, with_digit
from simulator.utf16 import decoded, units

NULL_16, NULL_64 = 0xFFFF, 0xFFFFFFFFFFFFFFFF
BASE_DATE = dt.date(1900, 1, 1)
FIRST_DAY = dt.date(1, 1, 1).toordinal()
_EXACT = Context(prec=76)  # decimals have at most 38 digits

INTEGERS = {1: sqltypes.TINYINT, 2: sqltypes.SMALLINT, 4: sqltypes.INT, 8: sqltypes.BIGINT}
FLOATS = {4: sqltypes.REAL, 8: sqltypes.FLOAT}
MONEYS = {4: SqlType("smallmoney"), 8: sqltypes.MONEY}
DATETIMES = {4: sqltypes.SMALLDATETIME, 8: sqltypes.DATETIME}

# Types without a length byte: token -> (size, type).
FIXED: dict[int, tuple[int, SqlType]] = {
    0x1F: (0, sqltypes.INT),  # NULL
    0x30: (1, sqltypes.TINYINT),
    0x32: (1, sqltypes.BIT),
    0x34: (2, sqltypes.SMALLINT),
    0x38: (4, sqltypes.INT),
    0x3A: (4, sqltypes.SMALLDATETIME),
    0x3B: (4, sqltypes.REAL),
    0x3C: (8, sqltypes.MONEY),
    0x3D: (8, sqltypes.DATETIME),
    0x3E: (8, sqltypes.FLOAT),
    0x7A: (4, MONEYS[4]),
    0x7F: (8, sqltypes.BIGINT),
}
# Types with one length byte before the value: token -> types by their declared size.
SIZED: dict[int, dict[int, SqlType]] = {
    0x26: INTEGERS,
    0x68: {1: sqltypes.BIT},
    0x6D: FLOATS,
    0x6E: MONEYS,
    0x6F: DATETIMES,
    0x24: {16: sqltypes.UNIQUEIDENTIFIER},
}
CHARACTERS = {0xA7: "varchar", 0xAF: "char", 0xE7: "nvarchar", 0xEF: "nchar"}
BINARIES = {0xA5: "varbinary", 0xAD: "binary"}
LONG = {0x23: "varchar", 0x63: "nvarchar", 0x22: "varbinary"}  # text, ntext, image
SCALED = {0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset"}
DECIMALS = {0x6A: "decimal", 0x6C: "numeric"}
DATE, VARIANT, XML = 0x28, 0x62, 0xF1
VARIANT_BASES = {token: kind for token, (_, kind) in FIXED.items()} | {
    DATE: sqltypes.DATE,
    0x24: sqltypes.UNIQUEIDENTIFIER,
}
NOT_CARRIED = {0xF3: "table-valued parameters", 0xF0: "parameters of CLR types"}
STRING_SIZE_MAX = 8000  # bytes
DECIMAL_PRECISION_MAX, SCALE_MAX = 38, 7
DATETIME_TICKS_A_DAY, MINUTES_A_DAY = 300 * 86_400, 1440
DATETIME_FIRST_DAY = (dt.date(1753, 1, 1) - BASE_DATE).days
OFFSET_MINUTES_MAX = 14 * 60


class BadParameter(SimulatorError):  # noqa: N818 - the client's fault, told with a server's number
    """A parameter that a server refuses with an error: ``number``, and what its text names."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"{number} {what}")
        self.number, self.what = number, what


class ByteReader:
    """Reads little-endian values off bytes; :class:`ProtocolError` beyond the end."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.data)

    def peek(self) -> int:
        """The next byte, left where it is."""
        return self.data[self.position]

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        part = self.data[self.position : self.position + count]
        if len(part) < count:
            raise ProtocolError("a request is cut short")
        self.position += count
        return part

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def text(self, characters: int) -> str:
        """The next ``characters`` UTF-16 code units."""
        return decoded(self.take(2 * characters))

    def chunks(self) -> bytes | None:
        """A value of a max type (PLP): chunks up to an empty one, None for NULL."""
        if self.u64() == NULL_64:
            return None
        parts = []
        while length := self.u32():
            parts.append(self.take(length))
        return b"".join(parts)


@dataclass(frozen=True)
class WireType:
    """A parameter's type and what is needed to read its value."""

    token: int
    type: SqlType
    code_page: str = ""
    size: int = 0


def read_type(reader: ByteReader) -> WireType:  # noqa: PLR0911, PLR0912 - one kind of type each
    """The TYPE_INFO at ``reader``. Raises :class:`ProtocolError` for a type that is not carried."""
    token = reader.u8()
    if token in FIXED:
        size, fixed = FIXED[token]
        return WireType(token, fixed, size=size)
    if token in SIZED:
        size = reader.u8()
        known = SIZED[token]
        if size not in known:
            raise BadParameter(8016, f"0x{token:02X}")
        return WireType(token, known[size], size=size)
    if token in CHARACTERS:
        size = reader.u16()
        name = CHARACTERS[token]
        length = MAX if size == NULL_16 else size // 2 if name[0] == "n" else size
        if size != NULL_16 and size > STRING_SIZE_MAX:
            raise BadParameter(8016, f"0x{token:02X}")
        return WireType(token, SqlType(name, length), _code_page(reader, name), size)
    if token in BINARIES:
        size = reader.u16()
        return WireType(token, SqlType(BINARIES[token], MAX if size == NULL_16 else size), size=size)
    if token in LONG:
        size = reader.u32()
        name = LONG[token]
        code_page = "" if name == "varbinary" else _code_page(reader, name)
        return WireType(token, SqlType(name, MAX), code_page, size)
    if token in DECIMALS:
        size, precision, scale = reader.take(3)
        if not 1 <= precision <= DECIMAL_PRECISION_MAX or scale > precision:
            raise BadParameter(8023, DECIMALS[token])
        return WireType(token, SqlType(DECIMALS[token], None, precision, scale), size=size)
    if token in SCALED:
        scale = reader.u8()
        if scale > SCALE_MAX:
            raise BadParameter(8023, SCALED[token])
        return WireType(token, SqlType(SCALED[token], scale=scale))
    if token == DATE:
        return WireType(token, sqltypes.DATE)
    if token == VARIANT:
        return WireType(token, sqltypes.SQL_VARIANT, size=reader.u32())
    if token == XML:
        if reader.u8():  # schema collection: database, owner, collection
            reader.text(reader.u8())
            reader.text(reader.u8())
            reader.text(reader.u16())
        return WireType(token, sqltypes.XML)
    if token in NOT_CARRIED:
        raise BadParameter(59999, NOT_CARRIED[token])
    raise BadParameter(8009, f"0x{token:02X}")


def _code_page(reader: ByteReader, name: str) -> str:
    collation = reader.take(5)
    return "utf-16-le" if name[0] == "n" else code_page_of(collation)


def read_value(reader: ByteReader, wire: WireType) -> Any:
    """The value of type ``wire`` that begins at ``reader``; None for NULL. Raises :class:`BadParameter`."""
    try:
        return _value(reader, wire)
    except (ValueError, OverflowError, ArithmeticError, IndexError, KeyError, struct.error) as exc:
        raise BadParameter(8023, wire.type.name) from exc


def _value(reader: ByteReader, wire: WireType) -> Any:
    token = wire.token
    if token in FIXED:
        return _scalar(wire.type, reader.take(wire.size)) if wire.size else None
    if token in SIZED or token in DECIMALS or token in SCALED or token == DATE:
        length = reader.u8()
        return _scalar(wire.type, reader.take(length)) if length else None
    if token == VARIANT:
        return _variant(reader)
    if token == XML:
        chunks = reader.chunks()
        return None if chunks is None else _text(chunks, "utf-16-le").removeprefix("\ufeff")
    if token in LONG:
        length = reader.u32()
        data = None if length == 0xFFFFFFFF else reader.take(length)
    elif wire.size == NULL_16:
        data = reader.chunks()
    else:
        length = reader.u16()
        if length != NULL_16 and length > wire.size:
            raise BadParameter(8016, f"0x{token:02X}")
        data = None if length == NULL_16 else reader.take(length)
    if data is None or not wire.code_page:
        return data
    return _text(data, wire.code_page)


def _text(data: bytes, code_page: str) -> str:
    """Text of a client. Raises ValueError for half a UTF-16 unit."""
    return decoded(data) if code_page == "utf-16-le" else units(data.decode(code_page, "replace"))


def _variant(reader: ByteReader) -> Variant | None:
    total = reader.u32()
    if total == 0:
        return None
    inner = ByteReader(reader.take(total))
    token = inner.u8()
    properties = ByteReader(inner.take(inner.u8()))
    rest = inner.data[inner.position :]
    if token in CHARACTERS:
        name = CHARACTERS[token]
        code_page = _code_page(properties, name)
        size = properties.u16()
        return Variant(SqlType(name, size // 2 if name[0] == "n" else size), _text(rest, code_page))
    if token in BINARIES:
        return Variant(SqlType(BINARIES[token], properties.u16()), rest)
    if token in DECIMALS:
        precision, scale = properties.take(2)
        decimal = SqlType(DECIMALS[token], None, precision, scale)
        return Variant(decimal, _scalar(decimal, rest))
    if token in SCALED:
        scaled = SqlType(SCALED[token], scale=properties.u8())
        return Variant(scaled, _scalar(scaled, rest))
    kind = VARIANT_BASES[token]
    return Variant(kind, _scalar(kind, rest))


def _scalar(kind: SqlType, data: bytes) -> Any:  # noqa: PLR0911, PLR0912 - one line a type
    """The value of a type whose size is known."""
    match kind.name:
        case "bit":
            return int(data[0] != 0)
        case "tinyint":
            return data[0]
        case "smallint" | "int" | "bigint":
            return int.from_bytes(data, "little", signed=True)
        case "float" | "real":
            (number,) = struct.unpack("<d" if len(data) == 8 else "<f", data)
            if not math.isfinite(number):
                raise ValueError("SQL Server has no infinity and no NaN")
            return number
        case "money" | "smallmoney":
            if len(data) == 8:
                data = data[4:] + data[:4]
            return Decimal(int.from_bytes(data, "little", signed=True)).scaleb(-4, _EXACT)
        case "decimal" | "numeric":
            whole = int.from_bytes(data[1:], "little") * (1 if data[0] else -1)
            if abs(whole) >= 10 ** (kind.precision or 18):
                raise ValueError("more digits than the type has")
            return Decimal(whole).scaleb(-(kind.scale or 0), _EXACT)
        case "uniqueidentifier":
            return uuid.UUID(bytes_le=data)
        case "date":
            return dt.date.fromordinal(FIRST_DAY + int.from_bytes(data, "little"))
        case "time":
            return _time(data, kind.scale or 0)
        case "datetime2":
            day = dt.date.fromordinal(FIRST_DAY + int.from_bytes(data[-3:], "little"))
            return _combined(day, _time(data[:-3], kind.scale or 0))
        case "datetimeoffset":
            day = dt.date.fromordinal(FIRST_DAY + int.from_bytes(data[-5:-2], "little"))
            minutes = int.from_bytes(data[-2:], "little", signed=True)
            if abs(minutes) > OFFSET_MINUTES_MAX:
                raise ValueError("not an offset")
            offset = dt.timedelta(minutes=minutes)
            moment = _combined(day, _time(data[:-5], kind.scale or 0), dt.UTC)
            return with_digit(moment.astimezone(dt.timezone(offset)), digit_of(moment))
        case "datetime":
            days, ticks = struct.unpack("<iI", data)
            if ticks >= DATETIME_TICKS_A_DAY or days < DATETIME_FIRST_DAY:
                raise ValueError("not a datetime")
            moment = dt.datetime.combine(BASE_DATE + dt.timedelta(days=days), dt.time())
            return moment + dt.timedelta(milliseconds=round(ticks * 10 / 3))
        case _:  # smalldatetime
            days, minutes = struct.unpack("<HH", data)
            if minutes >= MINUTES_A_DAY:
                raise ValueError("not a smalldatetime")
            return dt.datetime.combine(BASE_DATE + dt.timedelta(days=days), dt.time()) + dt.timedelta(
                minutes=minutes
            )


def _combined(day: dt.date, clock: dt.time, zone: dt.tzinfo | None = None) -> dt.datetime:
    return with_digit(dt.datetime.combine(day, clock, zone), digit_of(clock))


def _time(data: bytes, scale: int) -> dt.time:
    """A time of day from ticks of 10^-scale seconds. Raises ValueError beyond 24 hours."""
    return time_of(int.from_bytes(data, "little") * 10 ** (7 - scale))
