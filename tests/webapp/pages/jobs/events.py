"""Read a stream of server-sent events as a browser does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from werkzeug.test import TestResponse


@dataclass
class Message:
    """One message."""

    kind: str
    id: str
    data: Any


@dataclass
class Follow:
    """What a browser would hold after reading: lines in order, newest state of each result and statement."""

    messages: list[Message] = field(default_factory=list)

    def read(self, answer: TestResponse) -> Follow:
        """Take all messages of an answer that ended."""
        assert answer.status_code == 200, answer.text
        assert answer.mimetype == "text/event-stream"
        for block in answer.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
            if "event" in fields:
                self.messages.append(Message(fields["event"], fields["id"], json.loads(fields["data"])))
        return self

    @property
    def cursor(self) -> str:
        """What the browser sends as Last-Event-ID."""
        return self.messages[-1].id if self.messages else "0"

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.messages]

    def _news(self, key: str) -> list[Any]:
        return [message.data[key] for message in self.messages if message.kind == "news"]

    @property
    def lines(self) -> list[str]:
        """The text of all lines, in the order in which they came, doubles included."""
        return text_lines("".join(self._news("lines")))

    @property
    def line_numbers(self) -> list[int]:
        found = _Lines()
        found.feed("".join(self._news("lines")))
        return found.numbers

    @property
    def statements(self) -> dict[str, str]:
        return {row["key"]: row["html"] for rows in self._news("statements") for row in rows}

    @property
    def results(self) -> dict[str, str]:
        return {row["key"]: row["html"] for rows in self._news("results") for row in rows}

    @property
    def heading(self) -> dict[str, Any]:
        return [message.data for message in self.messages if message.kind == "heading"][-1]


class _Lines(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.numbers: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("class") == "line":
            self.lines.append("")
            self.numbers.append(int((values["id"] or "")[1:]))

    def handle_data(self, data: str) -> None:
        if self.lines and data != "\n":
            self.lines[-1] += data


def text_lines(html: str) -> list[str]:
    """The text of each line of output in ``html``."""
    found = _Lines()
    found.feed(html)
    return found.lines
