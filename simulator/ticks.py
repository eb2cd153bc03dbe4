"""The seventh digit of a second: SQL Server counts 100 ns, Python's dates and times count microseconds.

A value that needs the digit is a :class:`FineDateTime` or :class:`FineTime`; any other stays Python's own.
Python's arithmetic drops the digit, so whoever calculates carries it over with :func:`with_digit`.

Source: Microsoft Learn, "datetime2", "time" and "datetimeoffset (Transact-SQL)", accuracy.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

PER_SECOND = 10_000_000
PER_DAY = 86_400 * PER_SECOND
T = TypeVar("T", bound=date | time)


def digit_of(value: Any) -> int:
    """The seventh digit, 0–9."""
    return int(getattr(value, "digit", 0))


class FineDateTime(datetime):
    """A datetime with a seventh digit that is not 0."""

    digit = 0

    def __eq__(self, other: object) -> Any:
        same = super().__eq__(other)
        return same if same is not True else digit_of(self) == digit_of(other)

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.digit))

    def __lt__(self, other: Any) -> bool:
        return super().__lt__(other) or (super().__eq__(other) is True and digit_of(self) < digit_of(other))

    def __le__(self, other: Any) -> bool:
        return self < other or self == other

    def __gt__(self, other: Any) -> bool:
        return super().__gt__(other) or (super().__eq__(other) is True and digit_of(self) > digit_of(other))

    def __ge__(self, other: Any) -> bool:
        return self > other or self == other


class FineTime(time):
    """A time of day with a seventh digit that is not 0."""

    digit = 0

    def __eq__(self, other: object) -> Any:
        same = super().__eq__(other)
        return same if same is not True else digit_of(self) == digit_of(other)

    def __hash__(self) -> int:
        return hash((super().__hash__(), self.digit))

    def __lt__(self, other: Any) -> bool:
        return super().__lt__(other) or (super().__eq__(other) is True and digit_of(self) < digit_of(other))

    def __le__(self, other: Any) -> bool:
        return self < other or self == other

    def __gt__(self, other: Any) -> bool:
        return super().__gt__(other) or (super().__eq__(other) is True and digit_of(self) > digit_of(other))

    def __ge__(self, other: Any) -> bool:
        return self > other or self == other


def with_digit(value: T, digit: int) -> T:
    """``value`` with that seventh digit; a date, which has none, as it is."""
    fine: Any
    if not digit or not isinstance(value, datetime | time):
        return value
    clock = (value.hour, value.minute, value.second, value.microsecond, value.tzinfo)
    if isinstance(value, datetime):
        fine = FineDateTime(value.year, value.month, value.day, *clock)
    else:
        fine = FineTime(*clock)
    fine.digit = digit
    return fine


def ticks_of(value: datetime | time) -> int:
    """100 ns since midnight."""
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return seconds * PER_SECOND + value.microsecond * 10 + digit_of(value)


def time_of(ticks: int) -> time:
    """The time of day ``ticks`` after midnight. Raises ValueError beyond 24 hours."""
    if not 0 <= ticks < PER_DAY:
        raise ValueError("not a time of day")
    microseconds, digit = divmod(ticks, 10)
    seconds, microseconds = divmod(microseconds, 1_000_000)
    return with_digit(time(seconds // 3600, seconds // 60 % 60, seconds % 60, microseconds), digit)


def rounded(moment: datetime, scale: int) -> datetime:
    """``moment`` with ``scale`` digits behind the second, half a unit up. Raises OverflowError."""
    unit = 10 ** (7 - scale)
    wanted = (ticks_of(moment) + unit // 2) // unit * unit
    whole = datetime.combine(moment.date(), time(), moment.tzinfo)
    return with_digit(whole + timedelta(microseconds=wanted // 10), wanted % 10)


def later(moment: datetime, ticks: int) -> datetime:
    """``moment`` and ``ticks`` more, which may be negative. Raises OverflowError."""
    total = moment.microsecond * 10 + digit_of(moment) + ticks
    whole = datetime.combine(moment.date(), moment.time().replace(microsecond=0), moment.tzinfo)
    return with_digit(whole + timedelta(microseconds=total // 10), total % 10)
