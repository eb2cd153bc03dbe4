"""A TDS client of few lines: sends what no driver would send, and shows the reply's bytes."""

from __future__ import annotations

import socket
import struct

from simulator.tds.packets import HEADER, MessageReader, PacketType
from simulator.tds.prelogin import Encryption
from tests.support.simulators import SA_PASSWORD, Instance

LAST = 1
HEADERS = struct.pack("<IIHQI", 22, 18, 2, 0, 1)  # ALL_HEADERS: no transaction, one request
PRELOGIN = bytes.fromhex("01 0006 0001 ff")  # ENCRYPTION alone, whose value follows


class RawClient:
    """A plain connection that is logged in as sa. The instance must not insist on encryption.

    It cannot encrypt: when ``encryption`` asks for that, it has no more than ``prelogin_reply``.
    """

    def __init__(
        self,
        instance: Instance,
        *,
        version: int = 0x74000004,
        encryption: Encryption = Encryption.NOT_SUPPORTED,
    ) -> None:
        self.socket = socket.create_connection((instance.host, instance.port), timeout=10)
        self._reader = MessageReader()
        self._replies: list[bytes] = []
        self.send(PacketType.PRELOGIN, PRELOGIN + bytes([encryption]))
        self.prelogin_reply = self.receive()
        if encryption is not Encryption.NOT_SUPPORTED:
            return
        self.send(PacketType.LOGIN7, login7("sa", SA_PASSWORD, version=version))
        self.login_reply = self.receive()

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, kind: int, payload: bytes, *, status: int = LAST) -> None:
        """Send one packet."""
        self.socket.sendall(HEADER.pack(kind, status, len(payload) + 8, 0, 1, 0) + payload)

    def batch(self, text: str, *, status: int = LAST) -> None:
        """Send a batch as one packet."""
        self.send(PacketType.BATCH, HEADERS + text.encode("utf-16-le"), status=status)

    def receive(self) -> bytes:
        """The next reply's tokens; empty when the server closed the connection."""
        while not self._replies:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return b""
            self._replies += [message.payload for message in self._reader.feed(data)]
        return self._replies.pop(0)


def executesql(text: str, *parameters: bytes) -> bytes:
    """A call of sp_executesql; ``parameters`` are complete: name, status, TYPE_INFO and value."""
    data = text.encode("utf-16-le")
    kind = struct.pack("<BHIBH", 0xE7, 8000, 0x00D00409, 0x34, len(data))
    return struct.pack("<HHH", 0xFFFF, 10, 0) + b"\0\0" + kind + data + b"".join(parameters)


def login7(user: str, password: str, *, version: int = 0x74000004) -> bytes:
    """A LOGIN7 message with user and password alone; ``version`` is that of TDS."""
    scrambled = bytes(((b << 4 & 0xF0) | (b >> 4)) ^ 0xA5 for b in password.encode("utf-16-le"))
    texts = {1: user.encode("utf-16-le"), 2: scrambled}  # second and third of the offset/length pairs
    pairs, data, offset = b"", b"", 94
    for number in range(9):
        text = texts.get(number, b"")
        pairs += struct.pack("<HH", offset + len(data), len(text) // 2)
        data += text
    fixed = struct.pack("<IIIIIBBBBII", version, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    body = fixed + pairs + bytes(94 - 4 - len(fixed) - len(pairs)) + data
    return struct.pack("<I", len(body) + 4) + body
