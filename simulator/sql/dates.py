# ruff: noqa: PLR0911 - one branch for each form of the language
"""Dates and times as text, both ways, with the styles of CONVERT.

Source: Microsoft Learn, "CAST and CONVERT (Transact-SQL)", date and time styles. Language is us_english.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from simulator.errors import sql_error, unknown_tsql
from simulator.sqltypes import SqlType
from simulator.ticks import PER_SECOND, digit_of, later, rounded, with_digit

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_TIME = r"(?P<h>\d{1,2}):(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.:](?P<f>\d{1,9}))?)?\s*(?P<ap>[AaPp][Mm])?"
_ZONE = r"\s*(?P<zone>Z|[+-]\d{2}:\d{2})?"
_DATES = (
    r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
    r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    r"(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4}|\d{2})",
    r"(?P<mon>[A-Za-z]{3,9})\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})",
    r"(?P<d>\d{1,2})\s+(?P<mon>[A-Za-z]{3,9}),?\s+(?P<y>\d{4})",
)
_PATTERNS = [re.compile(rf"\s*(?:{d}(?:[T ]\s*{_TIME})?|){_ZONE}\s*$") for d in _DATES]
_ONLY_TIME = re.compile(rf"\s*{_TIME}{_ZONE}\s*$")
# SET DATEFORMAT of the session whose statement runs: mdy and ymd differ in years of two digits only.
DATE_ORDER = ContextVar("DATE_ORDER", default="mdy")
_DAY_FIRST = {3, 4, 5, 103, 104, 105}


def parse_datetime(text: str, target: SqlType, style: int = 0) -> Any:
    """The date, time or datetime that ``text`` writes. Raises 241 when it writes none."""
    found = next((m for p in _PATTERNS if (m := p.match(text))), None) if text.strip() else None
    only_time = None if found and found.group("d") else _ONLY_TIME.match(text)
    try:
        if only_time is not None:
            moment = _with_zone(datetime(1900, 1, 1), _clock(only_time), only_time)
        elif found is not None and found.group("d"):
            moment = _with_zone(_day(found, style), _clock(found), found)
        elif not text.strip():
            moment = datetime(1900, 1, 1)
        else:
            raise sql_error(241)
        return fit_datetime(moment, target)
    except (ValueError, OverflowError):
        if target.name in {"datetime", "smalldatetime"} and found is not None:
            raise sql_error(242, "varchar", target.name, state=3) from None
        raise sql_error(241) from None


def _day(found: re.Match[str], style: int) -> datetime:
    groups = found.groupdict()
    if len(groups["y"]) == 2 and not style and DATE_ORDER.get() == "ymd":
        groups |= {"y": groups["m"], "m": groups["d"], "d": groups["y"]}
    year, day = int(groups["y"]), int(groups["d"])
    if len(groups["y"]) <= 2:
        year += 2000 if year < 50 else 1900
    if groups.get("mon"):
        month = _MONTHS.index(groups["mon"][:3].lower()) + 1
    else:
        month = int(groups["m"])
        if style in _DAY_FIRST and found.start("y") > found.start("d"):
            month, day = day, month
    return datetime(year, month, day)


def _clock(found: re.Match[str]) -> int:
    """100 ns since midnight; a fraction of more than seven digits is rounded. Raises ValueError."""
    if found.group("h") is None:
        return 0
    hour, minute, second = int(found.group("h")), int(found.group("mi")), int(found.group("s") or 0)
    half = (found.group("ap") or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError("no such time")
    fraction = (int((found.group("f") or "0").ljust(9, "0")) + 50) // 100
    return ((hour * 60 + minute) * 60 + second) * PER_SECOND + fraction


def _with_zone(day: datetime, ticks: int, found: re.Match[str]) -> datetime:
    moment, zone = later(day, ticks), found.group("zone")
    if not zone:
        return moment
    if zone == "Z":
        return with_digit(moment.replace(tzinfo=UTC), digit_of(moment))
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    offset = timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
    return with_digit(moment.replace(tzinfo=offset), digit_of(moment))


def fit_datetime(value: date | time | datetime, target: SqlType) -> Any:
    """``value`` as a value of the date or time type ``target``, rounded to what it can hold. Raises 242.

    A datetimeoffset whose moment in UTC is not between the years 1 and 9999 raises OverflowError.
    """
    moment, digit = as_moment(value), digit_of(value)
    scale = 7 if target.scale is None else target.scale
    if target.name == "datetimeoffset":
        found = rounded(with_digit(moment if moment.tzinfo else moment.replace(tzinfo=UTC), digit), scale)
        found.astimezone(UTC)
        return found
    moment = with_digit(moment.replace(tzinfo=None), digit)
    if target.name == "date":
        return moment.date()
    if target.name == "time":  # the day before the last one: there is room to round up to midnight
        found = rounded(with_digit(datetime.combine(date(1900, 1, 1), moment.time()), digit), scale)
        return with_digit(found.time(), digit_of(found))
    if target.name == "datetime2":
        return rounded(moment, scale)
    if target.name == "smalldatetime":
        if not 1900 <= moment.year <= 2079:
            raise sql_error(242, "datetime2", "smalldatetime", state=3)
        return (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
    if moment.year < 1753:
        raise sql_error(242, "datetime2", "datetime", state=3)
    ticks = round(moment.microsecond * 3 / 10_000)  # datetime counts three hundredths of a second
    return moment.replace(microsecond=0) + timedelta(microseconds=round(ticks * 10_000 / 3 / 1000) * 1000)


def as_moment(value: date | time | datetime) -> datetime:
    """``value`` as a datetime: a time on the first day of 1900, a date at midnight."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, time):
        return with_digit(datetime.combine(date(1900, 1, 1), value), digit_of(value))
    return datetime.combine(value, time())


