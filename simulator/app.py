"""The whole simulator, built from a topology: instances, their ports, trace, faults, control channel."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.errors import SimulatorError
from simulator.estate.estate import Estate
from simulator.server.certificate import make_certificate, write_certificate
from simulator.server.control_channel import ControlChannel
from simulator.server.faults import FaultBook
from simulator.server.listener import HOST, InstanceServer
from simulator.server.trace import Trace
from simulator.sql.load import load_all
from simulator.topology import Topology

logger = logging.getLogger(__name__)


class StartError(SimulatorError):
    """The simulator cannot start; the text says why and what to do."""


class Application:
    """Everything that runs in one simulator process."""

    def __init__(self, topology: Topology) -> None:
        """Build it. Raises :class:`SimulatorError` for an impossible topology or file."""
        load_all()
        self.topology = topology
        try:
            if topology.state is not None:
                topology.state.mkdir(parents=True, exist_ok=True)
            if topology.control is not None:
                topology.control.parent.mkdir(parents=True, exist_ok=True)
            self.trace = Trace(topology.trace)
            certificate = make_certificate()
            if topology.certificate is not None:
                write_certificate(certificate, topology.certificate)
        except OSError as exc:
            raise StartError(f"{exc.filename}: cannot be written ({exc.strerror})") from exc
        self.estate = Estate(topology)
        self.faults = FaultBook(self._faults_changed)
        self.servers = {
            name: InstanceServer(instance, trace=self.trace, faults=self.faults, certificate=certificate)
            for name, instance in self.estate.instances.items()
        }
        self.control = ControlChannel(self.servers, self.faults)
        for spec in topology.instances:
            for fault in spec.faults:
                self.faults.add(spec.name, fault)

    def _faults_changed(self, instance: str) -> None:
        """A fault may have put an instance down, which takes effect at once."""
        server = getattr(self, "servers", {}).get(instance)
        if server is not None and self.faults.is_down(instance):
            server.go_down()

    async def start(self) -> dict[str, Any]:
        """Listen everywhere; what the line on standard output says. Raises :class:`SimulatorError`."""
        for server in self.servers.values():
            await server.start()
        if self.topology.control is not None:
            await self.control.start(self.topology.control)
        return {
            "instances": {
                name: {"host": HOST, "port": server.port, "version": server.instance.product_version}
                for name, server in self.servers.items()
            },
            "control": _text(self.topology.control),
            "trace": _text(self.topology.trace),
            "certificate": _text(self.topology.certificate),
        }

    async def close(self) -> None:
        """Stop: connections break, what ran is traced, state is kept."""
        await self.control.close()
        for server in self.servers.values():
            await server.close()
        self.estate.close()
        self.trace.close()


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


async def run(application: Application, *, ready: Callable[[dict[str, Any]], None]) -> None:
    """Run until SIGTERM or SIGINT. ``ready`` is called once everything listens."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        ready(await application.start())
        gc.collect()
        gc.freeze()  # what start-up made stays; the collector need not look at it again
        await stop.wait()
    finally:
        await application.close()
