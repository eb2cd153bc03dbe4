"""Collations in words, and which of them people usually want. Pure.

Source: "Collation and Unicode support" and "Windows collation name" on Microsoft Learn.
"""

from __future__ import annotations

import re

# Shown first where the pool knows them, the most useful for new applications on top.
COMMON = (
    "Latin1_General_100_CI_AS_SC_UTF8",
    "Latin1_General_100_CI_AS",
    "SQL_Latin1_General_CP1_CI_AS",
    "Latin1_General_100_CS_AS_SC_UTF8",
    "Latin1_General_100_CI_AI_SC_UTF8",
    "Latin1_General_100_BIN2_UTF8",
)
_LANGUAGES = {"Latin1_General": "Western European", "SQL_Latin1_General": "Western European"}
_VERSION = re.compile(r"_(?:CP\d+|Pref_CP\d+|90|100|140|160)(?=_)")
_MARKS = {
    "CI": "case-insensitive",
    "CS": "case-sensitive",
    "AI": "accents ignored",
    "AS": "accents distinct",
    "KS": "kana distinct",
    "WS": "width distinct",
    "SC": "supplementary characters",
    "VSS": "variation selectors distinct",
    "UTF8": "UTF-8",
    "BIN": "binary order",
    "BIN2": "binary order",
}


def in_words(name: str) -> str:
    """``Western European, case-insensitive, accents distinct`` for ``Latin1_General_100_CI_AS``."""
    parts = name.split("_")
    marks: list[str] = []
    while parts and parts[-1] in _MARKS:
        marks.insert(0, parts.pop())
    stem = "_".join(parts)
    language = _VERSION.sub("", f"{stem}_").rstrip("_")
    words = [_LANGUAGES.get(language, language.removeprefix("SQL_").replace("_", " "))]
    words += [_MARKS[mark] for mark in marks]
    return ", ".join(word for word in words if word)


def common_of(known: list[str], default: str | None) -> list[str]:
    """The common ones among ``known``, without the default."""
    return [name for name in COMMON if name in known and name != default]


def search(known: list[str], text: str, *, limit: int = 50) -> list[str]:
    """Those whose name, or whose meaning in words, holds every word of ``text``."""
    words = text.lower().split()
    found = []
    for name in known:
        described = f"{name} {in_words(name)}".lower()
        if all(word in described for word in words):
            found.append(name)
            if len(found) == limit:
                break
    return found
