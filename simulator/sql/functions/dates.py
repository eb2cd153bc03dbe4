# ruff: noqa: PLR0911 - one branch for each form of the language
"""Date and time functions. Source: Microsoft Learn, "Date and time data types and functions"."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from simulator.errors import sql_error
from simulator.sql.dates import as_moment, fit_datetime, parse_datetime
from simulator.sql.registry import function
from simulator.sql.values import STRINGS
from simulator.sqltypes import (
    BIGINT,
    DATE,
    DATETIME,
    DATETIME2,
    DATETIMEOFFSET,
    INT,
    SqlType,
    nvarchar,
)
from simulator.ticks import PER_DAY, PER_SECOND, digit_of, later, ticks_of, with_digit

_PARTS = {
    "year": "year", "yy": "year", "yyyy": "year", "quarter": "quarter", "qq": "quarter", "q": "quarter",
    "month": "month", "mm": "month", "m": "month", "dayofyear": "dayofyear", "dy": "dayofyear",
    "y": "dayofyear",
    "day": "day", "dd": "day", "d": "day", "week": "week", "wk": "week", "ww": "week", "weekday": "weekday",
    "dw": "weekday", "w": "weekday", "hour": "hour", "hh": "hour", "minute": "minute", "mi": "minute",
    "n": "minute",
    "second": "second", "ss": "second", "s": "second", "millisecond": "millisecond", "ms": "millisecond",
    "microsecond": "microsecond", "mcs": "microsecond", "nanosecond": "nanosecond", "ns": "nanosecond",
    "iso_week": "iso_week", "isowk": "iso_week", "isoww": "iso_week", "tzoffset": "tzoffset",
    "tz": "tzoffset",
}  # fmt: skip
_SECONDS = {
    "week": 604800,
    "weekday": 86400,
    "day": 86400,
    "dayofyear": 86400,
    "hour": 3600,
    "minute": 60,
    "second": 1,
}
_INT_MAX = 2**31 - 1


def _part(word: str, name: str) -> str:
    found = _PARTS.get(word)
    if found is None:
        raise sql_error(155, word, name)
    return found


def _moment(value: Any) -> datetime:
    if isinstance(value, str):
        found: datetime = parse_datetime(value, SqlType("datetime2", scale=7))
        return found
    if isinstance(value, int):
        return datetime(1900, 1, 1) + timedelta(days=value)
    return as_moment(value)


def _kept(types: Sequence[SqlType]) -> SqlType:
    """DATEADD gives the type of its last argument; text and numbers become datetime."""
    kind = types[-1]
    return DATETIME if kind.name in STRINGS or kind.name not in {
        "date", "time", "datetime", "datetime2", "smalldatetime", "datetimeoffset",
    } else kind  # fmt: skip


@function("getdate", DATETIME)
def _getdate(session: Any) -> datetime:
    found: datetime = fit_datetime(session.instance.clock.local(), DATETIME)
    return found


@function("current_timestamp", DATETIME)
def _current_timestamp(session: Any) -> datetime:
    return _getdate(session)


@function("getutcdate", DATETIME)
def _getutcdate(session: Any) -> datetime:
    found: datetime = fit_datetime(session.instance.clock.now(), DATETIME)
    return found


@function("sysdatetime", DATETIME2)
def _sysdatetime(session: Any) -> Any:
    return session.instance.clock.local()


@function("sysutcdatetime", DATETIME2)
def _sysutcdatetime(session: Any) -> Any:
    return session.instance.clock.now().replace(tzinfo=None)


@function("sysdatetimeoffset", DATETIMEOFFSET)
def _sysdatetimeoffset(session: Any) -> Any:
    return session.instance.clock.now().astimezone()


@function("dateadd", _kept, takes=(None, INT, None))
def _dateadd(session: Any, types: list[SqlType], part: str, count: Any, value: Any) -> Any:
    name = _part(part, "dateadd")
    if count is None or value is None:
        return None
    moment, number, kind = _moment(value), int(count), _kept(types)
    try:
        return fit_datetime(_added(name, moment, number), kind)
    except (OverflowError, ValueError):
        raise sql_error(517, kind.name) from None


def _added(name: str, moment: datetime, number: int) -> datetime:
    if name in {"year", "quarter", "month"}:
        months = moment.year * 12 + moment.month - 1 + number * {"year": 12, "quarter": 3, "month": 1}[name]
        year, month = divmod(months, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return with_digit(moment.replace(year=year, month=month + 1, day=day), digit_of(moment))
    if name in _SECONDS:
        return later(moment, number * _SECONDS[name] * PER_SECOND)
    if name == "nanosecond":  # rounded to 100 ns, half up
        return later(moment, (number + 50) // 100)
    return later(moment, number * {"millisecond": 10_000, "microsecond": 10}[name])


def _difference(part: str, first: Any, second: Any, name: str) -> int | None:
    unit = _part(part, name)
    if first is None or second is None:
        return None
    a, b = _moment(first), _moment(second)
    a, b = (
        with_digit(x.astimezone(UTC).replace(tzinfo=None), digit_of(x)) if x.tzinfo else x for x in (a, b)
    )
    if unit == "year":
        return b.year - a.year
    if unit == "quarter":
        return (b.year * 4 + (b.month - 1) // 3) - (a.year * 4 + (a.month - 1) // 3)
    if unit == "month":
        return (b.year * 12 + b.month) - (a.year * 12 + a.month)
    if unit in {"week"}:
        return (b.date().toordinal() // 7) - (a.date().toordinal() // 7)
    if unit in {"day", "dayofyear", "weekday"}:
        return b.date().toordinal() - a.date().toordinal()
    sides = [x.toordinal() * PER_DAY + ticks_of(x) for x in (a, b)]
    sizes = {
        "hour": 3600 * PER_SECOND,
        "minute": 60 * PER_SECOND,
        "second": PER_SECOND,
        "millisecond": PER_SECOND // 1000,
        "microsecond": 10,
    }
    if unit == "nanosecond":
        return (sides[1] - sides[0]) * 100
    if unit not in sizes:
        raise sql_error(155, part, name)
    return sides[1] // sizes[unit] - sides[0] // sizes[unit]


@function("datediff", INT)
def _datediff(session: Any, part: str, first: Any, second: Any) -> int | None:
    found = _difference(part, first, second, "datediff")
    if found is not None and abs(found) > _INT_MAX:
        raise sql_error(535)
    return found


@function("datediff_big", BIGINT)
def _datediff_big(session: Any, part: str, first: Any, second: Any) -> int | None:
    return _difference(part, first, second, "datediff_big")


@function("datepart", INT)
def _datepart(session: Any, part: str, value: Any) -> int | None:
    name = _part(part, "datepart")
    return None if value is None else _part_of(name, _moment(value), session.options.date_first)


def _part_of(name: str, moment: datetime, first: int) -> int:
    if name in {"year", "month", "day", "hour", "minute", "second", "microsecond"}:
        return int(getattr(moment, name))
    if name == "week":
        start = datetime(moment.year, 1, 1)
        offset = (start.isoweekday() - first) % 7
        return (moment.timetuple().tm_yday - 1 + offset) // 7 + 1
    offset_minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    return {
        "quarter": (moment.month - 1) // 3 + 1,
        "dayofyear": moment.timetuple().tm_yday,
        "weekday": (moment.isoweekday() - first) % 7 + 1,
        "iso_week": moment.isocalendar().week,
        "millisecond": moment.microsecond // 1000,
        "nanosecond": moment.microsecond * 1000 + digit_of(moment) * 100,
        "tzoffset": offset_minutes,
    }[name]


@function("datename", nvarchar(30))
def _datename(session: Any, part: str, value: Any) -> str | None:
    name = _part(part, "datename")
    if value is None:
        return None
    moment = _moment(value)
    if name == "month":
        return calendar.month_name[moment.month]
    if name == "weekday":
        return calendar.day_name[moment.weekday()]
    return str(_part_of(name, moment, session.options.date_first))


@function("year", INT)
def _year(session: Any, value: Any) -> int | None:
    return None if value is None else _moment(value).year


@function("month", INT)
def _month(session: Any, value: Any) -> int | None:
    return None if value is None else _moment(value).month


@function("day", INT)
def _day(session: Any, value: Any) -> int | None:
    return None if value is None else _moment(value).day


@function("eomonth", DATE)
def _eomonth(session: Any, value: Any, months: Any = 0) -> date | None:
    if value is None:
        return None
    moment = _added("month", _moment(value), int(months or 0))
    return moment.date().replace(day=calendar.monthrange(moment.year, moment.month)[1])


@function("isdate", INT)
def _isdate(session: Any, value: Any) -> int:
    if value is None:
        return 0
    try:
        parse_datetime(str(value), DATETIME)
    except Exception as error:
        if getattr(error, "number", 0) in {241, 242}:
            return 0
        raise
    return 1


@function("datefromparts", DATE, takes=(INT, INT, INT))
def _datefromparts(session: Any, year: Any, month: Any, day: Any) -> date | None:
    if None in (year, month, day):
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise sql_error(289, "date") from None


@function("switchoffset", DATETIMEOFFSET)
def _switchoffset(session: Any, value: Any, zone: Any) -> datetime | None:
    if value is None or zone is None:
        return None
    moment = parse_datetime(value, DATETIMEOFFSET) if isinstance(value, str) else _moment(value)
    digit = digit_of(moment)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return with_digit(moment.astimezone(_zone(zone)), digit)


@function("todatetimeoffset", DATETIMEOFFSET)
def _todatetimeoffset(session: Any, value: Any, zone: Any) -> datetime | None:
    if value is None or zone is None:
        return None
    moment = _moment(value)
    return with_digit(moment.replace(tzinfo=_zone(zone)), digit_of(moment))


def _zone(value: Any) -> timezone:
    if isinstance(value, int):
        return timezone(timedelta(minutes=value))
    text = str(value)
    if len(text) != 6 or text[0] not in "+-" or text[3] != ":":
        raise sql_error(9812)
    minutes = int(text[1:3]) * 60 + int(text[4:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
