"""Faults: which of them act on a message, and messages that are held until a fault is removed.

:class:`FaultBook` decides; connections and the listener carry it out. docs/simulator.md names the faults.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.errors import MESSAGES, SimulatorError, SqlError
from simulator.topology import FaultSpec
from simulator.utf16 import Verbatim

# Errors that nothing in the simulator raises by itself, but that faults play: number -> (severity, text).
# Source: Microsoft Learn, "Database Engine events and errors".
PLAYED = {
    596: (21, "Cannot continue the execution because the session is in the kill state."),
    1204: (
        19,
        "The instance of the SQL Server Database Engine cannot obtain a LOCK resource at this time. Rerun "
        "your statement when there are fewer active users.",
    ),
    1205: (
        13,
        "Transaction was deadlocked on lock resources with another process and has been chosen as the "
        "deadlock victim. Rerun the transaction.",
    ),
    1222: (16, "Lock request time out period exceeded."),
    3960: (16, "Snapshot isolation transaction aborted due to update conflict."),
    8645: (17, "A timeout occurred while waiting for memory resources to execute the query."),
    8651: (17, "Could not perform the operation because the requested memory grant was not available."),
    10928: (20, "The request limit has been reached."),
    17197: (16, "Login failed due to timeout; the connection has been closed."),
    40613: (20, "Database is not currently available. Please retry the connection later."),
}
DEFAULT_SEVERITY = 16
# What a fault's error says when nothing has a text for its number.
DEFAULT_MESSAGE = "Error {0} from the simulator's fault."
_PLACEHOLDER = re.compile(r"\{\d+\}")


class FaultError(SimulatorError):
    """A fault cannot be set, or is not there; the text says why."""


@dataclass(eq=False)
class Fault:
    """A fault that is switched on for an instance."""

    id: int
    instance: str
    spec: FaultSpec
    pattern: re.Pattern[str] | None
    seen: int = 0  # messages that matched
    acted: int = 0
    held: list[str] = field(default_factory=list)  # texts of the messages that it holds, masked
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    holds: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def label(self) -> str:
        """How the trace names it."""
        return self.spec.name or f"{self.spec.kind} {self.spec.when}"

    @property
    def is_immediate(self) -> bool:
        """True for ``down`` without a condition on messages: it acts when it is set."""
        spec = self.spec
        return spec.kind == "down" and not any((spec.at, spec.pattern, spec.login, spec.app_name))

    def takes(self, text: str, login: str, app_name: str) -> bool:
        """Does it act on this message? Counts the message where it matches."""
        spec = self.spec
        if self.removed.is_set() or not self._is_about(login, app_name):
            return False
        if self.pattern is not None and not self.pattern.search(text):
            return False
        if spec.times is not None and self.acted >= spec.times:
            return False
        self.seen += 1
        if spec.at is not None and self.seen != spec.at:
            return False
        self.acted += 1
        return True

    def _is_about(self, login: str, app_name: str) -> bool:
        spec = self.spec
        return (spec.login is None or spec.login.lower() == login.lower()) and (
            spec.app_name is None or spec.app_name.lower() == app_name.lower()
        )

    def takes_login(self, login: str, app_name: str) -> bool:
        """Does it slow this login down?"""
        times = self.spec.times
        if self.removed.is_set() or not self._is_about(login, app_name) or (times and self.acted >= times):
            return False
        self.acted += 1
        return True

    def error(self) -> SqlError:
        """The error that it answers with."""
        number = self.spec.number or 0
        unknown = (DEFAULT_SEVERITY, DEFAULT_MESSAGE.format(number))
        severity, text = MESSAGES.get(number) or PLAYED.get(number) or unknown
        message = Verbatim(self.spec.message) if self.spec.message else _PLACEHOLDER.sub("?", text)
        return SqlError(number, severity, message, state=self.spec.state)

    async def hold(self, text: str) -> None:
        """Return when the fault is removed."""
        self.held.append(text)
        self.holds.set()
        try:
            await self.removed.wait()
        finally:
            self.held.remove(text)
            if not self.held:
                self.holds.clear()

    def described(self) -> dict[str, Any]:
        """For the control channel."""
        spec = self.spec.model_dump(exclude_defaults=True)
        return {
            "id": self.id,
            "instance": self.instance,
            "acted": self.acted,
            "held": list(self.held),
            **spec,
        }


class FaultBook:
    """The faults of all instances. ``on_change(instance)`` is called after faults were added or removed."""

    def __init__(self, on_change: Callable[[str], None] = lambda instance: None) -> None:
        self._ids = itertools.count(1)
        self.faults: dict[int, Fault] = {}
        self.counts: dict[str, int] = {}
        self.on_change = on_change

    def add(self, instance: str, spec: FaultSpec) -> Fault:
        """Switch a fault on. Raises :class:`FaultError` for a pattern that is no regular expression."""
        try:
            pattern = re.compile(spec.pattern, re.IGNORECASE) if spec.pattern is not None else None
        except re.error as exc:
            raise FaultError(f"the fault's pattern is no regular expression: {exc}") from exc
        fault = Fault(next(self._ids), instance, spec, pattern)
        self.faults[fault.id] = fault
        self.on_change(instance)
        return fault

    def get(self, fault_id: int) -> Fault:
        """The fault with that id. Raises :class:`FaultError`."""
        if fault_id not in self.faults:
            raise FaultError(f"there is no fault {fault_id}")
        return self.faults[fault_id]

    def remove(self, fault_id: int) -> None:
        """Switch a fault off and let go what it holds. Raises :class:`FaultError`."""
        fault = self.get(fault_id)
        del self.faults[fault_id]
        fault.removed.set()
        self.on_change(fault.instance)

    def clear(self, instance: str | None = None) -> None:
        """Switch all faults off, of one instance or of all."""
        for fault in list(self.faults.values()):
            if instance is None or fault.instance == instance:
                self.remove(fault.id)

    def of_message(self, instance: str, text: str, login: str, app_name: str) -> list[Fault]:
        """Count a message and give back the faults that act on it, in the order in which they were set."""
        self.counts[instance] = self.counts.get(instance, 0) + 1
        return [
            fault
            for fault in self.faults.values()
            if fault.instance == instance
            and fault.spec.kind != "login_throttled"
            and not fault.is_immediate
            and fault.takes(text, login, app_name)
        ]

    def login_delay_s(self, instance: str, login: str, app_name: str) -> float:
        """How long a login has to wait, in seconds."""
        return sum(
            fault.spec.seconds
            for fault in self.faults.values()
            if fault.instance == instance
            and fault.spec.kind == "login_throttled"
            and fault.takes_login(login, app_name)
        )

    def is_down(self, instance: str) -> bool:
        """Is the instance down? A conditional ``down`` is, once it has acted."""
        return any(
            fault.instance == instance and fault.spec.kind == "down" and (fault.is_immediate or fault.acted)
            for fault in self.faults.values()
        )
