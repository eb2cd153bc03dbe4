# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keep the result small enough to arrive: ansible-runner empties results above 700,000 characters, silently.

Details are left out step by step, the least needed first, until the rest fits; ``omitted`` names each step.
Asking for fewer subsets, of one task each, gives every detail. Pure.
"""

from __future__ import annotations

import json

MAX_CHARACTERS = 500_000  # leaves room for the rest of the event and for escaping it once more

_FILE_KEYS = ("type", "size_mib", "max_size_mib")
_DATABASE_KEYS = (
    "name", "is_system", "state", "user_access", "owner", "snapshot_of", "files",
    "data_size_mib", "data_max_size_mib", "data_used_mib", "log_size_mib", "log_max_size_mib", "log_used_mib",
)  # fmt: skip
_FEWEST_DATABASE_KEYS = ("name", "is_system", "state", "user_access", "owner")
_LOGIN_KEYS = ("name", "sid", "is_disabled")  # what tells the logins of applications


def fit(instance: dict, *, maximum: int = MAX_CHARACTERS) -> list:
    """Take details out of ``instance`` until it is at most ``maximum`` characters of JSON; sentences on what
    went."""
    omitted = []
    for sentence, leave_out in _STEPS:
        if len(json.dumps(instance)) <= maximum:
            break
        if leave_out(instance):
            omitted.append(sentence)
    return omitted


def _collation_names(instance: dict) -> bool:
    if not (instance.get("collations") or {}).get("names"):
        return False
    instance["collations"]["names"] = None
    return True


def _file_details(instance: dict) -> bool:
    seen = False
    for database in instance.get("databases") or []:
        if "files" in database and database["files"] is not None:
            database["files"] = [_only(file, _FILE_KEYS) for file in database["files"]]
            seen = True
    return seen


def _database_details(instance: dict) -> bool:
    if not instance.get("databases"):
        return False
    instance["databases"] = [_only(database, _DATABASE_KEYS) for database in instance["databases"]]
    return True


def _all_but_names(instance: dict) -> bool:
    if not instance.get("databases"):
        return False
    instance["databases"] = [_only(database, _FEWEST_DATABASE_KEYS) for database in instance["databases"]]
    return True


def _login_details(instance: dict) -> bool:
    if not instance.get("logins"):
        return False
    instance["logins"] = [_only(login, _LOGIN_KEYS) for login in instance["logins"]]
    return True


def _healthy_group_databases(instance: dict) -> bool:
    seen = False
    for group in instance.get("availability_groups") or []:
        if group["databases"]:
            group["databases"] = [entry for entry in group["databases"] if entry["health"] != "healthy"]
            seen = True
    return seen


def _files(instance: dict) -> bool:
    seen = False
    for database in instance.get("databases") or []:
        seen = database.pop("files", None) is not None or seen
    return seen


def _logins(instance: dict) -> bool:
    seen = bool(instance.get("logins"))
    if seen:
        instance["logins"] = None
    return seen


def _databases(instance: dict) -> bool:
    seen = bool(instance.get("databases"))
    if seen:
        instance["databases"] = None
    return seen


def _group_databases(instance: dict) -> bool:
    seen = False
    for group in instance.get("availability_groups") or []:
        seen = bool(group["databases"]) or seen
        group["databases"] = None
    return seen


def _only(entry: dict, keys: tuple) -> dict:
    return {key: entry[key] for key in keys if key in entry}


_STEPS = (
    (
        "collations.names: too many to return with the rest; ask for the subset collations alone",
        _collation_names,
    ),
    (
        "databases[].files: only type, size_mib and max_size_mib; ask for the subset files alone",
        _file_details,
    ),
    ("databases: settings left out; ask for the subset databases alone", _database_details),
    ("logins: only name, sid and is_disabled; ask for the subset logins alone", _login_details),
    ("availability_groups[].databases: only those that are not healthy", _healthy_group_databases),
    ("databases[].files: left out, the sums per database are there", _files),
    ("databases: only name, is_system, state, user_access and owner", _all_but_names),
    ("logins: too many to return", _logins),
    ("availability_groups[].databases: too many to return", _group_databases),
    ("databases: too many to return", _databases),
)
