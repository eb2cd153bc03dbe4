"""Every shipped T-SQL template, rendered with odd names and each combination of its options."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from ansible_collections.sqlhosting.mssql.plugins.module_utils import tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils.login.permissions import DATABASE_PERMISSIONS
from jinja2 import meta

from tests.support.changes import TEMPLATES

# Longest name: 128 UTF-16 units (sysname).
ODD_NAMES = (
    "plain",
    "a]b[c",
    "it's; DROP DATABASE x --",
    '"quoted"',
    "🐘 é ß名",
    "/* ? */ @p1 $(x)",
    "x" * 128,
    "]" * 128,
)
SID = "0x" + "aB" * 16
SWITCH = ("ON", "OFF")
HANDED_OVER = (
    "SCHEMA", "ROLE", "CERTIFICATE", "ASYMMETRIC KEY", "SYMMETRIC KEY", "SERVICE", "CONTRACT", "MESSAGE TYPE",
    "ROUTE", "REMOTE SERVICE BINDING", "FULLTEXT CATALOG", "FULLTEXT STOPLIST", "SEARCH PROPERTY LIST",
    "TYPE", "XML SCHEMA COLLECTION", "OBJECT",
)  # fmt: skip
_WITH_SCHEMA = {"TYPE", "XML SCHEMA COLLECTION", "OBJECT"}
COLLATION = "Latin1_General_100_CI_AS_SC_UTF8"

# What a name stands for: an object that somebody named, one or several.
NAMES = frozenset(
    {
        "name",
        "new_name",
        "database",
        "default_database",
        "default_schema",
        "file",
        "in_database",
        "login",
        "owner",
    }
    | {"role", "user", "password"}
)
LISTS_OF_NAMES = frozenset({"folders", "names", "roles", "rights", "server_roles", "starts", "permissions"})
# Where a name may be left out.
WITHOUT = {
    "login/create": {"default_database"},
    "login/observe": {"default_database"},
    "user/create": {"default_schema"},
    "user/observe": {"default_schema"},
    "database/observe": {"owner"},
}
# What the templates of some statements take besides names: all values that matter to the text.
OPTIONS: dict[str, tuple[Any, ...]] = {
    "access": ("MULTI_USER", "RESTRICTED_USER", "SINGLE_USER"),
    "cascade": (True, False),
    "check_expiration": (None, *SWITCH),
    "check_policy": (None, *SWITCH),
    "compare_password": (True, False),
    "containment": ("NONE", "PARTIAL"),
    "database_id": (7,),
    "database_ids": ([], [5], [5, 6, 7]),
    "expiration": SWITCH,
    "growth": (0, 64),
    "growth_is_percent": (True, False),
    "known": (list(DATABASE_PERMISSIONS),),
    "level": (150, 160),
    "major_version": (15, 16, 17),
    "max_mib": (None, 1024),
    "must_change": (True, False),
    "permission": tuple(DATABASE_PERMISSIONS),
    "recovery_model": ("FULL", "SIMPLE", "BULK_LOGGED"),
    "size_mib": (512,),
    "states": (True, False),
    "switch": SWITCH,
    "terminate": (True, False),
    "unlock": (True, False),
    "volumes": (True, False),
}


def of_template(template: str) -> Iterator[str]:
    """The texts of one template. Raises KeyError for a variable that is not listed here."""
    source = (TEMPLATES / f"{template}.sql.j2").read_text(encoding="utf-8")
    variables = sorted(meta.find_undeclared_variables(tsql._environment().parse(source)))
    for name in ODD_NAMES:
        for chosen in itertools.product(*(_candidates(template, variable, name) for variable in variables)):
            values = dict(zip(variables, chosen, strict=True))
            if "schema" in values and values["kind"] not in _WITH_SCHEMA:
                values["schema"] = None
            yield tsql.render(source, values).text


def _candidates(template: str, variable: str, name: str) -> tuple[Any, ...]:
    if variable in NAMES:
        return (name, None) if variable in WITHOUT.get(template, ()) else (name,)
    if variable in LISTS_OF_NAMES:
        return ([name], [name, "b"])
    special = _SPECIAL.get((template, variable)) or _SPECIAL.get(("", variable))
    return special(name) if special else OPTIONS[variable]


def _files(name: str) -> tuple[Any, ...]:
    """No file; a data and a log file, with every kind of size, maximum and growth."""
    full = {"size_mib": 64, "has_max": True, "max_mib": 1024, "growth": 64, "growth_is_percent": False}
    bare = {"size_mib": None, "has_max": False, "max_mib": None, "growth": None, "growth_is_percent": False}
    unlimited = {**full, "max_mib": None, "growth": 10, "growth_is_percent": True}
    path = {"name": name, "path": f"/var/opt/mssql/data/{name}.mdf"}
    return (
        [],
        *(
            [{"kind": "data", **path, **data}, {"kind": "log", **path, **log}]
            for data in (full, bare, unlimited)
            for log in (full, unlimited)
        ),
    )


_SPECIAL: dict[tuple[str, str], Any] = {
    ("", "collation"): lambda _name: (COLLATION,),
    ("database/create", "collation"): lambda _name: (None, COLLATION),
    ("database/observe", "collation"): lambda _name: (None, COLLATION),
    ("database/create", "containment"): lambda _name: (None, "NONE", "PARTIAL"),
    ("database/create", "files"): _files,
    ("", "databases"): lambda name: ([name], [name, "b"]),
    ("quota/used", "databases"): lambda name: (
        [{"name": name, "database_id": 5}, {"name": "b", "database_id": 6}],
    ),
    ("", "kind"): lambda _name: HANDED_OVER,
    ("", "schema"): lambda name: (name,),
    ("", "sid"): lambda _name: (SID,),
    ("login/create", "sid"): lambda _name: (None, SID),
    ("login/end_sessions", "sid"): lambda _name: (None, SID),
    ("login/observe", "sid"): lambda _name: (None, SID),
    ("login/sessions", "sid"): lambda _name: (None, SID),
    ("user/observe", "sid"): lambda _name: (None, SID),
}