def _fraction(moment: datetime, scale: int | None) -> str:
    """``.1234567`` with ``scale`` digits; empty for scale 0."""
    digits = 7 if scale is None else scale
    return f".{moment.microsecond:06d}{digit_of(moment)}"[: digits + 1] if digits else ""


def format_datetime(value: Any, kind: SqlType, style: int | None) -> str:
    """``value`` as text in a style of CONVERT; None: the type's own. Raises 281 (unknown style)."""
    if style is None:
        style = {"datetime": 0, "smalldatetime": 0}.get(kind.name, 121)
    moment = as_moment(value)
    day, clock, joint = _styled(moment, kind, style)
    if kind.name == "date":
        return day
    if kind.name == "time":
        return clock
    text = f"{day}{joint}{clock}" if day and clock else day or clock
    if moment.tzinfo is not None and style not in _DATE_ONLY:
        text += _zone_text(moment, style)
    return text


_DATE_ONLY = {1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 23, 101, 102, 103, 104, 105, 106, 107, 110, 111, 112}


def _zone_text(moment: datetime, style: int) -> str:
    offset = moment.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{'' if style in {126, 127} else ' '}{sign}{hours:02d}:{rest:02d}"


def _styled(moment: datetime, kind: SqlType, style: int) -> tuple[str, str, str]:
    month = _MONTHS[moment.month - 1].capitalize()
    year, short = f"{moment.year:04d}", f"{moment.year % 100:02d}"
    m, d = f"{moment.month:02d}", f"{moment.day:02d}"
    hour12 = (moment.hour + 11) % 12 + 1
    half = "AM" if moment.hour < 12 else "PM"
    full = moment.strftime("%H:%M:%S")
    milli = f"{moment.microsecond // 1000:03d}"
    scaled = kind.name not in {"datetime", "smalldatetime"}
    precise = full + (_fraction(moment, kind.scale) if scaled else f".{milli}")
    if kind.name == "smalldatetime":
        precise = full
    plain: dict[int, str] = {
        1: f"{m}/{d}/{short}",
        2: f"{short}.{m}.{d}",
        3: f"{d}/{m}/{short}",
        4: f"{d}.{m}.{short}",
        5: f"{d}-{m}-{short}",
        10: f"{m}-{d}-{short}",
        11: f"{short}/{m}/{d}",
        12: f"{short}{m}{d}",
        23: f"{year}-{m}-{d}",
        101: f"{m}/{d}/{year}",
        102: f"{year}.{m}.{d}",
        103: f"{d}/{m}/{year}",
        104: f"{d}.{m}.{year}",
        105: f"{d}-{m}-{year}",
        106: f"{d} {month} {year}",
        107: f"{month} {d}, {year}",
        110: f"{m}-{d}-{year}",
        111: f"{year}/{m}/{d}",
        112: f"{year}{m}{d}",
    }
    if style in plain:
        return plain[style], "", ""
    if style in {0, 100}:
        return f"{month} {moment.day:2d} {year}", f"{hour12:2d}:{moment.minute:02d}{half}", " "
    if style in {9, 109}:
        return f"{month} {moment.day:2d} {year}", f"{hour12:2d}:{full[3:]}:{milli}{half}", " "
    if style in {8, 24, 108}:
        return "", full, ""
    if style in {13, 113}:
        return f"{d} {month} {year}", f"{full}:{milli}", " "
    if style in {14, 114}:
        return "", f"{full}:{milli}", ""
    if style in {20, 120}:
        return f"{year}-{m}-{d}", full, " "
    if style in {21, 25, 121}:
        return f"{year}-{m}-{d}", precise, " "
    if style in {126, 127}:
        if not scaled and not moment.microsecond:
            precise = full
        return f"{year}-{m}-{d}", precise, "T"
    if style in {22, 130, 131}:
        raise unknown_tsql(f"CONVERT style {style}")
    raise sql_error(281, style, kind.name)
