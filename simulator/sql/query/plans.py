"""A query that is ready to run, and what TOP, OFFSET and FETCH leave of its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.errors import sql_error
from simulator.results import Column
from simulator.sql import nodes
from simulator.sql.query.compile import Compiler
from simulator.sql.query.compiled import conversion
from simulator.sqltypes import BIGINT

Row = Sequence[Any]


@dataclass
class QueryPlan:
    """A query ready to run, as often as needed."""

    columns: list[Column]
    rows: Callable[[], list[Row]]
    correlated: bool = False


class Limits:
    """TOP, OFFSET and FETCH."""

    def __init__(self, paging: nodes.Paging, top: nodes.Expression | None, compiler: Compiler) -> None:
        self._top = _count(top, compiler)
        self._offset = _count(paging.offset, compiler)
        self._fetch = _count(paging.fetch, compiler)

    def top(self) -> Any:
        """The number after TOP, None without one."""
        return None if self._top is None else _natural(self._top())

    def cut(self, rows: list[Row]) -> list[Row]:
        """``rows`` after OFFSET and FETCH."""
        if self._offset is not None:
            rows = rows[_natural(self._offset()) :]
        if self._fetch is not None:
            rows = rows[: _natural(self._fetch())]
        return rows


def _count(node: nodes.Expression | None, compiler: Compiler) -> Callable[[], Any] | None:
    if node is None:
        return None
    part = compiler.value(node)
    if part.type.name not in {"tinyint", "smallint", "int", "bigint", "null"}:
        return part.call if part.type.name in {"numeric", "decimal", "float"} else conversion(part, BIGINT)
    return conversion(part, BIGINT)


def _natural(value: Any) -> int:
    if value is None:
        raise sql_error(1060)
    if value < 0:
        raise sql_error(127)
    return int(value)
