"""``python -m simulator --topology FILE``: run simulated SQL Server instances until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from simulator.app import Application, run
from simulator.errors import SimulatorError
from simulator.topology import load_topology

EXIT_CANNOT_START = 2
PR_SET_PDEATHSIG = 1  # prctl(2)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Simulated SQL Server instances that speak TDS. See docs/simulator.md.",
    )
    parser.add_argument("--topology", type=Path, required=True, help="YAML or JSON file with the instances")
    parser.add_argument("--trace", type=Path, help="append every message received to this file (JSON lines)")
    parser.add_argument("--state", type=Path, help="folder that keeps the instances' state between runs")
    parser.add_argument("--control", type=Path, help="Unix socket of the control channel")
    parser.add_argument("--certificate", type=Path, help="write the server certificate here (PEM)")
    parser.add_argument("--verbose", action="store_true", help="log connections to standard error")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="stop when the starting process ends (Linux)"
    )
    return parser.parse_args(arguments)


def exit_with_parent() -> None:
    """Ask the kernel for SIGTERM when the process that started this one ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request was made
        sys.exit(0)


def _print_line(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # the one line that tells the starter where to connect


def main(arguments: list[str] | None = None) -> int:
    """Run the simulator; the exit code is 0 after a stop on request and 2 when it cannot start."""
    options = parse_arguments(sys.argv[1:] if arguments is None else arguments)
    if options.exit_with_parent:
        exit_with_parent()
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    given = {
        name: value.resolve()
        for name in ("trace", "state", "control", "certificate")
        if (value := getattr(options, name)) is not None
    }
    try:
        topology = load_topology(options.topology).model_copy(update=given)
        asyncio.run(run(Application(topology), ready=_print_line))
    except SimulatorError as exc:
        print(f"simulator: {exc}", file=sys.stderr)
        return EXIT_CANNOT_START
    return 0


if __name__ == "__main__":
    sys.exit(main())
