# ruff: noqa: E501 - one statement per line reads best
"""Helpers of the estate's tests: run a statement, read rows, and the number of the error that refuses it."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pyodbc

NUMBER = re.compile(r"\((\d+)\) \(SQL")
_TRAILING = {5069, 297, 3013}
_names = itertools.count(1)


def fresh(prefix: str = "t") -> str:
    """A name that no other test uses."""
    return f"{prefix}_{next(_names)}"


def run(connection: pyodbc.Connection, *statements: str) -> None:
    """Run statements one by one, draining every result."""
    for statement in statements:
        cursor = connection.cursor()
        cursor.execute(statement)
        while cursor.nextset():
            pass
        cursor.close()


def rows(connection: pyodbc.Connection, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    cursor = connection.cursor()
    found = [tuple(row) for row in cursor.execute(query, *parameters).fetchall()]
    cursor.close()
    return found


def value(connection: pyodbc.Connection, query: str, *parameters: Any) -> Any:
    """The first column of the first row."""
    return rows(connection, query, *parameters)[0][0]


def refusal(connection: pyodbc.Connection, statement: str) -> int:
    """The number of the error that the statement gets; fails when it is not refused."""
    try:
        run(connection, statement)
    except pyodbc.Error as exc:
        found = NUMBER.findall(str(exc.args[1]))
        assert found, exc.args[1]
        return int(found[0])
    raise AssertionError(f"was not refused: {statement}")


def refused(connection: pyodbc.Connection, statement: str, number: int) -> bool:
    """Is the statement refused with that number?

    Of several errors Microsoft's driver shows the first and FreeTDS the most severe, so the one that trails a less
    severe error (5069, 297, 3013) stands for it too.
    """
    return refusal(connection, statement) in {number, *_TRAILING}


def messages(connection: pyodbc.Connection, statement: str) -> str:
    """All messages of severity 10 or less that a statement sends, joined."""
    cursor = connection.cursor()
    cursor.execute(statement)
    found = list(cursor.messages or [])
    while cursor.nextset():
        found += cursor.messages or []
    cursor.close()
    return " ".join(text for _, text in found)
