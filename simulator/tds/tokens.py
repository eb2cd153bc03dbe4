"""Tokens of the server's replies (MS-TDS 2.2.7)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from functools import lru_cache
from typing import Any

from simulator.results import Column
from simulator.sqltypes import SqlType
from simulator.tds.collations import WireCollation
from simulator.tds.types import Encoder, codec_for
from simulator.utf16 import Verbatim, cut, encoded, readable, units

TDS_7_4 = 0x74000004
ROW = b"\xd1"
SHORT_MAX = 255  # units of a B_VARCHAR
TEXT_MAX = 4000  # characters of a message that fit a token with a 16-bit length whatever else it carries


class DoneKind(IntEnum):
    """Which DONE token: of a statement in a batch, of a procedure, of a statement in a procedure."""

    BATCH = 0xFD
    PROCEDURE = 0xFE
    IN_PROCEDURE = 0xFF


class DoneStatus(IntFlag):
    """Status bits of a DONE token."""

    FINAL = 0x00
    MORE = 0x01
    ERROR = 0x02
    COUNT = 0x10
    ATTENTION = 0x20


class Change(IntEnum):
    """Kinds of ENVCHANGE."""

    DATABASE = 1
    LANGUAGE = 2
    PACKET_SIZE = 4
    COLLATION = 7
    BEGIN = 8
    COMMIT = 9
    ROLLBACK = 10
    RESET = 18
    ROUTING = 20


_done = struct.Struct("<BHHQ")


def _whole(value: str, most: int) -> str:
    """At most ``most`` code units of a name or message, cut between two characters."""
    return cut(units(value if isinstance(value, Verbatim) else readable(value)), most)


def short_text(value: str) -> bytes:
    """A text of at most 255 characters behind its length (B_VARCHAR); longer ones are cut."""
    data = encoded(_whole(value, SHORT_MAX))
    return bytes([len(data) // 2]) + data


def long_text(value: str) -> bytes:
    """A message text behind its length (US_VARCHAR)."""
    data = encoded(_whole(value, TEXT_MAX))
    return struct.pack("<H", len(data) // 2) + data


def done(kind: DoneKind, status: int, row_count: int = 0, command: int = 0) -> bytes:
    """DONE, DONEPROC or DONEINPROC."""
    return _done.pack(kind, status, command, row_count)


def message(
    number: int, severity: int, state: int, text: str, *, server: str, procedure: str = "", line: int = 1
) -> bytes:
    """ERROR, or INFO for a severity of 10 or less."""
    body = struct.pack("<iBB", number, state & 0xFF, severity) + long_text(text)
    body += short_text(server) + short_text(procedure) + struct.pack("<i", line)
    return struct.pack("<BH", 0xAB if severity <= 10 else 0xAA, len(body)) + body


def refused_before_7_2(number: int, severity: int, state: int, text: str, *, server: str) -> bytes:
    """ERROR and DONE as clients before TDS 7.2 read them: line number and row count are half as long.

    Source: MS-TDS 2.2.7.10 (LineNumber) and 2.2.7.6 (DoneRowCount).
    """
    body = struct.pack("<iBB", number, state & 0xFF, severity) + long_text(text)
    body += short_text(server) + short_text("") + struct.pack("<H", 1)
    end = struct.pack("<BHHI", DoneKind.BATCH, DoneStatus.ERROR, 0, 0)
    return struct.pack("<BH", 0xAA, len(body)) + body + end


def change(kind: Change, new: bytes, old: bytes) -> bytes:
    """ENVCHANGE; ``new`` and ``old`` come with their lengths."""
    return struct.pack("<BHB", 0xE3, len(new) + len(old) + 1, kind) + new + old


def text_change(kind: Change, new: str, old: str) -> bytes:
    """ENVCHANGE of a database, language or packet size."""
    return change(kind, short_text(new), short_text(old))


def collation_change(collation: WireCollation) -> bytes:
    """ENVCHANGE of the connection's collation."""
    return change(Change.COLLATION, bytes([5]) + collation.data, b"\0")


def transaction_change(kind: str, descriptor: int) -> bytes:
    """ENVCHANGE for "begin", "commit" or "rollback": the descriptor is new for the first, else old."""
    data = b"\x08" + struct.pack("<Q", descriptor)
    if kind == "begin":
        return change(Change.BEGIN, data, b"\0")
    return change(Change.COMMIT if kind == "commit" else Change.ROLLBACK, b"\0", data)


def reset_acknowledged() -> bytes:
    """ENVCHANGE that answers RESETCONNECTION; first token of the reply."""
    return change(Change.RESET, b"\0", b"\0")


def login_acknowledged(version: tuple[int, int, int, int], client_tds: int) -> bytes:
    """LOGINACK; drivers take SQL_DBMS_VER from ``version`` (major, minor, build, revision)."""
    major, minor, build, _ = version
    body = b"\x01" + struct.pack(">I", min(TDS_7_4, client_tds)) + short_text("Microsoft SQL Server")
    body += struct.pack(">BBH", major, minor, build & 0xFFFF)
    return struct.pack("<BH", 0xAD, len(body)) + body


def features_acknowledged(features: dict[int, bytes]) -> bytes:
    """FEATUREEXTACK: feature id and its data."""
    parts = [struct.pack("<BI", number, len(data)) + data for number, data in features.items()]
    return b"\xae" + b"".join(parts) + b"\xff"


def return_status(value: int) -> bytes:
    """RETURNSTATUS of a procedure."""
    return struct.pack("<Bi", 0x79, value)


def return_value(ordinal: int, name: str, kind: SqlType, value: Any, collation: WireCollation) -> bytes:
    """RETURNVALUE: an output parameter."""
    codec = codec_for(kind, collation)
    head = struct.pack("<BH", 0xAC, ordinal) + short_text(name) + struct.pack("<BIH", 1, 0, 1)
    return head + codec.info + codec.encode(value)


@lru_cache(maxsize=512)
def columns(shape: tuple[Column, ...], collation: WireCollation) -> tuple[bytes, tuple[Encoder, ...]]:
    """COLMETADATA for the columns of a result, and how each is encoded."""
    codecs = tuple(codec_for(column.type, collation) for column in shape)
    parts = [struct.pack("<BH", 0x81, len(shape))]
    for column, codec in zip(shape, codecs, strict=True):
        # Flags: nullable, and "updatable unknown" as for the result of an expression.
        parts.append(struct.pack("<IH", 0, 8 | column.nullable) + codec.info + short_text(column.name))
    return b"".join(parts), tuple(codec.encode for codec in codecs)


def rows(values: Iterable[Sequence[Any]], encoders: Sequence[Encoder]) -> bytes:
    """A ROW for each of ``values``."""
    parts: list[bytes] = []
    for row in values:
        parts.append(ROW)
        parts += [encode(value) for encode, value in zip(encoders, row, strict=True)]
    return b"".join(parts)
