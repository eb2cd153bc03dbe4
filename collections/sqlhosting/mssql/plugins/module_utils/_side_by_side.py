# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Do the same for many, in threads, so that one that hangs delays no other."""

from __future__ import annotations

import queue
import threading
import time

PATIENCE_S = 2.0  # a round trip to an instance that is well takes milliseconds
MOST_THREADS = 200  # each holds a connection: about a megabyte
_LOOK_S = 0.1  # how often clocks are looked at while nothing ends


def side_by_side(
    names,
    prepare,
    *,
    at_once: int,
    patience_s: float = PATIENCE_S,
    limit_s: float = 0,
    most: int = MOST_THREADS,
    now=time.monotonic,
):
    """(name, outcome) of each of ``names``, as they end; ``prepare(name)`` gives what never raises.

    ``prepare`` is called in the caller's thread. At most ``at_once`` threads run; one that takes longer than
    ``patience_s`` does not count any more, and another starts, up to ``most`` of them. What takes longer than
    ``limit_s`` (0: no limit) is given up: its outcome is None, and its thread ends with the process.
    """
    ended: queue.SimpleQueue = queue.SimpleQueue()
    waiting = iter(names)
    running: dict = {}  # name -> when it began
    is_more = True

    def work(name, job) -> None:
        ended.put((name, job()))

    while True:
        at = now()
        quick = sum(1 for began in running.values() if at - began < patience_s)
        while is_more and quick < at_once and len(running) < most:
            name = next(waiting, None)
            if name is None:
                is_more = False
                break
            job = prepare(name)
            running[name] = now()
            threading.Thread(target=work, args=(name, job), name=f"side-by-side {name}", daemon=True).start()
            quick += 1
        if not running:
            return
        try:
            name, outcome = ended.get(timeout=_LOOK_S)
        except queue.Empty:
            pass
        else:
            if running.pop(name, None) is not None:  # it may have been given up just before
                yield name, outcome
        if limit_s:
            for name in [name for name, began in running.items() if now() - began >= limit_s]:
                del running[name]
                yield name, None
