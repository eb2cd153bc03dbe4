"""TLS over memory: bytes from the client in, bytes for the client out."""

from __future__ import annotations

import ssl

CHUNK = 65536


class TlsChannel:
    """The server's side of one TLS connection. Every method may raise :class:`ssl.SSLError`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.is_open = False  # the handshake is over

    def handshake(self, data: bytes) -> bytes:
        """Go on with the handshake; the bytes to send to the client. Sets ``is_open`` at its end."""
        self._incoming.write(data)
        try:
            self._object.do_handshake()
            self.is_open = True
        except ssl.SSLWantReadError:
            pass
        return self._outgoing.read()

    def decrypt(self, data: bytes) -> bytes:
        """What the client's bytes say, as far as their records are complete."""
        self._incoming.write(data)
        parts = []
        try:
            while part := self._object.read(CHUNK):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            pass  # the client says good-bye; the end of the connection follows
        return b"".join(parts)

    def encrypt(self, data: bytes) -> bytes:
        """The bytes that carry ``data`` to the client, with anything TLS itself has to say."""
        self._object.write(data)
        return self._outgoing.read()

    def pending(self) -> bytes:
        """What TLS itself has to say, such as an alert."""
        return self._outgoing.read()
