"""Which combinations of a test run. ``make test`` runs each test; ``make matrix`` each in every combination.

A page that works on SQLite can fail on PostgreSQL, but rarely alone among its like. So a test of a page runs
on one of the two, chosen by its name: every kind of page is met on both. Rooms are always tested on both.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict

import pytest

_ON_ONE_DATABASE = ("tests/webapp/pages/", "tests/webapp/api/")
_PARAMETER = re.compile(r"sqlite|postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--matrix``."""
    parser.addoption("--matrix", action="store_true", help="every combination of database and test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another combination of the same test stands for. The same in every xdist worker."""
    if config.getoption("--matrix"):
        return
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.nodeid.startswith(_ON_ONE_DATABASE) and "database_url" in _parameters(item):
            variants[_PARAMETER.sub("*", item.nodeid)].append(item)
    left_out = {
        other.nodeid
        for name, same in variants.items()
        for at, other in enumerate(same)
        if at != zlib.crc32(name.encode()) % len(same)
    }
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


def _parameters(item: pytest.Item) -> dict[str, object]:
    call = getattr(item, "callspec", None)
    return dict(call.params) if call is not None else {}
