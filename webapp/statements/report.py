"""A journal for people: coloured in a terminal, plain text elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from webapp.statements.journal import Journal, Statement, Status

_STYLES = {
    Status.OK: "green",
    Status.ERROR: "bold red",
    Status.UNKNOWN: "bold yellow",
    Status.PLANNED: "cyan",
}


def summary_lines(journal: Journal) -> list[str]:
    """What the journal holds, in a few lines."""
    statements = journal.statements
    if not statements:
        return [f"Journal {journal.path}: no statements"]
    sent = [s for s in statements if s.status is not Status.PLANNED]
    counts = Counter(s.status for s in statements)
    changes = sum(1 for s in sent if s.is_change)
    lines = [
        f"Journal {journal.path}",
        f"from {_moment(statements[0].at)} to {_moment(statements[-1].at)} UTC, "
        f"{_number(len({s.instance for s in statements}), 'instance')}, {_number(len(journal.runs), 'run')}",
        f"{len(sent) - changes} read, {changes} changing, {counts[Status.PLANNED]} planned, "
        f"{counts[Status.ERROR]} failed, {counts[Status.UNKNOWN]} outcome unknown",
    ]
    if journal.unreadable_lines:
        lines.append(
            f"{_number(journal.unreadable_lines, 'line')} could not be read (torn by a crash or a full disk)"
        )
    return lines


def plain_lines(journal: Journal, statements: Iterable[Statement]) -> Iterator[str]:
    """The report as plain lines."""
    yield from summary_lines(journal)
    task: tuple[str | None, str | None] | None = None
    for statement in statements:
        if (statement.inventory_host, statement.task) != task:
            task = (statement.inventory_host, statement.task)
            yield ""
            yield _task_line(statement)
        yield f"  {_head(statement)}"
        yield from (f"      {line}" for line in statement.text.splitlines())
        yield from (f"    {line}" for line in _trailer(statement))


def print_report(journal: Journal, statements: Iterable[Statement], console: Console) -> None:
    """Print the report; with colours and highlighted T-SQL when the console is a terminal."""
    if not console.is_terminal:
        for line in plain_lines(journal, statements):
            console.file.write(line + "\n")
        return
    for line in summary_lines(journal):
        console.print(Text(line, style="bold"))
    task: tuple[str | None, str | None] | None = None
    for statement in statements:
        if (statement.inventory_host, statement.task) != task:
            task = (statement.inventory_host, statement.task)
            console.print()
            console.print(Text(_task_line(statement), style="bold blue"))
        console.print(Text(f"  {_head(statement)}", style=_STYLES[statement.status]))
        console.print(
            Syntax(statement.text, "tsql", word_wrap=True, padding=(0, 6), background_color="default")
        )
        for line in _trailer(statement):
            console.print(Text(f"    {line}", style=_STYLES[statement.status]))


def _task_line(statement: Statement) -> str:
    """On one line, whatever the task is called: a second one would look like a statement."""
    host = f" on {statement.inventory_host}" if statement.inventory_host else ""
    return f"{' '.join((statement.task or '(no task)').split())}{host}"


def _head(statement: Statement) -> str:
    parts = [
        _moment(statement.at).split(" ")[1],
        statement.status.value if statement.status is not Status.UNKNOWN else "OUTCOME UNKNOWN",
        statement.kind,
        f"{statement.instance} [{statement.database}]",
        statement.template,
    ]
    if statement.duration_ms is not None:
        parts.append(f"{statement.duration_ms:.1f} ms")
    if statement.rowcount is not None:
        parts.append(_number(statement.rowcount, "row"))
    return "  ".join(parts)


def _trailer(statement: Statement) -> Iterator[str]:
    if statement.error:
        yield f"! {_one_line(statement.error)}"
    for message in statement.messages:
        yield f"> {_one_line(message)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _moment(at: str) -> str:
    """``2026-11-21 00:41:02.123`` from the journal's ISO time."""
    return at.replace("T", " ").rstrip("Z")[:23]


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
