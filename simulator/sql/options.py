"""What SET changes: the options of a session, and the settings that the simulator does not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.errors import unknown_tsql


@dataclass
class Options:
    """What SET changes, with SQL Server's defaults for ODBC clients."""

    nocount: bool = False
    xact_abort: bool = False
    implicit_transactions: bool = False
    isolation: str = "read committed"
    language: str = "us_english"
    date_first: int = 7
    date_format: str = "mdy"
    lock_timeout: int = -1
    text_size: int = 2147483647
    row_count: int = 0
    switches: dict[str, bool] = field(default_factory=dict)


_SET_NAMES = {
    "nocount": "nocount",
    "xact_abort": "xact_abort",
    "implicit_transactions": "implicit_transactions",
    "isolation": "isolation",
    "language": "language",
    "datefirst": "date_first",
    "dateformat": "date_format",
    "lock_timeout": "lock_timeout",
    "textsize": "text_size",
    "rowcount": "row_count",
}


# Switches that change how queries answer: only the setting that the simulator has is accepted.
_MUST_BE = {
    "quoted_identifier": True,
    "ansi_nulls": True,
    "concat_null_yields_null": True,
    "ansi_warnings": True,
    "ansi_padding": True,
    "ansi_null_dflt_off": False,
    "parseonly": False,
    "noexec": False,
    "fmtonly": False,
    "arithignore": False,
    "numeric_roundabort": False,
    "ansi_defaults": True,
    "no_browsetable": False,
    "showplan_all": False,
    "showplan_text": False,
    "showplan_xml": False,
}
_DATE_FORMATS = {"mdy", "ymd"}  # fmt: skip


def set_option(options: Options, name: str, value: Any) -> None:
    """Carry out SET. Raises 59999 for a setting under which queries would answer otherwise."""
    if name in _MUST_BE and value is not _MUST_BE[name]:
        raise unknown_tsql(f"SET {name.upper()} {'ON' if value else 'OFF'}")
    if name == "language" and str(value).lower() not in {"us_english", "english"}:
        raise unknown_tsql(f"SET LANGUAGE {value}")
    if name == "dateformat":
        value = str(value).lower()
        if value not in _DATE_FORMATS:
            raise unknown_tsql(f"SET DATEFORMAT {value}")
    if name == "query_governor_cost_limit" and value:
        raise unknown_tsql(f"SET QUERY_GOVERNOR_COST_LIMIT {value}: costs are not simulated")
    field_name = _SET_NAMES.get(name)
    if field_name is not None:
        setattr(options, field_name, value)
    else:
        options.switches[name] = value
