# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The journal: one JSON line per event, written before a statement is sent and after it returned.

Events: ``planned`` (check mode: would be sent), ``intent`` (about to be sent), ``outcome``. An intent without
an outcome means that nobody knows. Many processes may append to one file, and many threads by one
:class:`Journal`: each line is one write under a lock, and the lock also gives out ``seq``. A torn last line
(power cut, full disk) is closed and otherwise left alone.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import re
import threading
import time

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import JournalUnavailable

PLANNED = "planned"
INTENT = "intent"
OUTCOME = "outcome"
READ = "read"
CHANGE = "change"
OK = "ok"
ERROR = "error"
UNKNOWN = "unknown"

JOURNAL_VARIABLE = "SQLHOSTING_JOURNAL"
RUN_VARIABLE = "SQLHOSTING_RUN"
PLAN_VARIABLE = "SQLHOSTING_APPROVED_PLAN"
TEMPLATES_VARIABLE = "SQLHOSTING_TEMPLATES"
LEASE_VARIABLE = "SQLHOSTING_LEASE"

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_REMEDY = "Nothing is sent without it: make room, or point SQLHOSTING_JOURNAL at a file that can be written."


def new_ulid() -> str:
    """A ULID: 48 bits of milliseconds and 80 random bits, 26 characters that sort by time (ulid/spec)."""
    value = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def utc_now() -> str:
    """Now, as ISO 8601 in UTC with microseconds and ``Z``."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def default_path(folder: str, name: str, pid: int) -> str:
    """Where a run keeps its journal by default: ``.artifacts/journals/<UTC time>-<name>-<pid>.jsonl``."""
    at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = re.sub(r"[^\w.-]", "_", name) or "ansible"
    return os.path.join(os.path.abspath(folder), ".artifacts", "journals", f"{at}-{name}-{pid}.jsonl")


def parse_lines(data: bytes) -> list[dict]:
    """The whole, valid lines in ``data``; torn or foreign ones are left out."""
    found = []
    for line in data.split(b"\n"):
        try:
            parsed = json.loads(line)
        except ValueError:
            continue
        if isinstance(parsed, dict) and "event" in parsed:
            found.append(parsed)
    return found


class Journal:
    """Append to a journal file and know what this run has written so far.

    ``positions`` (instance → last position used of the approved plan) and ``planned`` ((instance, thing) that
    check
    mode would have created) start a journal on another machine with what the controller's journal knows;
    ``fresh`` then insists on a new file, so that nobody can lay a link in its place.
    """

    def __init__(
        self,
        path: str,
        run: str,
        *,
        positions: dict | None = None,
        planned: list | None = None,
        fresh: bool = False,
    ) -> None:
        self.path = path
        self.run = run
        self._fresh = os.O_EXCL if fresh else 0
        self._descriptor: int | None = None
        self._end = 0  # the file's size when it was last looked at
        self._next_seq = 1
        self._learned = 0  # how far lines were read for what they say of this run
        self._depth = 0
        self._threads = threading.RLock()  # flock holds for the open file, so it parts processes only
        self._positions = dict(positions or {})
        self._created = [tuple(pair) for pair in planned or []]
        self._planned_changes: list[dict] = []

    def append(self, line: dict, *, durable: bool = False) -> None:
        """Write one line, adding ``seq`` and ``run``. ``durable`` waits until it is on the disk.

        Raises :class:`JournalUnavailable`; then the file is as it was before.
        """
        with self.locked():
            end, is_torn = self._look_at_end()
            line = dict({"event": line["event"], "run": self.run, "seq": self._next_seq}, **line)
            data = b"\n" if is_torn else b""  # close a torn line of somebody who died
            data += json.dumps(line, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"
            try:
                written = os.write(self._descriptor, data)
                if written != len(data):
                    os.ftruncate(self._descriptor, end)
                    raise OSError(28, "No space left on device")
                if durable:
                    os.fsync(self._descriptor)
            except OSError as exc:
                raise JournalUnavailable(
                    f"journal {self.path}: {exc.strerror or exc}", remedy=_REMEDY
                ) from exc
            self._end = end + len(data)
            self._next_seq += 1

    def adopt(self, lines: list[dict]) -> None:
        """Append lines that were written on another machine; they get this file's ``seq`` and keep their
        time.
        """
        with self.locked():
            for line in lines:
                self.append({key: value for key, value in line.items() if key not in ("seq", "run")})

    @contextlib.contextmanager
    def locked(self):
        """While inside, no other process and no other thread appends. May be nested."""
        with self._threads:
            if self._descriptor is None:
                self._open()
            if self._depth == 0:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def check_writable(self) -> None:
        """Raises :class:`JournalUnavailable` when lines could not be written."""
        with self._threads:
            if self._descriptor is None:
                self._open()

    def plan_position(self, instance: str) -> int:
        """The last position of the approved plan that this run used on the instance, -1 for none."""
        self._catch_up()
        return self._positions.get(instance, -1)

    def plan_positions(self) -> dict[str, int]:
        """All of them, by instance."""
        self._catch_up()
        return dict(self._positions)

    def planned_things(self) -> list[tuple]:
        """(instance, thing) of everything that check mode would have created in this run."""
        self._catch_up()
        return list(self._created)

    def planned_changes(self) -> list[dict]:
        """The planned lines of this run, in order."""
        self._catch_up()
        return list(self._planned_changes)

    def close(self) -> None:
        """Give the file back. Appending again opens it again."""
        with self._threads:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> None:
        try:
            os.makedirs(os.path.dirname(self.path) or ".", mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | self._fresh
            self._descriptor = os.open(self.path, flags, 0o600)
            self._fresh = 0
        except OSError as exc:
            raise JournalUnavailable(f"journal {self.path}: {exc.strerror or exc}", remedy=_REMEDY) from exc

    def _catch_up(self) -> None:
        """Read the lines that came since the last time. Only those who ask pay for it: with 50 instances a
        journal grows by a thousand lines in a second."""
        with self.locked():
            size, _is_torn = self._look_at_end()
            data = os.pread(self._descriptor, size - self._learned, self._learned)
            whole = data.rfind(b"\n") + 1
            for line in parse_lines(data[:whole]):
                self._learn(line)
            self._learned += whole

    def _look_at_end(self) -> tuple[int, bool]:
        """The file's size, and whether its last line is torn. ``_next_seq`` is then right."""
        size = os.fstat(self._descriptor).st_size
        if size < self._end:
            raise JournalUnavailable(
                f"journal {self.path} was shortened while the run was writing to it",
                remedy="Leave journals of running playbooks alone; start again with a new file.",
            )
        if size == self._end:
            return size, False  # nobody else wrote since
        length = 1 << 12
        while True:
            start = max(0, size - length)
            data = os.pread(self._descriptor, size - start, start)
            # The first line of the piece may be cut, unless the piece is the whole file.
            whole = data[data.find(b"\n") + 1 if start else 0 : data.rfind(b"\n") + 1]
            seq = _last_seq(whole)
            if seq or start == 0:
                self._next_seq = max(self._next_seq, seq + 1)
                self._end = size
                return size, not data.endswith(b"\n")
            length *= 4

    def _learn(self, line: dict) -> None:
        if line.get("run") != self.run:
            return
        position = line.get("plan_position")
        if line["event"] == INTENT and isinstance(position, int):
            self._positions[line["instance"]] = max(position, self._positions.get(line["instance"], -1))
        if line["event"] == PLANNED:
            self._planned_changes.append(line)
            if line.get("creates"):
                self._created.append((line["instance"], line["creates"]))


def _last_seq(data: bytes) -> int:
    """``seq`` of the last line that has one, 0 for none: lines stand in the order of ``seq``."""
    for line in reversed(data.split(b"\n")):
        for parsed in parse_lines(line):
            if isinstance(parsed.get("seq"), int):
                return parsed["seq"]
    return 0


def count(lines: list[dict]) -> dict[str, int]:
    """How many statements lines hold: sent ``read`` and ``change``, ``planned``, ``failed``, outcome
    ``unknown``.
    """
    intents = {line["statement_id"]: line for line in lines if line["event"] == INTENT}
    outcomes = {line["statement_id"]: line.get("status") for line in lines if line["event"] == OUTCOME}
    return {
        READ: sum(1 for line in intents.values() if line["kind"] == READ),
        CHANGE: sum(1 for line in intents.values() if line["kind"] == CHANGE),
        PLANNED: sum(1 for line in lines if line["event"] == PLANNED),
        "failed": sum(1 for status in outcomes.values() if status == ERROR),
        UNKNOWN: sum(1 for key in intents if outcomes.get(key, UNKNOWN) == UNKNOWN),
    }
