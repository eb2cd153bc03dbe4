# ruff: noqa: PLR0911 - one branch for each form of the language
"""Operators on values: their result types and what they compute.

Source: Microsoft Learn, "Precision, scale, and length (Transact-SQL)" and the pages of the operators.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from simulator.errors import sql_error
from simulator.sql.values import (
    BINARIES,
    DECIMALS,
    FLOATS,
    INTEGERS,
    MONEY,
    STRINGS,
    as_decimal_type,
    fit_decimal,
    unify,
)
from simulator.sqltypes import INT, MAX, SqlType

_NAMES = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo", "&": "'&'", "|": "'|'",
    "^": "'^'",
}  # fmt: skip
_BITS: dict[str, Callable[[int, int], int]] = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
_WIDE = Context(prec=80, rounding=ROUND_HALF_UP)


def result_type(sign: str, left: SqlType, right: SqlType) -> SqlType:
    """The type of ``left sign right``. Raises 402 or 8117 for types that the operator does not take."""
    if left.name == right.name == "null":
        return INT
    kind = unify(left, right)
    if kind.name in STRINGS or (kind.name in BINARIES and sign == "+"):
        if sign != "+":
            raise sql_error(402, left.name, right.name, _NAMES[sign])
        return _concatenated(kind, left, right)
    if sign in _BITS:
        if kind.name not in INTEGERS:
            raise sql_error(402, left.name, right.name, _NAMES[sign])
        return kind
    if kind.name in DECIMALS:
        return (
            _decimal_type(sign, as_decimal_type(left), as_decimal_type(right))
            if _exact(left, right)
            else kind
        )
    if kind.name in {"datetime", "smalldatetime"}:
        if sign not in "+-":
            raise sql_error(402, left.name, right.name, _NAMES[sign])
        return kind
    if kind.name == "bit":
        if sign in "%":
            return SqlType("tinyint")
        raise sql_error(402, left.name, right.name, _NAMES[sign])
    if kind.name in INTEGERS or kind.name in MONEY or kind.name in FLOATS:
        return kind
    if kind.name in {"sql_variant", "xml", "uniqueidentifier"} and left.name == right.name:
        raise sql_error(8117, kind.name, _NAMES[sign])
    raise (
        sql_error(206, left.name, right.name)
        if left.name != right.name
        else sql_error(8117, kind.name, _NAMES[sign])
    )


def _exact(left: SqlType, right: SqlType) -> bool:
    exact = DECIMALS | frozenset(INTEGERS) | frozenset(MONEY)
    return left.name in exact and right.name in exact


def _concatenated(kind: SqlType, left: SqlType, right: SqlType) -> SqlType:
    names = {"char": "varchar", "nchar": "nvarchar", "binary": "varbinary"}
    name = names.get(kind.name, kind.name)
    if MAX in (left.length, right.length) or kind.length is None:
        return SqlType(name, MAX)
    total = (left.length or 1) + (right.length or 1)
    return SqlType(name, min(total, 4000 if kind.is_unicode else 8000))


def _decimal_type(sign: str, left: SqlType, right: SqlType) -> SqlType:
    p1, s1, p2, s2 = left.precision or 18, left.scale or 0, right.precision or 18, right.scale or 0
    if sign in "+-":
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + 1 + scale
    elif sign == "*":
        scale, precision = s1 + s2, p1 + p2 + 1
    elif sign == "/":
        scale = max(6, s1 + p2 + 1)
        precision = p1 - s1 + s2 + scale
    else:
        scale = max(s1, s2)
        precision = min(p1 - s1, p2 - s2) + scale
    if precision > 38:
        whole = precision - scale
        scale = min(scale, max(38 - whole, min(scale, 6))) if sign in "*/" else max(38 - whole, 0)
        precision = 38
    return SqlType("numeric", None, max(precision, 1), scale)


def compute(sign: str, kind: SqlType) -> Callable[[Any, Any], Any]:
    """A function of two values, both of ``kind`` (not NULL), for the operator."""
    if kind.name in STRINGS or kind.name in BINARIES:
        return operator.add
    if sign in _BITS:
        return _BITS[sign]
    if kind.name in INTEGERS:
        return _integer(sign, kind.name)
    if kind.name in DECIMALS or kind.name in MONEY:
        return _decimal(sign, kind)
    if kind.name in FLOATS:
        return _float(sign)
    return _datetime(sign)


def _integer(sign: str, name: str) -> Callable[[int, int], int]:
    low, high = INTEGERS[name]

    def calculate(left: int, right: int) -> int:
        if sign == "+":
            value = left + right
        elif sign == "-":
            value = left - right
        elif sign == "*":
            value = left * right
        elif right == 0:
            raise sql_error(8134)
        else:
            value = abs(left) // abs(right)
            if sign == "%":
                value = abs(left) - value * abs(right)
                value = -value if left < 0 else value
            elif (left < 0) != (right < 0):
                value = -value
        if not low <= value <= high:
            raise sql_error(8115, "expression", name, state=2)
        return value

    return calculate


def _decimal(sign: str, kind: SqlType) -> Callable[[Decimal, Decimal], Decimal]:
    target = kind if kind.name in DECIMALS else SqlType("numeric", None, 19, 4)

    def calculate(left: Decimal, right: Decimal) -> Decimal:
        with localcontext(_WIDE):
            if sign == "+":
                value = left + right
            elif sign == "-":
                value = left - right
            elif sign == "*":
                value = left * right
            elif right == 0:
                raise sql_error(8134)
            elif sign == "/":
                value = left / right
            else:
                value = left % right
        return fit_decimal(value, target)

    return calculate


def _float(sign: str) -> Callable[[float, float], float]:
    def calculate(left: float, right: float) -> float:
        if sign == "+":
            found = left + right
        elif sign == "-":
            found = left - right
        elif sign == "*":
            found = left * right
        elif right == 0:
            raise sql_error(8134)
        elif sign == "%":
            raise sql_error(402, "float", "float", "modulo")
        else:
            found = left / right
        if math.isinf(found):  # a server has no infinity
            raise sql_error(8115, "expression", "float", state=2)
        return found

    return calculate


def _datetime(sign: str) -> Callable[[datetime, datetime], datetime]:
    epoch = datetime(1900, 1, 1)

    def calculate(left: datetime, right: datetime) -> datetime:
        distance: timedelta = right - epoch
        try:
            return left + distance if sign == "+" else left - distance
        except OverflowError:
            raise sql_error(517, "datetime") from None

    return calculate
