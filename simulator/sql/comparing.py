"""Values as Python compares, sorts and groups them the way SQL Server does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from simulator.sql.dates import fit_datetime
from simulator.sql.values import BINARIES, STRINGS
from simulator.sqltypes import SqlType, Variant


def comparable(kind: SqlType, fold: Callable[[str], str]) -> Callable[[Any], Any]:
    """A function from a value of ``kind`` to something that Python compares as SQL Server would.

    ``fold`` is the collation's key.
    """
    if kind.name in STRINGS:
        return fold
    if kind.name == "sql_variant":
        return lambda value: _variant_key(value, fold)
    if kind.name == "uniqueidentifier":
        return lambda value: value.bytes[10:] + value.bytes[8:10] + value.bytes_le[6:8] + value.bytes_le[:6]
    if kind.name in BINARIES:
        return lambda value: value.rstrip(b"\0")
    return lambda value: value


_FAMILIES = [
    (str, 0),
    (bytes, 1),
    (uuid.UUID, 2),
    ((int, float, Decimal), 3),
    (time, 4),
    ((date, datetime), 5),
]


def _variant_key(value: Any, fold: Callable[[str], str]) -> tuple[int, Any]:
    if isinstance(value, Variant):
        value = value.value
    for kinds, rank in _FAMILIES:
        if isinstance(value, kinds):  # type: ignore[arg-type]
            if isinstance(value, str):
                return rank, fold(value)
            if rank == 5:
                return rank, fit_datetime(value, SqlType("datetime2", scale=7))
            return rank, value.bytes if isinstance(value, uuid.UUID) else value
    return 9, repr(value)
