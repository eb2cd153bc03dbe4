"""``python -m benchmarks``: measure, print, and write ``benchmarks/results/``."""

from __future__ import annotations

import datetime
import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from benchmarks.approval import measure_approval
from benchmarks.booking import measure_booking, measure_journal
from benchmarks.discovery import measure_discovery
from benchmarks.measure import Comparison, machine
from benchmarks.tasks import measure_tasks

RESULTS = Path(__file__).parent / "results"
BENCHMARKS: dict[str, Callable[..., Comparison]] = {
    "tasks": measure_tasks,
    "discovery": measure_discovery,
    "discovery_500": functools.partial(measure_discovery, size=500),
    "booking": measure_booking,
    "journal": measure_journal,
    "approval": measure_approval,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--rounds", default=7, show_default=True, type=click.IntRange(1, 100), help="counted rounds of each"
)
def main(names: tuple[str, ...], rounds: int) -> None:
    """Measure NAMES, or everything, and write the results."""
    console = Console()
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, console.status("starting") as status:
        for name in names or tuple(BENCHMARKS):
            result = BENCHMARKS[name](Path(scratch) / name, rounds=rounds, progress=status.update)
            _print(console, result)
            _write(name, result)
    console.print(
        f"written: {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}"
    )


def _print(console: Console, result: Comparison) -> None:
    table = Table(title=result.title, title_justify="left")
    table.add_column("contestant")
    for column in ("median s", "min s", "max s"):
        table.add_column(column, justify="right")
    for name, values in result.seconds.items():
        table.add_row(name, f"{result.median(name):.3f}", f"{min(values):.3f}", f"{max(values):.3f}")
    console.print(table)
    for label, value in result.ratios.items():
        console.print(f"  {label}: [bold]{value:.2f}[/]")
    for note in result.notes:
        console.print(f"  {note}")
    console.print()


def _write(name: str, result: Comparison) -> None:
    content = {
        "measured_on": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": machine(),
        **result.as_dict(),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
