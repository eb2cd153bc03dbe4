"""The control channel's server: one JSON object per line on a Unix socket, see docs/simulator.md."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from simulator.errors import SimulatorError
from simulator.server import operations
from simulator.server.faults import FaultBook
from simulator.server.listener import InstanceServer
from simulator.topology import FaultSpec
from simulator.utf16 import in_units

SOCKET_MODE = 0o600  # whoever may write to it may change every instance
LINE_MAX = 1024 * 1024
HELD_TIMEOUT_S = 10.0


class ControlChannelError(SimulatorError):
    """The socket cannot be made, or a request cannot be understood."""


class ControlChannel:
    """Answers the control channel's operations: methods ``op_<name>``, a request's keys their arguments."""

    def __init__(self, servers: dict[str, InstanceServer], faults: FaultBook) -> None:
        self._servers = servers
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, path: Path) -> None:
        """Listen at ``path``. Raises :class:`ControlChannelError` when that is not possible."""
        if await _is_answered(path):
            raise ControlChannelError(f"control channel {path} belongs to a simulator that is running")
        old_mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            # A socket left behind by a simulator that was killed is replaced.
            self._server = await asyncio.start_unix_server(self._serve, path, limit=LINE_MAX)
        except OSError as exc:
            raise ControlChannelError(
                f"control channel {path} cannot be opened: {exc.strerror or exc}"
            ) from exc
        finally:
            os.umask(old_mask)
        self._path = path

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for client in list(self._clients):
            client.close()
        if self._path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)  # noqa: PTH108 - the async rule forbids Path methods

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                answer = await self.answer(line)
                # Names may hold halves of surrogate pairs, as SQL Server's may: escapes carry them.
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.CancelledError):
            pass  # gone, a line without an end, or the simulator stops
        finally:
            self._clients.discard(writer)
            writer.close()

    async def answer(self, line: bytes) -> dict[str, Any]:
        """The answer to one line."""
        try:
            return {"ok": True, **(await self._carry_out(line) or {})}
        except (SimulatorError, ValidationError) as exc:
            return {"ok": False, "error": str(exc)}
        except (TypeError, ValueError, AttributeError, ArithmeticError) as exc:
            # A number where a name belongs, Infinity, 1e400: the sender's mistake, and not worth the channel.
            return {"ok": False, "error": f"a value of the wrong kind: {exc}"}

    async def _carry_out(self, line: bytes) -> dict[str, Any] | None:
        try:
            request = json.loads(line)
        except ValueError as exc:
            raise ControlChannelError(f"not JSON: {exc}") from exc
        except RecursionError as exc:
            raise ControlChannelError("not usable: nested too deeply") from exc
        if not isinstance(request, dict) or not isinstance(request.get("op"), str):
            raise ControlChannelError("a request is an object with the key 'op'")
        name = request.pop("op")
        operation: Callable[..., Any] | None = getattr(self, f"op_{name}", None)
        if operation is None:
            known = sorted(n.removeprefix("op_") for n in dir(self) if n.startswith("op_"))
            raise ControlChannelError(f"unknown operation {name!r}; there are {', '.join(known)}")
        if "fault" not in request:  # a fault's pattern is searched in whole characters
            request = in_units(request)
        try:
            inspect.signature(operation).bind(**request)
        except TypeError as exc:
            raise ControlChannelError(f"{name}: {exc}") from exc
        result = operation(**request)
        return await result if inspect.isawaitable(result) else result

    def _instance(self, name: str) -> InstanceServer:
        if name not in self._servers:
            raise ControlChannelError(f"there is no instance {name!r}; there are {', '.join(self._servers)}")
        return self._servers[name]

    async def _settle(self) -> None:
        for server in self._servers.values():
            await server.settle()

    # -- operations --------------------------------------------------------------------------------

    def op_ping(self) -> None:
        """Nothing but an answer."""

    async def op_add_fault(self, instance: str, fault: dict[str, Any]) -> dict[str, Any]:
        """Switch a fault on."""
        added = self._faults.add(self._instance(instance).name, FaultSpec.model_validate(fault))
        await self._settle()
        return {"id": added.id}

    async def op_remove_fault(self, id: int) -> None:
        """Switch a fault off; returns when an instance that was down listens again."""
        self._faults.remove(id)
        await self._settle()

    async def op_clear_faults(self, instance: str | None = None) -> None:
        """Switch all faults off."""
        self._faults.clear(None if instance is None else self._instance(instance).name)
        await self._settle()

    def op_faults(self) -> dict[str, Any]:
        """The faults that are on."""
        return {"faults": [fault.described() for fault in self._faults.faults.values()]}

    async def op_wait_held(self, id: int, timeout: float = HELD_TIMEOUT_S) -> dict[str, Any]:  # noqa: ASYNC109
        """Wait until a fault holds a message; ``timeout`` in seconds."""
        fault = self._faults.get(id)
        waits = [asyncio.ensure_future(event.wait()) for event in (fault.holds, fault.removed)]
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not fault.held:
            reason = "was removed" if fault.removed.is_set() else f"held no message within {timeout:g} s"
            raise ControlChannelError(f"fault {id} {reason}")
        return {"text": fault.held[0]}

    def op_count(self, instance: str) -> dict[str, Any]:
        """How many batches and procedure calls have come."""
        return {"count": self._faults.counts.get(self._instance(instance).name, 0)}

    def op_set_volume(self, instance: str, mount_point: str, free_gib: float) -> None:
        """Free space of a volume."""
        operations.set_volume(self._instance(instance).instance, mount_point, free_gib)

    def op_set_used(self, instance: str, database: str, used_mib: float, file: str | None = None) -> None:
        """Used space of a database or file."""
        operations.set_used(self._instance(instance).instance, database, used_mib, file)

    def op_set_memory(self, instance: str, available_mib: int) -> None:
        """Available memory."""
        operations.set_memory(self._instance(instance).instance, available_mib)

    def op_set_cpu(self, instance: str, percent: int) -> None:
        """Processor load."""
        operations.set_cpu(self._instance(instance).instance, percent)

    def op_databases(self, instance: str) -> dict[str, Any]:
        """The databases as they are."""
        return {"databases": operations.described_databases(self._instance(instance).instance)}

    def op_sessions(self, instance: str) -> dict[str, Any]:
        """The open sessions."""
        return {"sessions": operations.described_sessions(self._instance(instance).instance)}

    async def op_restart(self, instance: str) -> None:
        """Restart the instance."""
        server = self._instance(instance)
        server.break_connections()
        await server.quiet()
        operations.restart(server.instance)


async def _is_answered(path: Path) -> bool:
    """Does a running simulator listen at this socket?"""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True
