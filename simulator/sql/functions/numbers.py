"""Mathematical functions. Source: Microsoft Learn, "Mathematical functions (Transact-SQL)"."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from simulator.errors import sql_error
from simulator.sql.registry import function
from simulator.sql.values import DECIMALS, INTEGERS, MONEY
from simulator.sqltypes import FLOAT, INT, SqlType

_WIDE = Context(prec=80, rounding=ROUND_HALF_UP)


def _number(types: Sequence[SqlType]) -> SqlType:
    """The first argument's type; small integers become int, text becomes float."""
    kind = types[0]
    if kind.name in {"bit", "tinyint", "smallint", "null"}:
        return INT
    if kind.name in INTEGERS or kind.name in DECIMALS or kind.name in MONEY or kind.name == "float":
        return kind
    return FLOAT


def _whole(types: Sequence[SqlType]) -> SqlType:
    kind = _number(types)
    return SqlType("numeric", None, kind.precision, 0) if kind.name in DECIMALS else kind


def _given(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise sql_error(8114, "varchar", "float", state=5) from None
    if not isinstance(value, (int, float, Decimal)):
        raise TypeError("not a number")
    return value


def _as_float(name: str, call: Callable[[float], float]) -> None:
    def body(session: Any, value: Any) -> float | None:
        try:
            return None if value is None else call(float(_given(value)))
        except ValueError:
            raise sql_error(3623) from None
        except OverflowError:
            raise sql_error(8115, "expression", "float", state=2) from None

    function(name, FLOAT)(body)


for _name, _call in {
    "sqrt": math.sqrt, "exp": math.exp, "log10": math.log10, "sin": math.sin, "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin, "acos": math.acos, "atan": math.atan, "degrees": math.degrees, "radians": math.radians,
}.items():  # fmt: skip
    _as_float(_name, _call)


@function("abs", _number)
def _abs(session: Any, value: Any) -> Any:
    return None if value is None else abs(_given(value))


@function("sign", _number)
def _sign(session: Any, value: Any) -> Any:
    if value is None:
        return None
    number = _given(value)
    return type(number)((number > 0) - (number < 0))


@function("ceiling", _whole)
def _ceiling(session: Any, value: Any) -> Any:
    if value is None:
        return None
    number = _given(value)
    return type(number)(math.ceil(number))


@function("floor", _whole)
def _floor(session: Any, value: Any) -> Any:
    if value is None:
        return None
    number = _given(value)
    return type(number)(math.floor(number))


@function("round", _number, takes=(None, INT, INT))
def _round(session: Any, value: Any, digits: Any, cut: Any = 0) -> Any:
    if value is None or digits is None:
        return None
    number = _given(value)
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    with localcontext(_WIDE):
        rounded = exact.quantize(
            Decimal(1).scaleb(-int(digits)), rounding=ROUND_DOWN if cut else ROUND_HALF_UP
        )
        if isinstance(number, Decimal):
            return rounded.quantize(number)
    return type(number)(rounded)


@function("power", _number, takes=(None, FLOAT))
def _power(session: Any, types: list[SqlType], value: Any, exponent: Any) -> Any:
    if value is None or exponent is None:
        return None
    number = _given(value)
    try:
        result = float(number) ** float(exponent)
    except (OverflowError, ZeroDivisionError):
        raise sql_error(8115, "expression", _number(types).name, state=2) from None
    if isinstance(number, float):
        return result
    if isinstance(number, int) and exponent >= 0:
        exact = number ** int(exponent) if exponent == int(exponent) else int(result)
        low, high = INTEGERS[_number(types).name if _number(types).name in INTEGERS else "int"]
        if not low <= exact <= high:
            raise sql_error(232, _number(types).name, f"{float(exact):.6f}", state=3)
        return exact
    return int(result) if isinstance(number, int) else Decimal(repr(result)).quantize(number)


@function("square", FLOAT)
def _square(session: Any, value: Any) -> float | None:
    return None if value is None else float(_given(value)) ** 2


@function("log", FLOAT, takes=(FLOAT, FLOAT))
def _log(session: Any, value: Any, base: Any = None) -> float | None:
    if value is None:
        return None
    try:
        return math.log(float(value)) if base is None else math.log(float(value), float(base))
    except ValueError:
        raise sql_error(3623) from None


@function("pi", FLOAT)
def _pi(session: Any) -> float:
    return math.pi


@function("rand", FLOAT)
def _rand(session: Any, seed: Any = None) -> float:
    return random.Random(seed).random() if seed is not None else random.random()  # noqa: S311 - RAND() is no secret
