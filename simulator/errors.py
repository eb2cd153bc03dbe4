"""SQL Server's errors: numbers, severities and texts.

Source: Microsoft Learn, "Database Engine events and errors" (2019–2022 lists).
"""

from __future__ import annotations

from dataclasses import dataclass, field


class SimulatorError(Exception):
    """Base of everything that the simulator raises on purpose."""


class TopologyError(SimulatorError):
    """The topology file cannot be used; the text names the field, what is wrong and the remedy."""


@dataclass
class SqlError(SimulatorError):
    """An error that SQL Server would send. Severity 20 and above also closes the connection.

    ``also`` holds errors that the server sends together with this one, in order (1802 after 5170, 8180 …).
    """

    number: int
    severity: int
    message: str
    state: int = 1
    line: int = 1
    procedure: str = ""
    also: list[SqlError] = field(default_factory=list)

    def __str__(self) -> str:
        return f"Msg {self.number}, Level {self.severity}, State {self.state}: {self.message}"


# number -> (severity, text with str.format placeholders {0}, {1} …)
MESSAGES: dict[int, tuple[int, str]] = {
    # The simulator's own: T-SQL that it does not know. 50000 and above is free for users on a real server.
    59999: (16, "The SQL Server simulator does not know this T-SQL: {0}"),
}


def register_messages(messages: dict[int, tuple[int, str]]) -> None:
    """Add a subject's messages to the catalogue; a number may be registered once."""
    doubled = MESSAGES.keys() & messages.keys()
    if doubled:
        raise ValueError(f"message numbers registered twice: {sorted(doubled)}")
    MESSAGES.update(messages)


def sql_error(number: int, *args: object, state: int = 1, also: list[SqlError] | None = None) -> SqlError:
    """The catalogue's error ``number`` with its text filled in."""
    severity, text = MESSAGES[number]
    return SqlError(number, severity, text.format(*args), state=state, also=also or [])


def unknown_tsql(what: str) -> SqlError:
    """The error for T-SQL that the simulator does not know. Nothing unknown ever succeeds silently."""
    return sql_error(59999, what)
