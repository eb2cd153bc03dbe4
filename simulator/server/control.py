"""The control channel's client: changes a running simulator from a test or the demo.

One JSON object per line each way over a Unix socket; docs/simulator.md lists the operations.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any

from simulator.errors import SimulatorError

REPLY_TIMEOUT_S = 30.0  # for every operation but wait_held, which has its own


class ControlError(SimulatorError):
    """The simulator refused an operation; the text says why."""


class Control:
    """A connection to the control channel at ``path``. Methods raise :class:`ControlError` on refusal."""

    def __init__(self, path: str | Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(REPLY_TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError as exc:
            self._socket.close()
            raise ControlError(f"no simulator answers at {path}: {exc.strerror}") from exc
        self._file = self._socket.makefile("rwb")

    def close(self) -> None:
        """Leave the channel; faults stay as they are."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Control:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, op: str, *, reply_timeout: float = REPLY_TIMEOUT_S, **arguments: Any) -> dict[str, Any]:
        """The simulator's answer to ``op``. ``reply_timeout`` is in seconds."""
        self._socket.settimeout(reply_timeout)
        try:
            self._file.write(json.dumps({"op": op, **arguments}).encode() + b"\n")
            self._file.flush()
            line = self._file.readline()
        except OSError as exc:
            raise ControlError(f"the simulator does not answer {op}: {exc}") from exc
        if not line:
            raise ControlError(f"the simulator closed the control channel during {op}")
        answer: dict[str, Any] = json.loads(line)
        if not answer.get("ok"):
            raise ControlError(answer.get("error", "refused without a reason"))
        return answer

    def ping(self) -> None:
        """Return when the simulator answers."""
        self.call("ping")

    def add_fault(self, instance: str, **fault: Any) -> int:
        """Switch a fault on and give back its id; ``fault`` holds the keys of a topology's fault."""
        return int(self.call("add_fault", instance=instance, fault=fault)["id"])

    def remove_fault(self, fault_id: int) -> None:
        """Switch a fault off; messages that it holds go on."""
        self.call("remove_fault", id=fault_id)

    def clear_faults(self, instance: str | None = None) -> None:
        """Switch all faults off, of one instance or of all."""
        self.call("clear_faults", instance=instance)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are switched on, with id, instance, how often they acted and what they hold."""
        answer: list[dict[str, Any]] = self.call("faults")["faults"]
        return answer

    def wait_held(self, fault_id: int, timeout: float = 10.0) -> str:
        """Wait until the fault holds a message and give back its text (masked as in the trace).

        ``timeout`` is in seconds; :class:`ControlError` when it passes.
        """
        answer = self.call("wait_held", id=fault_id, timeout=timeout, reply_timeout=timeout + REPLY_TIMEOUT_S)
        return str(answer["text"])

    def count(self, instance: str) -> int:
        """How many batches and remote procedure calls the instance has received."""
        return int(self.call("count", instance=instance)["count"])

    def set_volume(self, instance: str, mount_point: str, free_gib: float) -> None:
        """Set the free space of a volume, in GiB."""
        self.call("set_volume", instance=instance, mount_point=mount_point, free_gib=free_gib)

    def set_used(self, instance: str, database: str, used_mib: float, file: str | None = None) -> None:
        """Set how much of a database's data files (or of one file, by logical name) is used, in MiB."""
        self.call("set_used", instance=instance, database=database, used_mib=used_mib, file=file)

    def set_memory(self, instance: str, available_mib: int) -> None:
        """Set the machine's available memory, in MiB."""
        self.call("set_memory", instance=instance, available_mib=available_mib)

    def set_cpu(self, instance: str, percent: int) -> None:
        """Set the processor load of the machine, 0–100."""
        self.call("set_cpu", instance=instance, percent=percent)

    def databases(self, instance: str) -> list[dict[str, Any]]:
        """The instance's databases with their files, as they are, whatever any login may see."""
        answer: list[dict[str, Any]] = self.call("databases", instance=instance)["databases"]
        return answer

    def sessions(self, instance: str) -> list[dict[str, Any]]:
        """The sessions that are open: spid, login, app_name, database."""
        answer: list[dict[str, Any]] = self.call("sessions", instance=instance)["sessions"]
        return answer

    def restart(self, instance: str) -> None:
        """Restart the instance: its connections break, its databases stay."""
        self.call("restart", instance=instance)
