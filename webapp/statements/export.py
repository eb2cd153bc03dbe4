"""A journal as a script for sqlcmd.

sqlcmd reads line by line and knows nothing of T-SQL's quotes: it takes ``GO`` on a line of its own,
``:commands`` and ``$(variables)`` for its own even inside a literal. Such places are written with variables
that hold a single character, which sqlcmd puts back after it has looked for commands ("sqlcmd - use with
scripting variables" and "sqlcmd commands" on Microsoft Learn).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from webapp.statements.journal import Journal, Statement, Status

# Commands that sqlcmd sees at the start of a line; those of osql also without a colon.
_COMMAND = re.compile(
    r"^([ \t]*)(?=(?:GO(?:\s+\d+)?\s*$|:|!!|(?:RESET|ED|QUIT|EXIT)\b))(.)", re.IGNORECASE | re.MULTILINE
)


def chosen_statements(statements: Sequence[Statement], *, reads: bool = False) -> tuple[str, list[Statement]]:
    """What to export and how it is called: what was sent, or what was planned when no
    change was sent."""
    sent = [s for s in statements if s.status is not Status.PLANNED and s.template != "session/use"]
    changes = [s for s in sent if s.is_change]
    planned = [s for s in statements if s.status is Status.PLANNED]
    if changes or not planned:
        return "sent", sent if reads else changes
    return "planned", [s for s in statements if s in planned or s in sent] if reads else planned


def script_lines(journal: Journal, *, reads: bool = False) -> Iterator[str]:
    """The script, line by line."""
    return script_of(journal.path.name, journal.statements, reads=reads)


def script_of(title: str, statements: Sequence[Statement], *, reads: bool = False) -> Iterator[str]:
    """The script of ``statements``, line by line, with ``title`` in its first one."""
    what, statements = chosen_statements(statements, reads=reads)
    texts = [_escaped(statement) for statement in statements]
    yield f"-- {_comment(title)}: {len(statements)} statements that were {what}."
    yield "-- Run it with sqlcmd -i; it stops at the first error."
    yield ":on error exit"
    yield from _variables(statements, texts)
    instances = list(dict.fromkeys(statement.instance for statement in statements))
    place: tuple[str | None, str | None] = (None, None)
    for statement, text in zip(statements, texts, strict=True):
        yield ""
        yield f"-- {_comment(_head(statement))}"
        if statement.error:
            yield f"-- {_comment(statement.error)}"
        if _is_idle(statement):
            yield from (f"--   {_comment(line)}" for line in statement.text.splitlines())
            continue
        if statement.instance != place[0] and len(instances) > 1:
            yield f":connect {statement.instance}"
        if (statement.instance, statement.database) != place:
            place = (statement.instance, statement.database)
            yield f"USE {_escape('[' + statement.database.replace(']', ']]') + ']', ())}"
            yield "GO"
        yield from text.splitlines()
        yield "GO"


def _is_idle(statement: Statement) -> bool:
    """Whether it stands there as a comment only: it failed, nobody knows, or it needs a bound parameter."""
    return statement.status in (Status.ERROR, Status.UNKNOWN) or bool(statement.parameters)


def _head(statement: Statement) -> str:
    status = "outcome unknown" if statement.status is Status.UNKNOWN else statement.status.value
    host = f" ({statement.inventory_host})" if statement.inventory_host else ""
    duration = f", {statement.duration_ms:.1f} ms" if statement.duration_ms is not None else ""
    where = f"{statement.instance}{host}"
    return f"{statement.at} {status}{duration}: {where}, {statement.template}, task: {statement.task}"


def _variables(statements: Sequence[Statement], texts: Sequence[str]) -> Iterator[str]:
    secrets = dict.fromkeys(label for s in statements if not _is_idle(s) for label in s.secrets)
    if secrets:
        yield "-- Secrets are not in the journal. Give each a value here, or by 'sqlcmd -v', with ' doubled:"
        yield from (f'-- :setvar {label} "..."' for label in secrets)
    script = "\n".join([*texts, *(_escape(statement.database, ()) for statement in statements)])
    characters = sorted(set(re.findall(r"\$\(sqlhosting_char_([0-9A-F]{2})\)", script)))
    for code in characters:
        yield f':setvar sqlhosting_char_{code} "{chr(int(code, 16))}"'


def _escaped(statement: Statement) -> str:
    return _escape(statement.text, statement.secrets)


def _escape(text: str, secrets: Sequence[str]) -> str:
    """``text`` so that sqlcmd gives exactly it to the server, apart from the secrets' variables."""
    kept = {f"N'$({label})'" for label in secrets}
    pattern = re.compile("|".join([*(re.escape(placeholder) for placeholder in kept), r"\$(?=\()"]))
    text = pattern.sub(lambda match: match.group() if match.group() in kept else _character("$"), text)
    return _COMMAND.sub(lambda match: match.group(1) + _character(match.group(2)), text)


def _character(character: str) -> str:
    return f"$(sqlhosting_char_{ord(character):02X})"


def _comment(text: str) -> str:
    """One line, in which sqlcmd finds no variable."""
    return " ".join(text.split()).replace("$(", "$ (")
