"""PRELOGIN (MS-TDS 2.2.6.5): version and encryption are agreed on before the login."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from simulator.tds.packets import ProtocolError

VERSION, ENCRYPTION, INSTANCE, THREAD_ID, MARS, TRACE_ID, FEDERATED = range(7)
END = 0xFF
CLIENT_CERTIFICATE = 0x80  # a bit beside the value; certificates of clients are not looked at

ServerMode = Literal["off", "on", "required", "not_supported"]
Scope = Literal["nothing", "login", "all"]


class Encryption(IntEnum):
    """Values of the ENCRYPTION option."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True)
class Prelogin:
    """What the client asked for."""

    encryption: int
    asks_federated: bool = False


@dataclass(frozen=True)
class EncryptionAnswer:
    """The ENCRYPTION byte to answer with, and what is then encrypted."""

    answer: Encryption
    scope: Scope


def parse_prelogin(payload: bytes) -> Prelogin:
    """Read the client's PRELOGIN. Raises :class:`ProtocolError`."""
    options: dict[int, bytes] = {}
    position = 0
    try:
        while payload[position] != END:
            token, offset, length = struct.unpack_from(">BHH", payload, position)
            options[token] = payload[offset : offset + length]
            position += 5
    except (IndexError, struct.error) as exc:
        raise ProtocolError("the PRELOGIN message is cut short") from exc
    encryption = options.get(ENCRYPTION) or bytes([Encryption.NOT_SUPPORTED])
    return Prelogin(encryption[0], asks_federated=FEDERATED in options)


def agree_on_encryption(mode: ServerMode, asked: int) -> EncryptionAnswer:
    """What a server in ``mode`` answers to a client that asked for ``asked``, and what is encrypted.

    Source: MS-TDS 2.2.6.5, table of combinations; checked against what the ODBC drivers accept.
    """
    if mode == "not_supported":
        return EncryptionAnswer(Encryption.NOT_SUPPORTED, "nothing")
    if asked & ~CLIENT_CERTIFICATE in {Encryption.ON, Encryption.REQUIRED}:
        return EncryptionAnswer(Encryption.ON, "all")
    if asked == Encryption.NOT_SUPPORTED:
        if mode == "off":
            return EncryptionAnswer(Encryption.NOT_SUPPORTED, "nothing")
        return EncryptionAnswer(Encryption.REQUIRED, "all")
    if mode == "off":
        return EncryptionAnswer(Encryption.OFF, "login")
    return EncryptionAnswer(Encryption.ON if mode == "on" else Encryption.REQUIRED, "all")


def prelogin_answer(
    version: tuple[int, int, int, int], encryption: int, *, with_federated: bool = False
) -> bytes:
    """The server's PRELOGIN: ``version`` is major, minor, build, revision."""
    major, minor, build, _ = version
    options = [
        (VERSION, struct.pack(">BBHH", major, minor, build & 0xFFFF, 0)),
        (ENCRYPTION, bytes([encryption])),
        (INSTANCE, b"\0"),
        (THREAD_ID, b""),
        (MARS, b"\0"),
    ]
    if with_federated:
        options.append((FEDERATED, b"\0"))
    offset = 5 * len(options) + 1
    table = bytearray()
    for token, data in options:
        table += struct.pack(">BHH", token, offset, len(data))
        offset += len(data)
    return bytes(table) + bytes([END]) + b"".join(data for _, data in options)
