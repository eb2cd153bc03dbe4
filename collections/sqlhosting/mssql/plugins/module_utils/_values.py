# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""From what SQL Server's views hold to what a module returns: units in MiB and KiB, UTC, lower-case words.

Everything here gives None for None: what was not seen stays unknown.
"""

from __future__ import annotations

import datetime

PAGES_PER_MIB = 128  # 8-KiB pages (sys.master_files on Microsoft Learn)
KIB_PER_MIB = 1024
BYTES_PER_MIB = 1024 * 1024
LOG_UNLIMITED_PAGES = 268435456  # 2 TiB: what the catalog shows for a log file without a maximum


def mib_from_pages(pages: int | None) -> int | float | None:
    """MiB; a whole number where it is one, else three decimals (a page is 0.008 MiB)."""
    return None if pages is None else _tidy(pages / PAGES_PER_MIB)


def mib_from_kib(kib: int | None) -> int | None:
    """Whole MiB, rounded down: amounts of memory."""
    return None if kib is None else int(kib) // KIB_PER_MIB


def mib_from_bytes(count: int | None) -> int | None:
    """Whole MiB, rounded down: free and total space of volumes."""
    return None if count is None else int(count) // BYTES_PER_MIB


def max_mib_from_pages(pages: int | None, size_pages: int, *, is_log: bool) -> int | float | None:
    """The most a file may hold; None when only the volume ends it. 0 means: does not grow, so its size."""
    if pages is None or pages == -1 or (is_log and pages == LOG_UNLIMITED_PAGES):
        return None
    return mib_from_pages(pages or size_pages)


def _tidy(number: float) -> int | float:
    return int(number) if number == int(number) else round(number, 3)


def sum_known(values: list) -> int | float | None:
    """The sum; None when any part is unknown or unlimited."""
    return None if any(value is None for value in values) else _tidy(sum(values))


def word(text: str | None) -> str | None:
    """SQL Server's ``SIMPLE`` as the options write it: ``simple``."""
    return text.lower() if text else None


def truth(value: object) -> bool | None:
    """A bit, or an int that is one."""
    return None if value is None else bool(value)


def hexadecimal(value: bytes | None) -> str | None:
    """``0x`` and upper-case digits, as T-SQL writes a SID or a thumbprint."""
    return None if value is None else "0x" + bytes(value).hex().upper()


def utc_text(value: datetime.datetime | None, *, offset_minutes: int = 0) -> str | None:
    """``2026-11-21T00:28:05Z`` from a server-local time; ``offset_minutes`` is the server's present offset
    from UTC.

    A time in the other half of a year with daylight saving is therefore an hour off: SQL Server keeps no
    offset with it.
    """
    if value is None:
        return None
    moment = value - datetime.timedelta(minutes=offset_minutes)
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def utc_offset(minutes: int | None) -> int:
    """The server's offset from UTC in minutes, to the quarter of an hour that every offset is a multiple of.

    The server reads its two clocks one after the other, so a minute may end between them.
    """
    return round((minutes or 0) / 15) * 15
