# ruff: noqa: PLR0911 - one branch for each form of the language

"""Aggregates over groups, and window functions over partitions.

Source for result types: the pages of SUM, AVG, COUNT, STRING_AGG on Microsoft Learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from simulator.errors import sql_error, unknown_tsql
from simulator.sql.comparing import comparable
from simulator.sql.values import DECIMALS, FLOATS, INTEGERS, MONEY, NUMBERS, STRINGS, convert, text_of
from simulator.sqltypes import BIGINT, INT, MAX, SqlType

if TYPE_CHECKING:
    from simulator.sql.nodes import Call
    from simulator.sql.query.compiled import Compiled

Order = list[tuple[Callable[[], Any], bool]]
_SPREAD = frozenset({"stdev", "stdevp", "var", "varp"})


def sort_key(value: Any) -> tuple[int, Any]:
    """NULL sorts before everything."""
    return (0, 0) if value is None else (1, value)


def sorted_by(
    items: list[Any], keys: Callable[[Any], Sequence[Any]], descending: Sequence[bool]
) -> list[Any]:
    """``items`` in the order of several keys, each ascending or descending; stable."""
    if not any(descending):
        if len(descending) == 1:
            return sorted(items, key=lambda item: sort_key(keys(item)[0]))
        return sorted(items, key=lambda item: [sort_key(key) for key in keys(item)])
    found = list(items)
    for at in range(len(descending) - 1, -1, -1):
        found.sort(key=lambda item: sort_key(keys(item)[at]), reverse=descending[at])
    return found


def _aggregate_type(name: str, argument: SqlType | None) -> SqlType:
    if name == "count":
        return INT
    if name == "count_big":
        return BIGINT
    if argument is None:
        raise unknown_tsql(f"{name.upper()} without an argument")
    kind = argument.name
    if name in {"min", "max"}:
        if kind in {"bit", "xml", "text", "ntext", "image"}:
            raise sql_error(8117, kind, name)
        return INT if kind == "null" else argument
    if name == "string_agg":
        if argument.length == MAX:
            return argument
        return SqlType("nvarchar", 4000) if argument.is_unicode else SqlType("varchar", 8000)
    if kind not in NUMBERS or kind == "bit":
        raise sql_error(8117, "NULL" if kind == "null" else kind, name)
    if name in _SPREAD or kind in FLOATS:
        return SqlType("float")
    if kind in INTEGERS:
        return BIGINT if kind == "bigint" else INT
    if kind in MONEY:
        return SqlType("money")
    scale = argument.scale or 0
    return SqlType("numeric", None, 38, max(scale, 6) if name == "avg" else scale)


@dataclass
class AggregateSlot:
    """One aggregate of a SELECT."""

    name: str
    star: bool
    distinct: bool
    argument: Compiled | None
    separator: Compiled | None
    order: Order
    fold: Callable[[str], str]
    type: SqlType
    nullable: bool

    @classmethod
    def create(
        cls, node: Call, arguments: list[Compiled], order: Order, fold: Callable[[str], str]
    ) -> AggregateSlot:
        """The aggregate that ``node`` calls. Raises 8117 for a type that it does not take."""
        argument = arguments[0] if arguments else None
        if node.name == "checksum_agg":
            raise unknown_tsql("CHECKSUM_AGG")
        kind = _aggregate_type(node.name, argument.type if argument else None)
        separator = arguments[1] if len(arguments) > 1 else None
        if separator is not None and separator.type.name not in STRINGS | {"null"}:
            raise sql_error(8116, separator.type.name, 2, node.name)
        counted = node.name.startswith("count")
        return cls(node.name, node.star, node.distinct, argument, separator, order, fold, kind, not counted)

    def over(self, rows: Sequence[Any], place: Callable[[Any], None]) -> Any:
        """The aggregate of ``rows``; ``place`` makes a row the present one."""
        if self.star:
            return len(rows)
        assert self.argument is not None
        read = self.argument.call
        found: list[tuple[Any, list[Any]]] = []
        for row in rows:
            place(row)
            value = read()
            if value is not None:
                found.append((value, [key() for key, _ in self.order]))
        if self.order:
            found = sorted_by(found, lambda pair: pair[1], [descending for _, descending in self.order])
        return self.result([value for value, _ in found])

    def result(self, values: list[Any]) -> Any:
        """The aggregate of values that are not NULL."""
        assert self.argument is not None
        if self.distinct:
            key = comparable(self.argument.type, self.fold)
            values = list({key(value): value for value in values}.values())
        if self.name.startswith("count"):
            return len(values)
        if not values:
            return None
        if self.name in {"min", "max"}:
            key = comparable(self.argument.type, self.fold)
            return min(values, key=key) if self.name == "min" else max(values, key=key)
        if self.name == "string_agg":
            separator = self.separator.call() if self.separator else ""
            return (separator or "").join(self._texts(values))
        return self._number(values)

    def _texts(self, values: list[Any]) -> list[str]:
        assert self.argument is not None
        kind = self.argument.type
        return values if kind.name in STRINGS else [text_of(value, kind) for value in values]

    def _number(self, values: list[Any]) -> Any:
        assert self.argument is not None
        if self.name in _SPREAD:
            return _spread(self.name, [float(value) for value in values])
        total = math.fsum(values) if self.type.name == "float" else sum(values)
        if self.name == "avg":
            total = int(Decimal(total) / len(values)) if self.type.name in INTEGERS else total / len(values)
        if self.type.name in INTEGERS:
            low, high = INTEGERS[self.type.name]
            if not low <= total <= high:
                raise sql_error(8115, "expression", self.type.name, state=2)
            return total
        if self.type.name in DECIMALS or self.type.name in MONEY:
            return convert(Decimal(total), SqlType("numeric", None, 38, 10), self.type)
        return total


def _spread(name: str, values: list[float]) -> float | None:
    sample = name in {"stdev", "var"}
    count = len(values) - 1 if sample else len(values)
    if count == 0:
        return None
    mean = math.fsum(values) / len(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / count
    return math.sqrt(variance) if name.startswith("stdev") else variance


@dataclass
class WindowSlot:
    """One window function of a SELECT: computed for all rows, then read row by row."""

    node: Call
    arguments: list[Compiled]
    partition: list[Callable[[], Any]]
    order: Order
    aggregate: AggregateSlot | None
    type: SqlType
    index: int = 0
    values: list[Any] = field(default_factory=list)

    @classmethod
    def create(
        cls,
        node: Call,
        arguments: list[Compiled],
        partition: list[Callable[[], Any]],
        order: Order,
        fold: Callable[[str], str],
    ) -> WindowSlot:
        """The window function that ``node`` calls."""
        if node.name in {"row_number", "rank", "dense_rank", "ntile"}:
            return cls(node, arguments, partition, order, None, BIGINT)
        if node.name in {"lag", "lead", "first_value", "last_value"}:
            return cls(node, arguments, partition, order, None, arguments[0].type)
        if node.distinct or node.name == "string_agg":
            raise unknown_tsql(f"{node.name.upper()} with DISTINCT or as a window function")
        aggregate = AggregateSlot.create(node, arguments, [], fold)
        return cls(node, arguments, partition, order, aggregate, aggregate.type)

    def read(self) -> Any:
        """The value for the present row."""
        return self.values[self.index]

    def compute(self, units: Sequence[Any], place: Callable[[Any], None]) -> None:
        """Compute the values of all ``units``; ``place`` makes a unit the present one."""
        partitions: dict[tuple[Any, ...], list[int]] = {}
        keys: list[list[Any]] = []
        given: list[list[Any]] = []
        for at, unit in enumerate(units):
            place(unit)
            partitions.setdefault(tuple(key() for key in self.partition), []).append(at)
            keys.append([key() for key, _ in self.order])
            given.append([argument.call() for argument in self.arguments])
        self.values = [None] * len(units)
        for members in partitions.values():
            ordered = sorted_by(members, lambda at: keys[at], [descending for _, descending in self.order])
            for at, value in zip(ordered, self._values(ordered, keys, given), strict=True):
                self.values[at] = value

    def _values(self, members: list[int], keys: list[list[Any]], given: list[list[Any]]) -> list[Any]:
        name, count = self.node.name, len(members)
        if self.aggregate is not None:
            return self._running(members, keys, given)
        if name == "row_number":
            return list(range(1, count + 1))
        if name in {"rank", "dense_rank"}:
            return _ranks([keys[at] for at in members], dense=name == "dense_rank")
        if name == "ntile":
            return _tiles(count, int(given[members[0]][0]))
        values = [given[at][0] for at in members]
        if name == "first_value":
            return [values[0]] * count
        if name == "last_value":
            return [values[end - 1] for end in self._ends(members, keys)]
        found = []
        for position, at in enumerate(members):
            step = given[at][1] if len(given[at]) > 1 else 1
            other = position + (int(step) if name == "lead" else -int(step))
            default = given[at][2] if len(given[at]) > 2 else None
            found.append(values[other] if 0 <= other < count else default)
        return found

    def _ends(self, members: list[int], keys: list[list[Any]]) -> list[int]:
        """For each member, where its frame ends: peers count too, unless the frame is by rows."""
        over = self.node.over
        count = len(members)
        if not self.order or (over is not None and over.whole):
            return [count] * count
        if over is not None and over.by_rows:
            return list(range(1, count + 1))
        ends = [count] * count
        for position in range(count - 2, -1, -1):
            same = keys[members[position]] == keys[members[position + 1]]
            ends[position] = ends[position + 1] if same else position + 1
        return ends

    def _running(self, members: list[int], keys: list[list[Any]], given: list[list[Any]]) -> list[Any]:
        assert self.aggregate is not None
        known: dict[int, Any] = {}
        found = []
        for end in self._ends(members, keys):
            if end not in known:
                if self.node.star:
                    known[end] = end
                else:
                    values = [given[at][0] for at in members[:end]]
                    known[end] = self.aggregate.result([value for value in values if value is not None])
            found.append(known[end])
        return found


def _ranks(keys: list[list[Any]], *, dense: bool) -> list[int]:
    found: list[int] = []
    for position, key in enumerate(keys):
        if position and key == keys[position - 1]:
            found.append(found[-1])
        else:
            found.append((found[-1] + 1 if found else 1) if dense else position + 1)
    return found


def _tiles(count: int, tiles: int) -> list[int]:
    tiles = max(1, min(tiles, count))  # a tile beyond the rows would be empty
    size, larger = divmod(count, tiles)
    found = []
    for tile in range(1, tiles + 1):
        found += [tile] * (size + (tile <= larger))
    return found[:count]
