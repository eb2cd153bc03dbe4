"""Collations on the wire (MS-TDS 2.2.5.1.2): five bytes, and the code page that varchar travels in."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

IGNORE_CASE, IGNORE_ACCENT, IGNORE_KANA, IGNORE_WIDTH = 1 << 20, 1 << 21, 1 << 22, 1 << 23
BINARY, BINARY2, UTF8 = 1 << 24, 1 << 25, 1 << 26
VERSION_SHIFT = 28

# Sort ids of the SQL collations of code page 1252 (Microsoft Learn, "Collation types").
SQL_SORT_IDS = {"BIN": 50, "CS_AS": 51, "CI_AS": 52, "PREF_CI_AS": 53, "CI_AI": 54}

# Leading words of a collation's name -> (LCID, code page); the longest match wins, others are Latin1.
LOCALES: dict[str, tuple[int, str]] = {
    "Latin1_General": (0x0409, "cp1252"),
    "SQL_Latin1_General": (0x0409, "cp1252"),
    "Albanian": (0x041C, "cp1250"),
    "Arabic": (0x0401, "cp1256"),
    "Chinese_PRC": (0x0804, "cp936"),
    "Chinese_Taiwan": (0x0404, "cp950"),
    "Croatian": (0x041A, "cp1250"),
    "Cyrillic_General": (0x0419, "cp1251"),
    "Czech": (0x0405, "cp1250"),
    "Danish_Norwegian": (0x0406, "cp1252"),
    "Estonian": (0x0425, "cp1257"),
    "Finnish_Swedish": (0x040B, "cp1252"),
    "French": (0x040C, "cp1252"),
    "German_PhoneBook": (0x10407, "cp1252"),
    "Greek": (0x0408, "cp1253"),
    "Hebrew": (0x040D, "cp1255"),
    "Hungarian": (0x040E, "cp1250"),
    "Icelandic": (0x040F, "cp1252"),
    "Japanese": (0x0411, "cp932"),
    "Korean": (0x0412, "cp949"),
    "Latvian": (0x0426, "cp1257"),
    "Lithuanian": (0x0427, "cp1257"),
    "Modern_Spanish": (0x0C0A, "cp1252"),
    "Polish": (0x0415, "cp1250"),
    "Romanian": (0x0418, "cp1250"),
    "Slovak": (0x041B, "cp1250"),
    "Slovenian": (0x0424, "cp1250"),
    "Thai": (0x041E, "cp874"),
    "Turkish": (0x041F, "cp1254"),
    "Ukrainian": (0x0422, "cp1251"),
    "Vietnamese": (0x042A, "cp1258"),
}


@dataclass(frozen=True)
class WireCollation:
    """The five bytes of a collation and the Python name of its code page."""

    data: bytes
    code_page: str


@lru_cache(maxsize=512)
def wire_collation(name: str) -> WireCollation:
    """The wire form of the collation called ``name``; an unknown locale is sent as Latin1."""
    prefix = max(
        (p for p in LOCALES if name.lower().startswith(p.lower())), key=len, default="Latin1_General"
    )
    lcid, code_page = LOCALES[prefix]
    words = name.upper().split("_")
    flags = lcid
    if "BIN2" in words:
        flags |= BINARY2
    elif "BIN" in words:
        flags |= BINARY
    else:
        flags |= IGNORE_CASE if "CI" in words else 0
        flags |= IGNORE_ACCENT if "AI" in words else 0
        flags |= 0 if "KS" in words else IGNORE_KANA
        flags |= 0 if "WS" in words else IGNORE_WIDTH
    version = 2 if {"100", "140", "160"} & set(words) else 1 if "90" in words else 0
    flags |= version << VERSION_SHIFT
    if "UTF8" in words:
        flags |= UTF8
        code_page = "utf-8"
    sort_id = 0
    if words[0] == "SQL":
        sort_id = SQL_SORT_IDS.get("_".join(words[4:]), SQL_SORT_IDS["CI_AS"])
    return WireCollation(struct.pack("<IB", flags, sort_id), code_page)


def code_page_of(data: bytes) -> str:
    """The code page behind a client's five bytes, for its varchar parameters."""
    (flags,) = struct.unpack_from("<I", data)
    if flags & UTF8:
        return "utf-8"
    lcid = flags & 0xFFFFF
    return next((page for known, page in LOCALES.values() if known == lcid), "cp1252")
