# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""New limits for a database that is there: may its pool allow them, can its instance promise them? Pure."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.belongings import (
    INITIAL_MIB,
    LARGEST_DATA_MIB,
    LARGEST_LOG_MIB,
    Sizes,
    name_problems,
    only_database,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.application.placement import (
    LIMITS,
    NO_ROOM,
    PlacementError,
    load_of,
    merged_thresholds,
    too_large,
    weigh,
)

_LARGEST_MIB = {"data_limit": LARGEST_DATA_MIB, "log_limit": LARGEST_LOG_MIB}


def resizing(
    application: str,
    database: str,
    instance: dict,
    *,
    owned: list[dict],
    data_limit: str | None,
    log_limit: str | None,
    pool: dict,
    thresholds: dict,
) -> dict:
    """The limits to set, or why not.

    ``instance`` is what ``mssql_discover`` saw, ``owned`` the application's databases as ``belonging`` gives
    them, ``pool`` and ``thresholds`` as in ``place``; a limit that is None (or empty) stays as it is. Returns
    ``{"problems": [sentence…], "cause": "no_room" when only that speaks against it, "database": name on the
    instance, "set": options of mssql_database, "limits": {"data_limit_mib", "log_limit_mib",
    "data_limit_before_mib", "log_limit_before_mib"}}``; a limit of None there means that the file has none.
    """
    problems: list[str] = name_problems("application_name", application)
    problems += name_problems("application_database", database)
    answer: dict = {"problems": problems, "cause": None, "database": None, "set": {}, "limits": {}}
    wanted = _wanted({"data_limit": data_limit, "log_limit": log_limit}, problems)
    if problems:
        return answer
    found = [entry for entry in only_database(owned, application, database) if not entry["deleted"]]
    problems += _not_there(application, database, owned, found)
    if problems:
        return answer
    there = next(each for each in instance["databases"] if each["name"] == found[0]["name"])
    answer["database"] = there["name"]
    answer["limits"] = _limits(there, wanted)
    for option, mib in wanted.items():
        kind = option.removesuffix("_limit")
        answer["set"][f"{kind}_max_size"] = f"{mib}MiB"
        # As a booking sets it, and never beyond the limit (5169).
        answer["set"][f"{kind}_growth"] = f"{min(INITIAL_MIB, mib)}MiB"
    try:
        entry = {"name": database, **{option: f"{mib}MiB" for option, mib in wanted.items()}}
        problems += too_large(
            [entry], {f"largest_{option}": pool.get(f"largest_{option}") for option in wanted}
        )
        thresholds = merged_thresholds(pool.get("thresholds") or {}, thresholds)
    except PlacementError as exc:
        problems.append(str(exc))
        return answer
    problems += _below_size(there, answer["limits"])
    full = _no_room(there, instance, answer["limits"], thresholds)
    answer["cause"] = NO_ROOM if full and not problems else None
    problems += full
    return answer


def _wanted(wishes: dict[str, str | None], problems: list[str]) -> dict[str, int]:
    """The limits that are asked for, in MiB; what is wrong with them goes to ``problems``."""
    given = {option: str(value) for option, value in wishes.items() if value}
    if not given:
        problems.append("Give application_data_limit, application_log_limit or both: what is left out stays.")
    sizes = Sizes(problems)
    return {
        option: sizes.mib(f"application_{option}", value, largest=_LARGEST_MIB[option])
        for option, value in given.items()
    }


def _not_there(application: str, database: str, owned: list[dict], found: list[dict]) -> list[str]:
    if not found:
        names = ", ".join(entry["name"] for entry in owned) or "none"
        return [f"application_database: {application} has no database {database!a} here (it has {names})."]
    if found[0]["state"] != "online":
        return [f"application_database: {found[0]['name']} is {found[0]['state']}: bring it online first."]
    return []


def _limits(there: dict, wanted: dict[str, int]) -> dict:
    """Before and afterwards, in MiB."""
    limits = {}
    for option in LIMITS:
        before = there[f"{option.removesuffix('_limit')}_max_size_mib"]
        limits[f"{option}_before_mib"] = before
        limits[f"{option}_mib"] = wanted.get(option, before)
    return limits


def _below_size(there: dict, limits: dict) -> list[str]:
    """Files never shrink: a limit below what one has would be no limit."""
    problems = []
    for option in LIMITS:
        kind = option.removesuffix("_limit")
        most, size = limits[f"{option}_mib"], there[f"{kind}_size_mib"]
        if most is not None and size is not None and most < size and most != limits[f"{option}_before_mib"]:
            problems.append(
                f"application_{option}: the {kind} file of {there['name']} has {format_mib(size)} already, "
                f"so its limit cannot be {format_mib(most)}. Ask for more, or shrink the file first."
            )
    return problems


def _no_room(there: dict, instance: dict, limits: dict, thresholds: dict) -> list[str]:
    """Why the volume cannot promise what the limits add to what the database may grow by already."""
    more_mib = 0.0
    for option in LIMITS:
        size = there[f"{option.removesuffix('_limit')}_size_mib"] or 0
        before, after = limits[f"{option}_before_mib"], limits[f"{option}_mib"]
        # Without a limit it has been promised nothing, as in the placement.
        more_mib += max(0, (after or 0) - size) - max(0, (before or 0) - size)
    if more_mib <= 0:
        return []
    against = weigh("", load_of(instance), wanted_mib=more_mib, thresholds=thresholds).blocked
    return [f"{there['name']} cannot get more here: {reason}. Ask for less." for reason in against]
