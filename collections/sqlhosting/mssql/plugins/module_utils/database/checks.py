# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What mssql_database refuses before any change: by itself, or after asking the instance."""

from __future__ import annotations

import re

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput, PermissionDenied
from ansible_collections.sqlhosting.mssql.plugins.module_utils._names import (
    MAX_NAME,
    check_database_name,
    check_name,
    is_system_database,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.files import KINDS, PAGES_PER_MIB
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.state import SHAPE_OPTIONS, Database
from ansible_collections.sqlhosting.mssql.plugins.module_utils.database.volumes import check_room, folder_of

_COLLATION = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}")
_LIST_COLLATIONS = "mssql_discover lists those the instance knows (gather_subset: collations)."
EXPRESS = 4  # SERVERPROPERTY EngineEdition
# Of data in one database ("Editions and supported features" of each version on Microsoft Learn).
EXPRESS_LIMIT_MIB = 10 * 1024
EXPRESS_LIMIT_2025_MIB = 50 * 1024
SQL_SERVER_2025 = 17
_LOWEST_LEVEL = 100  # SQL Server 2008: 2019 and later know nothing older (ALTER DATABASE compatibility level)


def check_input(params: dict) -> None:
    """Everything that can be refused without asking the server."""
    state = params["state"]
    if state == "present":
        check_database_name(params["name"])
    else:
        check_name(params["name"], maximum=MAX_NAME)
    if is_system_database(params["name"]):
        raise InvalidInput(
            field="name",
            problem=f"{params['name']!r} is a system database",
            remedy="This module never changes one.",
        )
    if state == "renamed":
        check_database_name(params["new_name"], field="new_name")
    elif params["new_name"] is not None:
        raise InvalidInput(
            field="new_name", problem="is used with state: renamed only", remedy="Leave it out."
        )
    if state not in ("present", "online"):
        _refuse(params, SHAPE_OPTIONS, state)
        if state != "renamed":
            _refuse(params, ("user_access",), state)
    check_collation_name(params["collation"])
    if params["owner"] is not None:
        check_name(params["owner"], field="owner")
    check_possible_level(params["compatibility_level"])


def check_collation_name(collation: str | None, *, field: str = "collation") -> None:
    """Refuse what can be no collation's name on any instance."""
    if collation is not None and not _COLLATION.fullmatch(collation):
        raise InvalidInput(
            field=field, problem=f"{collation!r} is not a collation's name", remedy=_LIST_COLLATIONS
        )


def check_possible_level(level: int | None, *, field: str = "compatibility_level") -> None:
    """Refuse a compatibility level that no version has."""
    if level is not None and (level < _LOWEST_LEVEL or level % 10):
        raise InvalidInput(
            field=field, problem=f"{level} does not exist", remedy="Use 150 for 2019, 160 for 2022."
        )


def _refuse(params: dict, options: tuple, state: str) -> None:
    for option in options:
        if params[option] is not None:
            raise InvalidInput(
                field=option, problem=f"means nothing with state: {state}", remedy="Leave it out."
            )


def growth_needs(database: Database, wishes: dict) -> list:
    needs = []
    for kind in KINDS:
        wanted = wishes[kind].size_mib
        if wanted is None or database.is_planned:
            continue
        file = database.file(kind)
        more_mib = wanted - file.pages / PAGES_PER_MIB
        if more_mib > 0:
            needs.append((f"{kind}_size", file.path, more_mib))
    return needs


def check_free_space(session, needs: list) -> list:
    """Refuse what the volumes cannot hold; notes when they cannot be seen."""
    if not needs:
        return []
    folders = list(dict.fromkeys(path[: len(folder_of(path))] for _option, path, _mib in needs))
    try:
        rows = session.read("database/volumes", database="master", folders=folders)
    except PermissionDenied:
        return ["Free space was not checked: the login lacks VIEW SERVER STATE."]
    check_room(needs, rows)
    return []


def known_collation(session, collation: str | None) -> str | None:
    """The collation as the server spells it. Raises :class:`InvalidInput` when it cannot be a database's."""
    if collation is None:
        return None
    rows = session.read("database/collation", database="master", collation=collation)
    if not rows:
        raise InvalidInput(
            field="collation", problem=f"{collation!r} is not known to the instance", remedy=_LIST_COLLATIONS
        )
    if rows[0]["code_page"] == 0:
        raise InvalidInput(
            field="collation",
            problem=f"{rows[0]['name']!r} is for Unicode data only and cannot be a database's (15301)",
            remedy="Choose another, for instance the one with _UTF8 at its end.",
        )
    return rows[0]["name"]


def check_owner(session, params: dict, probe: dict) -> None:
    owner = params["owner"]
    if owner is None or probe["owner_exists"] or session.is_planned(f"login:{owner}"):
        return
    raise InvalidInput(
        field="owner",
        problem=f"there is no login [{owner}] on the instance",
        remedy="Create it with mssql_login first.",
    )


def check_containment(session, containment: str | None) -> None:
    """Refuse partial containment where the instance's option for it is off (12824)."""
    if containment != "partial":
        return
    rows = session.read("database/contained_authentication", database="master")
    if rows and not rows[0]["is_on"]:
        raise InvalidInput(
            field="containment",
            problem="the instance's option 'contained database authentication' is off (12824); each replica "
            "of an availability group needs it",
            remedy="EXEC sp_configure N'contained database authentication', 1; RECONFIGURE;",
        )


def check_edition(session, wish, *, grows: bool) -> None:
    """Refuse a data file beyond what Express allows in a database (1827)."""
    modern = session.server.major_version >= SQL_SERVER_2025
    limit = EXPRESS_LIMIT_2025_MIB if modern else EXPRESS_LIMIT_MIB
    if not grows or wish.size_mib is None or wish.size_mib <= limit:
        return
    if session.server.engine_edition == EXPRESS:
        raise InvalidInput(
            field="data_size",
            problem=f"{format_mib(wish.size_mib)} is more than Express edition allows ({format_mib(limit)})",
            remedy="Give a smaller size, or use an instance of another edition.",
        )


def check_level(session, params: dict) -> None:
    level = params["compatibility_level"]
    highest = session.server.major_version * 10
    if level is not None and level > highest:
        raise InvalidInput(
            field="compatibility_level",
            problem=f"{level} is more than this instance can do",
            remedy=f"The highest here is {highest}.",
        )
