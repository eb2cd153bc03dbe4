"""Make the README's pictures from a real run: ``.venv/bin/python scripts/pictures.py``.

Runs the demo once, prints its journal as a report, and draws both terminals as SVG into docs/images/.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
WIDTH = 118  # columns


def run(*command: str) -> str:
    """The output of a command as a terminal of WIDTH columns would get it, colours included."""
    env = {
        **os.environ,
        "ANSIBLE_FORCE_COLOR": "1",
        "FORCE_COLOR": "1",
        "COLUMNS": str(WIDTH),
        "TERM": "xterm-256color",
    }
    done = subprocess.run(
        command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout


def draw(name: str, title: str, output: str) -> None:
    """Write docs/images/<name>.svg. Its fonts are the reader's own: nothing is loaded from elsewhere."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(output), soft_wrap=False)
    svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title=title), flags=re.DOTALL)
    svg = svg.replace("Fira Code", "ui-monospace, Menlo, Consolas, DejaVu Sans Mono")
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")


def section(output: str, start: str, end: str | None = None, *, skip: int = 0) -> str:
    """The part of the demo's output from one heading to the ``end`` after ``skip`` others like it."""
    tail = output[output.index(start) :]
    if end is None:
        return tail
    position = 0
    for _time in range(skip + 1):
        position = tail.index(end, position + 1)
    return tail[:position]


def main() -> None:
    """Run the demo and draw what a reader should see."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    output = run(sys.executable, "-m", "demo", "--once")
    journal = output.splitlines()[-2].removeprefix("journal: ")
    draw("booking", "make demo: a booking", section(output, "=== 3.", "=== 4."))
    draw(
        "statements",
        "make demo: the exact T-SQL (its beginning)",
        section(output, "=== 4.", "  -- sql02", skip=5),
    )
    draw("result", "make demo: what is there now", section(output, "=== 5."))
    report = run(str(Path(sys.executable).with_name("sqlhosting")), "journal", "report", "--changes", journal)
    draw("journal", "sqlhosting journal report --changes", "\n".join(report.splitlines()[:40]))


if __name__ == "__main__":
    main()
