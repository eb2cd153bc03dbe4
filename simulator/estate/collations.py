# ruff: noqa: E501, SIM905 - lists of names read best as text
"""Collations: the server's list of them, and comparing text under one.

Source: Microsoft Learn, "Windows collation name", "SQL Server collation name" and "sys.fn_helpcollations". Sort order
is that of Python's Unicode strings after folding: right for equality, approximate for the order of letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

_ANSI_80 = (
    "Albanian Arabic Chinese_PRC Chinese_PRC_Stroke Chinese_Taiwan_Bopomofo Chinese_Taiwan_Stroke Croatian "
    "Cyrillic_General Czech Danish_Norwegian Estonian Finnish_Swedish French Georgian_Modern_Sort German_PhoneBook "
    "Greek Hebrew Hungarian Hungarian_Technical Icelandic Japanese Japanese_Unicode Korean_Wansung Latin1_General "
    "Latvian Lithuanian Macedonian_FYROM Modern_Spanish Polish Romanian Slovak Slovenian Thai Traditional_Spanish "
    "Turkish Ukrainian Vietnamese"
).split()
_VERSION_90 = (
    "Azeri_Cyrillic Azeri_Latin Chinese_Hong_Kong_Stroke Chinese_PRC Chinese_PRC_Stroke Chinese_Taiwan_Bopomofo "
    "Chinese_Taiwan_Stroke Divehi Indic_General Japanese Kazakh Korean Macedonian_FYROM Syriac Tatar Uzbek_Latin"
).split()
_VERSION_100 = (
    "Albanian Arabic Assamese Azeri_Cyrillic Azeri_Latin Bashkir Bengali Bosnian_Cyrillic Bosnian_Latin Breton "
    "Chinese_Hong_Kong_Stroke Chinese_PRC Chinese_PRC_Stroke Chinese_Simplified_Pinyin "
    "Chinese_Simplified_Stroke_Order Chinese_Taiwan_Bopomofo Chinese_Taiwan_Stroke Chinese_Traditional_Bopomofo "
    "Chinese_Traditional_Pinyin Chinese_Traditional_Stroke_Count Chinese_Traditional_Stroke_Order Corsican Croatian "
    "Cyrillic_General Czech Danish_Greenlandic Dari Divehi Estonian Finnish_Swedish French Frisian "
    "Georgian_Modern_Sort German_PhoneBook Greek Hebrew Hungarian Hungarian_Technical Icelandic Indic_General "
    "Japanese_Bushu_Kakusu Japanese_XJIS Kazakh Khmer Korean Lao Latin1_General Latvian Lithuanian Macedonian_FYROM "
    "Maltese Maori Mapudungan Modern_Spanish Mohawk Nepali Norwegian Pashto Persian Polish Romanian Romansh "
    "Sami_Norway Sami_Sweden_Finland Serbian_Cyrillic Serbian_Latin Slovak Slovenian Syriac Tamazight Tatar Thai "
    "Tibetan Traditional_Spanish Turkish Turkmen Uighur Ukrainian Upper_Sorbian Urdu Uzbek_Latin Vietnamese Welsh "
    "Yakut"
).split()
_VERSION_140 = ["Japanese_Bushu_Kakusu", "Japanese_XJIS"]
# Families without a code page of their own: allowed for columns, refused for databases (15301) unless UTF-8.
_UNICODE_ONLY = set(
    "Assamese Bengali Divehi Indic_General Khmer Lao Maltese Maori Nepali Pashto Syriac Tibetan".split()
)
_CODE_PAGES = {
    1250: "Albanian Bosnian_Latin Croatian Czech Hungarian Hungarian_Technical Polish Romanian Serbian_Latin Slovak "
    "Slovenian Turkmen",
    1251: "Azeri_Cyrillic Bashkir Bosnian_Cyrillic Cyrillic_General Kazakh Macedonian_FYROM Serbian_Cyrillic Tatar "
    "Ukrainian Yakut",
    1253: "Greek",
    1254: "Azeri_Latin Turkish Uzbek_Latin",
    1255: "Hebrew",
    1256: "Arabic Dari Persian Uighur Urdu",
    1257: "Estonian Latvian Lithuanian",
    1258: "Vietnamese",
    874: "Thai",
    932: "Japanese Japanese_Unicode Japanese_Bushu_Kakusu Japanese_XJIS",
    936: "Chinese_PRC Chinese_PRC_Stroke Chinese_Simplified_Pinyin Chinese_Simplified_Stroke_Order",
    949: "Korean_Wansung Korean",
    950: "Chinese_Hong_Kong_Stroke Chinese_Taiwan_Bopomofo Chinese_Taiwan_Stroke Chinese_Traditional_Bopomofo "
    "Chinese_Traditional_Pinyin Chinese_Traditional_Stroke_Count Chinese_Traditional_Stroke_Order",
}
_CODE_PAGE_OF = {family: page for page, families in _CODE_PAGES.items() for family in families.split()}
_LCIDS = {
    "Latin1_General": 1033, "Albanian": 1052, "Arabic": 1025, "Croatian": 1050, "Cyrillic_General": 1049,
    "Czech": 1029, "Danish_Norwegian": 1030, "Estonian": 1061, "Finnish_Swedish": 1053, "French": 1036,
    "German_PhoneBook": 66567, "Greek": 1032, "Hebrew": 1037, "Hungarian": 1038, "Icelandic": 1039,
    "Japanese": 1041, "Korean": 1042, "Korean_Wansung": 1042, "Latvian": 1062, "Lithuanian": 1063,
    "Modern_Spanish": 3082, "Polish": 1045, "Romanian": 1048, "Slovak": 1051, "Slovenian": 1060, "Thai": 1054,
    "Turkish": 1055, "Ukrainian": 1058, "Vietnamese": 1066, "Chinese_PRC": 2052, "Welsh": 1106, "Norwegian": 1044,
}  # fmt: skip
_SQL_SORTS = {
    "SQL_Latin1_General_CP1": "CI_AI CI_AS CS_AS",
    "SQL_Latin1_General_CP1250": "CI_AS CS_AS",
    "SQL_Latin1_General_CP1251": "CI_AS CS_AS",
    "SQL_Latin1_General_CP1253": "CI_AI CI_AS CS_AS",
    "SQL_Latin1_General_CP1254": "CI_AS CS_AS",
    "SQL_Latin1_General_CP1255": "CI_AS CS_AS",
    "SQL_Latin1_General_CP1256": "CI_AS CS_AS",
    "SQL_Latin1_General_CP1257": "CI_AS CS_AS",
    "SQL_Latin1_General_CP437": "BIN BIN2 CI_AI CI_AS CS_AS",
    "SQL_Latin1_General_CP850": "BIN BIN2 CI_AI CI_AS CS_AS",
    "SQL_Latin1_General_Pref_CP1": "CI_AS",
    "SQL_Latin1_General_Pref_CP437": "CI_AS",
    "SQL_Latin1_General_Pref_CP850": "CI_AS",
    "SQL_1xCompat_CP850": "CI_AS",
    "SQL_AltDiction_CP850": "CI_AI CI_AS CS_AS",
    "SQL_AltDiction_CP1253": "CS_AS",
    "SQL_AltDiction_Pref_CP850": "CI_AS",
    "SQL_AltDiction2_CP1253": "CS_AS",
    "SQL_Croatian_CP1250": "CI_AS CS_AS",
    "SQL_Czech_CP1250": "CI_AS CS_AS",
    "SQL_Danish_Pref_CP1": "CI_AS",
    "SQL_EBCDIC037_CP1": "CS_AS",
    "SQL_EBCDIC1141_CP1": "CS_AS",
    "SQL_EBCDIC273_CP1": "CS_AS",
    "SQL_EBCDIC277_2_CP1": "CS_AS",
    "SQL_EBCDIC277_CP1": "CS_AS",
    "SQL_EBCDIC278_CP1": "CS_AS",
    "SQL_EBCDIC280_CP1": "CS_AS",
    "SQL_EBCDIC284_CP1": "CS_AS",
    "SQL_EBCDIC285_CP1": "CS_AS",
    "SQL_EBCDIC297_CP1": "CS_AS",
    "SQL_Estonian_CP1257": "CI_AS CS_AS",
    "SQL_Hungarian_CP1250": "CI_AS CS_AS",
    "SQL_Icelandic_Pref_CP1": "CI_AS",
    "SQL_Latvian_CP1257": "CI_AS CS_AS",
    "SQL_Lithuanian_CP1257": "CI_AS CS_AS",
    "SQL_MixDiction_CP1253": "CS_AS",
    "SQL_Polish_CP1250": "CI_AS CS_AS",
    "SQL_Romanian_CP1250": "CI_AS CS_AS",
    "SQL_Scandinavian_CP850": "CI_AS CS_AS",
    "SQL_Scandinavian_Pref_CP850": "CI_AS",
    "SQL_Slovak_CP1250": "CI_AS CS_AS",
    "SQL_Slovenian_CP1250": "CI_AS CS_AS",
    "SQL_SwedishPhone_Pref_CP1": "CI_AS",
    "SQL_SwedishStd_Pref_CP1": "CI_AS",
    "SQL_Ukrainian_CP1251": "CI_AS CS_AS",
}


@dataclass(frozen=True)
class Collation:
    """One collation. ``code_page`` 0 means Unicode only; ``version`` is COLLATIONPROPERTY's 0, 1, 2 or 3."""

    name: str
    code_page: int
    lcid: int
    version: int

    @cached_property
    def flags(self) -> set[str]:
        """The name's parts: CI, CS, AI, AS, KS, WS, SC, VSS, BIN, BIN2, UTF8 …"""
        return set(self.name.split("_"))

    @cached_property
    def is_binary(self) -> bool:
        """True for BIN and BIN2."""
        return bool(self.flags & {"BIN", "BIN2"})

    @cached_property
    def is_case_sensitive(self) -> bool:
        """True when 'a' and 'A' differ."""
        return self.is_binary or "CS" in self.flags

    @property
    def is_utf8(self) -> bool:
        """True for the UTF-8 collations (2019 and later)."""
        return "UTF8" in self.flags

    @cached_property
    def has_supplementary(self) -> bool:
        """True where functions count a character beyond U+FFFF as one: _SC, version 140 and UTF-8."""
        return "SC" in self.flags or self.version == 3 or self.is_utf8

    @property
    def description(self) -> str:
        """The text of sys.fn_helpcollations."""
        family = self.name.split("_CI_")[0].split("_CS_")[0].split("_BIN")[0].replace("_", "-")
        if self.is_binary:
            kind = "binary code point comparison" if "BIN2" in self.flags else "binary sort"
            return f"{family}, {kind}" + (", UTF8" if self.is_utf8 else "")
        words = [
            family,
            "case-sensitive" if "CS" in self.flags else "case-insensitive",
            "accent-sensitive" if "AS" in self.flags else "accent-insensitive",
            "kanatype-sensitive" if "KS" in self.flags else "kanatype-insensitive",
            "width-sensitive" if "WS" in self.flags else "width-insensitive",
        ]
        if "SC" in self.flags:
            words.append("supplementary characters")
        return ", ".join(words) + (", UTF8" if self.is_utf8 else "")

    @cached_property
    def key(self) -> Callable[[str], str]:
        """A key under which equal strings are equal: trailing blanks never count, the rest as the flags say."""
        return _key_for(self.is_case_sensitive, self.is_binary or "AS" in self.flags)


