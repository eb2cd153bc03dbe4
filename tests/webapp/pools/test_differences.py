"""What changed between two discoveries."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.webapp.pools.found import FACTS, GIB
from webapp.pools.differences import changes_between

Facts = dict[str, Any]


def _named(found: Facts, subset: str, name: str) -> Facts:
    return next(one for one in found[subset] if one["name"] == name)


def _set(path: str, value: Any) -> Callable[[Facts], None]:
    def change(found: Facts) -> None:
        *way, last = path.split(".")
        place = found
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value

    return change


CASES: list[tuple[str, Callable[[Facts], Any], list[tuple[str, str, str, Any, Any]]]] = [
    ("nothing", lambda found: None, []),
    ("load and free space that move a little are no change",
     lambda found: (_set("cpu.busy_percent", 99)(found), _set("memory.available_mib", 1)(found),
                    _set("volumes.0.available_mib", 79 * GIB)(found)), []),
    ("an update", _set("version.product_version", "16.0.4200.1"),
     [("version", "", "product_version", "16.0.4135.4", "16.0.4200.1")]),
    ("more memory", _set("memory.total_mib", 32 * GIB), [("memory", "", "total_mib", 16 * GIB, 32 * GIB)]),
    ("a larger volume", _set("volumes.0.total_mib", 200 * GIB),
     [("volume", "/var/opt/mssql/data/", "total_mib", 100 * GIB, 200 * GIB)]),
    ("a volume that fills up", _set("volumes.0.available_mib", 20 * GIB),
     [("volume", "/var/opt/mssql/data/", "available_mib", 80 * GIB, 20 * GIB)]),
    ("a database that came", lambda found: found["databases"].append({"name": "Ærø", "is_system": False}),
     [("database", "Ærø", "", None, "added")]),
    ("a database that went", lambda found: found["databases"].pop(),
     [("database", "shop_orders", "", "removed", None)]),
    ("a database that grew", _set("databases.1.data_size_mib", 128),
     [("database", "shop_orders", "data_size_mib", 64, 128)]),
    ("a limit that was taken away", _set("databases.1.data_max_size_mib", None),
     [("database", "shop_orders", "data_max_size_mib", 10 * GIB, None)]),
    ("system databases that grow are no change", _set("databases.0.data_size_mib", 400), []),
    ("a login that got a role", _set("logins.0.server_roles", ["sysadmin", "dbcreator"]),
     [("login", "sa", "server_roles", ["sysadmin"], ["sysadmin", "dbcreator"])]),
    ("a setting", _set("configuration.max_server_memory_mib", {"configured": 1, "running": 1}),
     [("configuration", "max_server_memory_mib", "running", 8192, 1)]),
    ("databases that can no longer be seen are not called removed", _set("databases", None),
     [("visibility", "databases", "", "seen", None)]),
    ("sizes that can no longer be seen are not called a lifted limit",
     lambda found: [_named(found, "databases", "shop_orders").update(
         {f"{kind}_{what}size_mib": None for kind in ("data", "log") for what in ("", "max_")})], []),
    ("names of collations that were left out are no change", _set("collations.names", []), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_what_is_different_is_named(change: Callable[[Facts], Any], expected: list[Any]) -> None:
    after = copy.deepcopy(FACTS)
    change(after)
    found = [
        (one["what"], one["name"], one["field"], one["before"], one["after"])
        for one in changes_between(FACTS, after)
    ]
    assert found == expected


def test_the_first_discovery_has_nothing_to_compare_with() -> None:
    assert changes_between(None, FACTS) == []
