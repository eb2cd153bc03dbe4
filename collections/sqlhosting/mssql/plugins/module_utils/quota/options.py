# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The options of mssql_quota: which databases, which limits. Checked before the server is asked anything."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import check_name, is_system_database
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib, parse_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.decide import KINDS, LARGEST_FILE_MIB

ARGUMENT_SPEC = {
    "databases": {
        "type": "list",
        "elements": "dict",
        "options": {
            "name": {"type": "str", "required": True},
            "data_limit": {"type": "str"},
            "log_limit": {"type": "str"},
        },
    },
    "data_limit": {"type": "str"},
    "log_limit": {"type": "str"},
    "warning_percent": {"type": "int", "default": 80},
    "critical_percent": {"type": "int", "default": 95},
    "enforce": {"type": "bool", "default": False},
    "limit_below_use": {"type": "str", "choices": ["fail", "hold"], "default": "fail"},
}
SPEC_RULES: dict = {}


class Wish:
    """What the options ask for one database. ``limits``: kind → MiB or None. ``name``: as given, None for
    all."""

    def __init__(self, name: str | None, limits: dict) -> None:
        self.name = name
        self.limits = limits


def wishes_from(params: dict) -> tuple:
    """(the wish for databases that are not named, one wish for each that is, or None for all). Asks no
    server."""
    warning, critical = params["warning_percent"], params["critical_percent"]
    if not 1 <= warning <= critical <= 100:
        raise InvalidInput(
            field="warning_percent",
            problem=f"warning {warning} and critical {critical} are not 1 ≤ warning ≤ critical ≤ 100",
            remedy="The defaults are 80 and 95.",
        )
    defaults = {kind: _limit(params[f"{kind}_limit"], f"{kind}_limit", kind) for kind in KINDS}
    named = None
    if params["databases"] is not None:
        named = []
        for entry in params["databases"]:
            name = check_name(entry["name"], field="databases.name")
            limits = {
                kind: _limit(entry[f"{kind}_limit"], f"databases.{kind}_limit of {name}", kind)
                or defaults[kind]
                for kind in KINDS
            }
            named.append(Wish(name, limits))
    wishes = named if named is not None else [Wish(None, defaults)]
    if params["enforce"]:
        _check_enforceable(wishes)
    return Wish(None, defaults), named


def _limit(text: str | None, field: str, kind: str) -> int | None:
    if text is None:
        return None
    mib = parse_mib(text, field=field)
    # Several data files may hold more than one; what they can hold together is known only later.
    if kind == "log" and mib > LARGEST_FILE_MIB[kind]:
        raise InvalidInput(
            field=field,
            problem=f"{format_mib(mib)} is more than a log file holds ({format_mib(LARGEST_FILE_MIB[kind])})",
            remedy="Give a smaller limit.",
        )
    return mib


def _check_enforceable(wishes: list) -> None:
    for wish in wishes:
        if wish.name is not None and is_system_database(wish.name):
            raise InvalidInput(
                field="databases.name",
                problem=f"{wish.name!r} is a system database",
                remedy="It can be measured, but no limit is ever enforced on it.",
            )
        if not any(wish.limits.values()):
            raise InvalidInput(
                field="enforce",
                problem="there is no limit to enforce" + (f" on [{wish.name}]" if wish.name else ""),
                remedy="Give data_limit or log_limit, for all or for each of the databases.",
            )
