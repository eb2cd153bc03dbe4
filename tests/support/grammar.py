"""Microsoft's own T-SQL grammars, as the package ``maxdop`` carries them: what they refuse, and why.

``maxdop --check`` reads many files in one process of some 70 ms. Its exit code says nothing here: 1 also
means that it would format a file otherwise. Its line "could not be parsed … line:column: reason" counts.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

VERSIONS = ("2019", "2022", "2025")
OF_MAJOR = {"15": "2019", "16": "2022", "17": "2025"}
PARSING_TIMEOUT_S = 120
MAXDOP = Path(sys.executable).with_name("maxdop")
MASKED_HASH = "0x******"  # how the trace writes a password's hash

_VERDICT = re.compile(
    r"^maxdop: \S*?(?P<number>\d+)\.sql: (?P<what>could not be parsed)?.*?(?P<why>\d+:\d+: .*)?$",
    re.MULTILINE,
)
_PIECE = re.compile(
    r"N?'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\[(?:[^\]]|\]\])*\]|--[^\n]*|/\*.*?\*/|(?P<mark>\?)", re.DOTALL
)

# What the server takes and the grammar does not know: pattern, the page that says so.
TAKEN_NEVERTHELESS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bCLUSTER_TYPE\s*=\s*EXTERNAL\b", re.IGNORECASE), "create-availability-group-transact-sql"),
)


def with_named_parameters(text: str) -> str:
    """``text`` with each ``?`` that ODBC would replace written as ``@p1``, but not in literals and names."""
    return _PIECE.sub(lambda match: "@p1" if match["mark"] else match.group(), text)


def refusals(statements: Iterable[str], version: str) -> dict[str, str]:
    """The statements that the grammar of ``version`` refuses, each with "line:column: reason".

    Those of :data:`TAKEN_NEVERTHELESS` are left out. Raises RuntimeError when maxdop has not read every one.
    """
    texts = [text for text in dict.fromkeys(statements) if not _is_taken_nevertheless(text)]
    with tempfile.TemporaryDirectory(prefix="grammar-") as name:
        folder = Path(name)
        for number, text in enumerate(texts):
            (folder / f"{number}.sql").write_bytes(with_named_parameters(text).encode("utf-8", "replace"))
        run = subprocess.run(
            [MAXDOP, "--check", "--parser-version", version, "--files-from", "-"],
            input="\0".join(f"{number}.sql" for number in range(len(texts))) + "\0",
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=PARSING_TIMEOUT_S,
            check=False,
        )
    if run.returncode not in {0, 1}:
        raise RuntimeError(f"maxdop ended with {run.returncode}: {run.stderr[-2000:]}")
    found = {
        int(match["number"]): match["why"] or "" for match in _VERDICT.finditer(run.stderr) if match["what"]
    }
    return {texts[number]: why for number, why in found.items()}


def _is_taken_nevertheless(text: str) -> bool:
    return any(pattern.search(text) for pattern, _ in TAKEN_NEVERTHELESS)


class Recorder:
    """The statements of this process's tests that a server took, or a plan wants to send, by version."""

    def __init__(self) -> None:
        self._by_version: dict[str, set[str]] = {version: set() for version in VERSIONS}

    def note(self, text: str, *versions: str) -> None:
        """Remember a statement; without ``versions`` it has to be T-SQL on all of them."""
        for version in versions or VERSIONS:
            self._by_version[version].add(text.replace(MASKED_HASH, "0x00"))

    def note_trace(self, lines: Iterable[dict[str, Any]], versions: dict[str, str]) -> None:
        """Remember what simulated instances took; ``versions``: each one's product version (16.0.4135.4).

        What injected faults answered is left out, and what an instance of another name got.
        """
        for line in lines:
            if line["outcome"] == "ok" and not line["fault"] and line["instance"] in versions:
                self.note(line["text"], OF_MAJOR[versions[line["instance"]].split(".")[0]])

    def note_journal(self, lines: Iterable[dict[str, Any]]) -> None:
        """Remember what a run's journal holds, what was only planned included."""
        for line in lines:
            if line["event"] in {"intent", "planned"}:
                self.note(line["text"])

    def refusals(self) -> list[str]:
        """A line for each remembered statement that is no T-SQL on its version."""
        return sorted(
            f"SQL Server {version}, {why}\n    {text}"
            for version, texts in self._by_version.items()
            if texts
            for text, why in refusals(texts, version).items()
        )


RECORDED = Recorder()