@cache
def _key_for(case_sensitive: bool, accent_sensitive: bool) -> Callable[[str], str]:
    @lru_cache(maxsize=20_000)
    def key(text: str) -> str:
        text = text.rstrip(" ")
        if not accent_sensitive:
            text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        return text if case_sensitive else text.lower()

    return key


def _sensitivities() -> Iterator[str]:
    for case in ("CI", "CS"):
        for accent in ("AI", "AS"):
            for kana in ("", "_KS"):
                for width in ("", "_WS"):
                    yield f"{case}_{accent}{kana}{width}"


def _names_of(family: str, suffix: str) -> Iterator[str]:
    base = family + suffix
    yield from (f"{base}_BIN", f"{base}_BIN2")
    if suffix == "_100":
        yield f"{base}_BIN2_UTF8"
    for sensitivity in _sensitivities():
        name = f"{base}_{sensitivity}"
        if suffix == "_140":  # always with supplementary characters; _VSS: variation selectors count
            yield from (name, f"{name}_UTF8", f"{name}_VSS", f"{name}_VSS_UTF8")
            continue
        yield name
        if suffix in {"_100", "_90"}:
            yield f"{name}_SC"
            yield f"{name}_SC_UTF8"


def _code_page(family: str, name: str) -> int:
    if name.endswith("_UTF8"):
        return 65001
    if family in _UNICODE_ONLY:
        return 0
    return _CODE_PAGE_OF.get(family, 1252)


@lru_cache(maxsize=1)
def all_collations() -> dict[str, Collation]:
    """Every collation of the server by lower-case name, in the order of their names."""
    found: dict[str, Collation] = {}
    versions = (
        ("", _ANSI_80, 0),
        ("_90", _VERSION_90, 1),
        ("_100", _VERSION_100, 2),
        ("_140", _VERSION_140, 3),
    )
    for suffix, families, version in versions:
        for family in families:
            for name in _names_of(family, suffix):
                lcid = _LCIDS.get(family, 1033)
                found[name.lower()] = Collation(name, _code_page(family, name), lcid, version)
    for stem, sorts in _SQL_SORTS.items():
        page = int(stem.rsplit("CP", 1)[1].split("_")[0])
        for sort in sorts.split():
            name = f"{stem}_{sort}"
            found[name.lower()] = Collation(name, 1252 if page == 1 else page, 1033, 0)
    return dict(sorted(found.items()))


@lru_cache(maxsize=1000)
def find_collation(name: str) -> Collation | None:
    """The collation of that name in any case, or None."""
    return all_collations().get(name.lower())
