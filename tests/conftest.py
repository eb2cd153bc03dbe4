"""Which combinations of a test run. ``make test``: each test; ``make matrix``: each in every combination;
``make quick``, for each save: what needs no process of its own, on one database and with one driver.

A page that works on SQLite can fail on PostgreSQL, but rarely alone among its like. So a test of a page runs
on one of the two, chosen by its name: every kind of page is met on both. Rooms are always tested on both.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.support.grammar import RECORDED

_ON_ONE_DATABASE = ("tests/webapp/pages/", "tests/webapp/api/")
_PARAMETER = re.compile(r"sqlite|postgresql")
# What starts processes: playbooks, engines, browsers, whole platforms; simulators for their own sake.
_NOT_QUICK = (
    "tests/demo/", "tests/end_to_end/", "tests/infrastructure/", "tests/molecule/", "tests/playbooks/",
    "tests/simulator/", "tests/verified/", "tests/webapp/commands/", "tests/webapp/jobs/",
)  # fmt: skip
_NOT_QUICK_FIXTURES = frozenset({"browser", "pages", "redis_server", "run_ansible", "town", "world"})
_NOT_QUICK_VALUES = frozenset({"postgresql", "freetds", "out_of_process"})


@pytest.fixture(scope="session", autouse=True)
def what_ran_is_t_sql() -> Iterator[None]:
    """At the end: what simulated instances took, and what journals hold, is T-SQL to Microsoft's grammars.

    The first fixture of all, so the last to end: when the simulators have stopped and their traces are read.
    """
    yield
    refused = RECORDED.refusals()
    assert not refused, "no T-SQL, though taken or planned:\n" + "\n".join(refused)


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--matrix``."""
    parser.addoption("--matrix", action="store_true", help="every combination of database and test")
    parser.addoption("--quick", action="store_true", help="only what needs no process of its own")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another combination of the same test stands for. The same in every xdist worker."""
    if config.getoption("--matrix"):
        return
    if config.getoption("--quick"):
        _keep(config, items, [item for item in items if _is_quick(item)])
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
    _keep(config, items, [item for item in items if item.nodeid not in left_out])


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    names = {item.nodeid for item in kept}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
    items[:] = kept


def _is_quick(item: pytest.Item) -> bool:
    if item.nodeid.startswith(_NOT_QUICK) or "browser" in item.nodeid or "end_to_end" in item.nodeid:
        return False
    if _NOT_QUICK_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        return False
    return not _NOT_QUICK_VALUES.intersection(map(str, _parameters(item).values()))


def _parameters(item: pytest.Item) -> dict[str, object]:
    call = getattr(item, "callspec", None)
    return dict(call.params) if call is not None else {}
