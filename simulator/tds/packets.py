"""Packets and messages (MS-TDS 2.2.3): every message travels as packets with an 8-byte header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from simulator.errors import SimulatorError

HEADER = struct.Struct(">BBHHBB")  # type, status, length with header, spid, packet id, window
HEADER_SIZE = HEADER.size
DEFAULT_PACKET_SIZE = 4096
PACKET_SIZE_MIN, PACKET_SIZE_MAX = 512, 32767
MESSAGE_SIZE_MAX = 64 * 1024 * 1024  # far beyond any batch; keeps a broken client from filling memory


class ProtocolError(SimulatorError):
    """The bytes are not TDS as this server speaks it; the connection ends."""


class PacketType(IntEnum):
    """First byte of a packet."""

    BATCH = 1
    RPC = 3
    REPLY = 4
    ATTENTION = 6
    BULK_LOAD = 7
    TRANSACTION = 14
    LOGIN7 = 16
    SSPI = 17
    PRELOGIN = 18


class Status(IntFlag):
    """Second byte of a packet."""

    LAST = 0x01
    IGNORE = 0x02
    RESET_CONNECTION = 0x08
    RESET_CONNECTION_KEEP_TRANSACTION = 0x10


@dataclass(frozen=True)
class Message:
    """A whole message; ``status`` is that of its first packet, where the reset bits are."""

    type: int
    status: int
    payload: bytes


def negotiated_packet_size(asked: int) -> int:
    """The packet size for a client that asked for ``asked`` bytes; 0 means the server's default."""
    if asked == 0:
        return DEFAULT_PACKET_SIZE
    return min(max(asked, PACKET_SIZE_MIN), PACKET_SIZE_MAX)


def peel_packet(buffer: bytearray) -> tuple[int, int, bytes] | None:
    """Take one packet (type, status, payload) off ``buffer``; None while it is incomplete.

    Raises :class:`ProtocolError` for a length that no packet has.
    """
    if len(buffer) < HEADER_SIZE:
        return None
    length = (buffer[2] << 8) | buffer[3]
    if length < HEADER_SIZE:
        raise ProtocolError(f"a packet says that it has {length} bytes, less than its header")
    if len(buffer) < length:
        return None
    kind, status = buffer[0], buffer[1]
    payload = bytes(buffer[HEADER_SIZE:length])
    del buffer[:length]
    return kind, status, payload


class MessageReader:
    """Puts packets together to messages."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._parts: list[bytes] = []
        self._first: tuple[int, int] | None = None
        self._size = 0

    def feed(self, data: bytes) -> Iterator[Message]:
        """Add bytes and give back each message that they complete. Raises :class:`ProtocolError`.

        An Attention is a message of its own even in the middle of another one.
        """
        self.buffer += data
        while (packet := peel_packet(self.buffer)) is not None:
            kind, status, payload = packet
            if kind == PacketType.ATTENTION:
                self._forget()
                yield Message(kind, status, payload)
                continue
            if self._first is None:
                self._first = (kind, status)
            elif self._first[0] != kind:
                raise ProtocolError(f"a packet of type {kind} inside a message of type {self._first[0]}")
            self._parts.append(payload)
            self._size += len(payload)
            if self._size > MESSAGE_SIZE_MAX:
                raise ProtocolError("a message is larger than the server takes")
            if status & Status.LAST:
                message = Message(*self._first, b"".join(self._parts))
                self._forget()
                if not status & Status.IGNORE:
                    yield message

    def _forget(self) -> None:
        self._parts, self._first, self._size = [], None, 0


def packets_of(
    kind: int,
    payload: bytes | bytearray,
    *,
    spid: int,
    packet_size: int,
    first_id: int = 1,
    last: bool = True,
) -> Iterator[bytes]:
    """``payload`` cut into packets. ``last`` marks the end of the message on the final one."""
    room = packet_size - HEADER_SIZE
    view = memoryview(payload)
    count = max(1, -(-len(view) // room))
    for number in range(count):
        part = view[number * room : (number + 1) * room]
        status = Status.LAST if last and number == count - 1 else 0
        packet_id = (first_id + number) & 0xFF
        yield HEADER.pack(kind, status, len(part) + HEADER_SIZE, spid & 0xFFFF, packet_id, 0) + bytes(part)
