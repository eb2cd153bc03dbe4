# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Sizes with their unit written out: ``64MiB``, ``10GiB``; growth also ``10%``, maxima also ``unlimited``."""

from __future__ import annotations

import re
from fractions import Fraction

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput

UNLIMITED = "unlimited"
_UNITS_MIB = {
    "KIB": Fraction(1, 1024),
    "MIB": Fraction(1),
    "GIB": Fraction(1024),
    "TIB": Fraction(1024 * 1024),
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*")
_PERCENT = re.compile(r"\s*(\d+)\s*%\s*")
_EXAMPLE = "Write a whole number of MiB with its unit, for instance 512MiB, 10GiB or 1.5GiB."


def parse_mib(value: str, *, field: str = "size") -> int:
    """Whole MiB > 0 from ``10GiB``. Raises :class:`InvalidInput` that names the field, the value and the
    remedy.
    """
    match = _SIZE.fullmatch(str(value))
    if not match:
        raise InvalidInput(field=field, problem=f"{value!r} is not a size", remedy=_EXAMPLE)
    number, unit = match.groups()
    if unit.upper() not in _UNITS_MIB:
        raise InvalidInput(
            field=field,
            problem=f"{value!r} has the unit {unit!r}, known are KiB, MiB, GiB and TiB",
            remedy=_EXAMPLE,
        )
    size = Fraction(number) * _UNITS_MIB[unit.upper()]
    if size <= 0:
        raise InvalidInput(field=field, problem=f"{value!r} is not more than zero", remedy=_EXAMPLE)
    if size.denominator != 1:
        raise InvalidInput(field=field, problem=f"{value!r} is not a whole number of MiB", remedy=_EXAMPLE)
    return int(size)


def parse_max_mib(value: str, *, field: str = "max_size") -> int | None:
    """As :func:`parse_mib`; None for ``unlimited``."""
    if str(value).strip().lower() == UNLIMITED:
        return None
    return parse_mib(value, field=field)


def parse_growth(value: str, *, field: str = "growth") -> tuple[int, bool]:
    """(amount, is_percent): MiB, or 1 to 100 percent."""
    match = _PERCENT.fullmatch(str(value))
    if not match:
        return parse_mib(value, field=field), False
    percent = int(match.group(1))
    if not 1 <= percent <= 100:
        raise InvalidInput(
            field=field, problem=f"{value!r} is not between 1% and 100%", remedy="Or give a size."
        )
    return percent, True


def mib_in_words(mib: int | float | None) -> str:
    """As :func:`format_mib`, for sentences: ``10 GiB``."""
    return re.sub(r"(?<=\d)(?=[KMGT]iB)", " ", format_mib(mib))


def format_mib(mib: int | float | None) -> str:
    """A size for people: ``10GiB``, ``1.5GiB``, ``512MiB``; ``unlimited`` for None."""
    if mib is None:
        return UNLIMITED
    for unit, factor in (("TiB", 1024 * 1024), ("GiB", 1024)):
        if mib >= factor and (mib * 4) % factor == 0:
            return f"{mib / factor:.12g}{unit}"
    return f"{mib:.12g}MiB"
