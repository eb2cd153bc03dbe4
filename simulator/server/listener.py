"""One instance's port: takes connections, and goes down and up again as faults say."""

from __future__ import annotations

import asyncio
import socket

from simulator.errors import SimulatorError
from simulator.estate.instance import Instance
from simulator.server.certificate import Certificate
from simulator.server.connection import Connection
from simulator.server.faults import FaultBook
from simulator.server.trace import Trace
from simulator.tds.collations import WireCollation, wire_collation

HOST = "127.0.0.1"  # the simulator is for one machine's tests and demo; its passwords are well known
BACKLOG = 256


class PortInUseError(SimulatorError):
    """An instance's port is taken by another program."""


class InstanceServer:
    """Listens for one instance."""

    def __init__(
        self, instance: Instance, *, trace: Trace, faults: FaultBook, certificate: Certificate
    ) -> None:
        self.instance = instance
        self.trace = trace
        self.faults = faults
        self.certificate = certificate
        self.name = instance.name
        self.server_name = instance.server_name
        self.encryption = instance.spec.encryption
        self.version = version_numbers(instance.product_version)
        self.connections: set[Connection] = set()
        self.port = instance.spec.port
        self._server: asyncio.Server | None = None
        self._reserved: socket.socket | None = None  # keeps the port while the instance is down

    @property
    def collation(self) -> WireCollation:
        """The collation of the connections."""
        return wire_collation(self.instance.collation_name)

    async def start(self) -> None:
        """Take the port and listen, unless a fault says down. Raises :class:`PortInUseError`."""
        try:
            self._reserved = self._bound_socket()
        except OSError as exc:
            raise PortInUseError(
                f"instance {self.name}: port {self.port} cannot be used ({exc.strerror}); "
                "free it or give the instance another 'port' (0 takes any)"
            ) from exc
        self.port = self.instance.port = self._reserved.getsockname()[1]
        await self.settle()

    def _bound_socket(self) -> socket.socket:
        """A socket that has the port but does not listen: clients are refused."""
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((HOST, self.port))
        except OSError:
            bound.close()
            raise
        bound.setblocking(False)
        return bound

    def go_down(self) -> None:
        """Stop listening and break all connections; the port stays ours."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._reserved = self._bound_socket()
        self.break_connections()

    async def settle(self) -> None:
        """Listen or not, as the faults say."""
        if self.faults.is_down(self.name):
            self.go_down()
        elif self._server is None and self._reserved is not None:
            listening, self._reserved = self._reserved, None
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(lambda: Connection(self), sock=listening, backlog=BACKLOG)

    def break_connections(self) -> None:
        """Break every connection at once, as when the machine fails."""
        for connection in list(self.connections):
            connection.abort()

    async def close(self) -> None:
        """Stop; returns when the messages that ran have their lines in the trace."""
        self.go_down()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until no connection is left; callers break them first."""
        tasks = [connection.task for connection in self.connections if connection.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await asyncio.sleep(0)  # lets the connections' ends run


def version_numbers(text: str) -> tuple[int, int, int, int]:
    """Major, minor, build, revision of a product version such as 16.0.4135.4."""
    major, minor, build, revision = (int(part) for part in text.split("."))
    return major, minor, build, revision
