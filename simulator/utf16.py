"""Text as SQL Server counts it: in UTF-16 code units.

Inside the simulator every text is a string of code units: a character beyond U+FFFF is the two surrogates
that stand for it. ``len()`` and slices then count what ``nvarchar(n)``, LEN and SUBSTRING count. Texts are
taken apart where they come in (wire, topology, control channel, state file) and put together where they leave
for anything but UTF-16.

Source: Microsoft Learn, "nchar and nvarchar (Transact-SQL)" (n counts byte-pairs) and "Collation and Unicode
support", supplementary characters.
"""

from __future__ import annotations

import re
from typing import Any

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OFFSET = 0x10000


class Verbatim(str):
    """A message that a fault sends as it is, lone halves and all: what clients do with it is the question."""


def units(text: str) -> str:
    """``text`` as code units."""
    return text if text.isascii() else _BEYOND.sub(lambda found: _split(ord(found.group())), text)


def _split(point: int) -> str:
    high, low = divmod(point - _OFFSET, 0x400)
    return chr(0xD800 + high) + chr(0xDC00 + low)


def _join(found: re.Match[str]) -> str:
    high, low = tuple(found.group())
    return chr(_OFFSET + (ord(high) - 0xD800) * 0x400 + ord(low) - 0xDC00)


def characters(text: str) -> str:
    """``text`` with every pair of surrogates as the one character it means; a lone half stays."""
    return text if text.isascii() else _PAIR.sub(_join, text)


def readable(text: str) -> str:
    """As :func:`characters`, with U+FFFD for a lone half: can be encoded whatever it holds."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", characters(text))


def cut(text: str, most: int) -> str:
    """The first ``most`` units of ``text``, one less where the cut would go through a pair."""
    part = text[:most]
    return part[:-1] if len(text) > most and "\ud800" <= part[-1:] <= "\udbff" else part


def decoded(data: bytes) -> str:
    """UTF-16LE bytes as code units. Raises UnicodeDecodeError for an odd number of bytes."""
    return units(data.decode("utf-16-le", "surrogatepass"))


def encoded(text: str) -> bytes:
    """Code units as UTF-16LE, lone halves as well: SQL Server stores and sends them too."""
    return text.encode("utf-16-le", "surrogatepass")


def in_units(data: Any) -> Any:
    """Every text in lists and dictionaries as code units; keys too."""
    if isinstance(data, str):
        return units(data)
    if isinstance(data, dict):
        return {in_units(key): in_units(value) for key, value in data.items()}
    return [in_units(value) for value in data] if isinstance(data, list) else data
