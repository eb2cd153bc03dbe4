"""A job's output, in windows: the newest lines first, older ones on demand.

Lines are numbered over the whole job, so that ``#l123`` is the same line tomorrow. A window begins and ends
with an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.orm import Session

from webapp.jobs.models import JobEvent
from webapp.pages.jobs.terminal import html_lines, plain_text, text_lines

WINDOW_LINES = 1000
WINDOW_EVENTS = 500
LARGEST_EVENT_LINES = 2000  # that a page shows of one event
MATCHES = 200


@dataclass(frozen=True)
class Line:
    """One line for a page."""

    number: int  # from 1
    html: Markup


@dataclass(frozen=True)
class Window:
    """Some lines of the output."""

    lines: list[Line]
    first_stream: int  # of its first event; 0 when it is empty
    has_older: bool
    has_newer: bool


@dataclass(frozen=True)
class Match:
    """A line in which something was found."""

    number: int
    text: str


def _line_count() -> ColumnElement[int]:
    """The number of lines of an event: one more than line ends. Every database has char_length."""
    stdout = JobEvent.stdout + "."  # SQL Server does not count spaces at the end
    return func.char_length(stdout) - func.char_length(func.replace(stdout, "\n", "")) + 1


def _events(job_id: str) -> Select[tuple[int, str]]:
    return select(JobEvent.stream, JobEvent.stdout).where(JobEvent.job_id == job_id, JobEvent.stdout != "")


def lines_before(session: Session, job_id: str, stream: int) -> int:
    """How many lines the events before ``stream`` hold."""
    query = select(func.sum(_line_count())).where(
        JobEvent.job_id == job_id, JobEvent.stdout != "", JobEvent.stream < stream
    )
    return int(session.scalar(query) or 0)


def newest_window(session: Session, job_id: str, *, until: int, before: int | None = None) -> Window:
    """The last lines up to the stream position ``until``, or those right before the position ``before``."""
    query = _events(job_id).where(JobEvent.stream <= until)
    if before is not None:
        query = query.where(JobEvent.stream < before)
    rows: list[Row[tuple[int, str]]] = []
    lines = 0
    newest_first = query.order_by(JobEvent.stream.desc()).limit(WINDOW_EVENTS)
    for row in session.execute(newest_first):
        rows.append(row)
        lines += row.stdout.count("\n") + 1
        if lines >= WINDOW_LINES:
            break
    return _window(session, job_id, rows[::-1], until)


def window_around(session: Session, job_id: str, *, line: int, until: int) -> Window:
    """Lines of which ``line`` is one; the last ones when there are not as many."""
    counted = (
        select(
            JobEvent.stream,
            func.sum(_line_count()).over(order_by=JobEvent.stream).label("last_line"),
        )
        .where(JobEvent.job_id == job_id, JobEvent.stdout != "", JobEvent.stream <= until)
        .subquery()
    )
    first = session.scalar(
        select(func.min(counted.c.stream)).where(counted.c.last_line >= max(1, line - WINDOW_LINES // 4))
    )
    if first is None:
        return newest_window(session, job_id, until=until)
    query = _events(job_id).where(JobEvent.stream >= first, JobEvent.stream <= until)
    rows: list[Row[tuple[int, str]]] = []
    lines = 0
    for row in session.execute(query.order_by(JobEvent.stream).limit(WINDOW_EVENTS)):
        rows.append(row)
        lines += row.stdout.count("\n") + 1
        if lines >= WINDOW_LINES:
            break
    return _window(session, job_id, rows, until)


def _window(session: Session, job_id: str, rows: list[Row[tuple[int, str]]], until: int) -> Window:
    if not rows:
        return Window([], 0, has_older=False, has_newer=False)
    first, last = rows[0].stream, rows[-1].stream
    number = lines_before(session, job_id, first)
    lines: list[Line] = []
    for row in rows:
        shown, count = event_lines(row.stdout, number)
        lines += shown
        number += count
    newer = session.scalar(_events(job_id).where(JobEvent.stream > last, JobEvent.stream <= until).limit(1))
    older = session.scalar(_events(job_id).where(JobEvent.stream < first).limit(1))
    return Window(lines, first, has_older=older is not None, has_newer=newer is not None)


def event_lines(stdout: str, before: int) -> tuple[list[Line], int]:
    """The lines of one event behind ``before`` others, and how many it holds, the hidden ones included."""
    total = stdout.count("\n") + 1 if stdout else 0
    hidden = total - LARGEST_EVENT_LINES
    if hidden > 0:
        stdout = "\n".join(text_lines(stdout)[:LARGEST_EVENT_LINES])
    lines = [Line(before + number, html) for number, html in enumerate(html_lines(stdout), start=1)]
    if hidden > 0:
        note = Markup('<span class="t-cut">… {} more lines of this task, in the download</span>').format(
            hidden
        )
        lines.append(Line(before + LARGEST_EVENT_LINES + 1, note))
    return lines, total


def search(session: Session, job_id: str, wanted: str) -> tuple[list[Match], bool]:
    """The first lines that hold ``wanted`` in any case, and whether there are more."""
    matches: list[Match] = []
    folded = wanted.casefold()
    number = 0
    for row in session.execute(_events(job_id).order_by(JobEvent.stream).execution_options(yield_per=500)):
        for line in text_lines(row.stdout):
            number += 1
            text = plain_text(line)
            if folded not in text.casefold():
                continue
            if len(matches) == MATCHES:
                return matches, True
            matches.append(Match(number, _excerpt(text, folded)))
    return matches, False


def _excerpt(text: str, folded: str) -> str:
    start = max(0, text.casefold().find(folded) - 60)
    return ("…" if start else "") + text[start : start + 240]


def whole_output(session: Session, job_id: str) -> Iterator[str]:
    """The output without colours, piece by piece, for a download."""
    for row in session.execute(_events(job_id).order_by(JobEvent.stream).execution_options(yield_per=500)):
        yield plain_text(row.stdout.replace("\r\n", "\n")) + "\n"
