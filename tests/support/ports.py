"""Loopback ports for servers that cannot choose one themselves and tell us."""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
# Below the ports that Linux gives to outgoing connections (from 32768): a server that was killed must get its
# port again, and a client that keeps asking for a dead port of that range can end up connected to itself.
_RANGE = range(15_000, 32_000)
_ATTEMPTS = 100


def unused_port() -> int:
    """A TCP port on loopback that nobody listens on now. Another process may still take it: retry then."""
    for port in random.sample(_RANGE, _ATTEMPTS):
        with socket.socket() as probe:
            # As servers do: connections of an earlier listener that linger must not count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port found on {LOOPBACK} in {_ATTEMPTS} attempts")
