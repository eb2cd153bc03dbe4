"""RAISERROR's printf."""

from __future__ import annotations

import re
from typing import Any

from simulator.errors import sql_error

_FORMAT = re.compile(
    r"%(?P<flags>[-+0 #]*)(?P<width>\d+|\*)?(?:\.(?P<precision>\d+))?(?:l|h|I64)?(?P<kind>[dixXous%])"
)


def formatted(text: str, values: list[Any]) -> str:
    """RAISERROR's printf."""
    left = list(values)

    def put(found: re.Match[str]) -> str:
        kind = found.group("kind")
        if kind == "%":
            return "%"
        value = left.pop(0) if left else None
        if value is None:
            return "(null)"
        if kind in "dix" and not isinstance(value, int):
            raise sql_error(2786, len(values) - len(left))
        pattern = "%" + found.group("flags") + (found.group("width") or "")
        if found.group("precision"):
            pattern += "." + found.group("precision")
        if kind == "s":
            return (pattern + "s") % (value,)
        return (pattern + {"i": "d", "u": "d"}.get(kind, kind)) % int(value)

    return _FORMAT.sub(put, text)
