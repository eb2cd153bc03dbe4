"""Which tests run in which combinations.

``make test``: each test, once where its combinations find nothing that one would not. ``make matrix``: each
in every combination. ``make chaos``: the long stories in which processes are killed at every place;
``make test`` kills each kind of process once. ``make quick``, for each save: what needs no process of its
own and is no sweep, on one database and with one driver.

A page that works on SQLite can fail on PostgreSQL, but rarely alone among its like. So a test of a page runs
on one of the two, chosen by its name: every kind of page is met on both. Rooms are always tested on both, but
for tests that start playbooks or engines: those meet a database only through what the rooms' tests ask. In
the same way a story of playbooks runs through one of the ODBC drivers; modules are always tested with both in
Ansible's own process, and with one of them in a process of their own, where the same code runs.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.support.grammar import RECORDED

# Of tests/webapp/jobs and tests/playbooks: those that run playbooks, and stories that one driver tells.
_JOBS = "cancel doorbell forged_rings kills leases mistakes private_folder resuming runs"
_STORIES = "customer_rights interrupted_booking life_of_an_application logins resizing"
# By parameter, where one of its values is enough.
_ON_ONE = {
    "database_url": (
        "tests/webapp/pages/",
        "tests/webapp/api/",
        "tests/webapp/approvals/test_end_to_end.py",
        "tests/webapp/approvals/test_no_password_stays.py",
        "tests/webapp/pools/test_looking_end_to_end.py",
        *(f"tests/webapp/jobs/test_{name}.py" for name in _JOBS.split()),
    ),
    "driver": tuple(f"tests/playbooks/test_{name}.py" for name in _STORIES.split()),
}
_LONG = ("chaos", "matrix")  # markers, and the options that run what has them
# What starts processes: playbooks, engines, browsers, whole platforms; simulators for their own sake. What
# waits. And what goes through all there is: pages and roles, states and writes, pairs of options, templates
# and versions.
_NOT_QUICK = (
    "tests/demo/", "tests/end_to_end/", "tests/infrastructure/", "tests/molecule/", "tests/playbooks/",
    "tests/simulator/", "tests/verified/", "tests/webapp/commands/", "tests/webapp/jobs/",
    "tests/collection/test_action.py", "tests/collection/test_pairs_of_options.py",
    "tests/collection/test_platform_inventory.py", "tests/grammar/", "tests/webapp/api/test_inventory.py",
    "tests/webapp/approvals/test_no_password_stays.py", "tests/webapp/bookings/test_states.py",
    "tests/webapp/test_access_matrix.py", "tests/webapp/test_keys.py", "tests/webapp/test_migration",
    "tests/webapp/test_values.py", "tests/webapp/pages/jobs/test_stream.py",
)  # fmt: skip
_NOT_QUICK_FIXTURES = frozenset({"browser", "pages", "redis_server", "run_ansible", "town", "world"})
_NOT_QUICK_VALUES = frozenset({"postgresql", "freetds", "out_of_process"})


# For all of these one platform is started. They take longest, so they begin.
_TOGETHER = "tests/end_to_end/"
# Each takes long; what a few of their files start, each worker starts for itself.
_APART = ("tests/demo/", "tests/playbooks/", "tests/webapp/jobs/")


class _Scheduling(LoadScopeScheduling):
    """The tests of a file go to one of xdist's workers: what the file starts for them is started once.

    Not xdist's groups: with pytest 9.2, which keeps a test's name elsewhere, xdist 3.8 loses them in silence.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_TOGETHER):
            return _TOGETHER
        return nodeid if nodeid.startswith(_APART) else nodeid.partition("::")[0]


def pytest_configure(config: pytest.Config) -> None:
    """Give what names no data folder one that goes with the tests: the checkout's may be a platform's."""
    folder = tempfile.TemporaryDirectory(prefix="sqlhosting-data-")
    os.environ["SQLHOSTING_DATA_FOLDER"] = folder.name
    config.add_cleanup(folder.cleanup)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Who runs what."""
    return _Scheduling(config, log)


@pytest.fixture(scope="session", autouse=True)
def what_ran_is_t_sql() -> Iterator[None]:
    """At the end: what simulated instances took, and what journals hold, is T-SQL to Microsoft's grammars.

    The first fixture of all, so the last to end: when the simulators have stopped and their traces are read.
    """
    yield
    refused = RECORDED.refusals()
    assert not refused, "no T-SQL, though taken or planned:\n" + "\n".join(refused)


@pytest.fixture(scope="session")
def is_matrix(pytestconfig: pytest.Config) -> bool:
    """Whether every combination is asked for; else a test takes a part of what it would go through."""
    return bool(pytestconfig.getoption("--matrix"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--matrix``, ``--chaos`` and ``--quick``: see above."""
    parser.addoption("--matrix", action="store_true", help="every combination")
    parser.addoption("--chaos", action="store_true", help="only the long stories of killed processes")
    parser.addoption("--quick", action="store_true", help="only what needs no process of its own")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """``make quick`` does not even import what it leaves out."""
    if not config.getoption("--quick") or not collection_path.is_relative_to(config.rootpath):
        return None
    name = collection_path.relative_to(config.rootpath).as_posix()
    return f"{name}/".startswith(_NOT_QUICK) or name.startswith(_NOT_QUICK) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another combination of the same test stands for. The same in every xdist worker."""
    if config.getoption("--chaos"):
        return _keep(config, items, [item for item in items if item.get_closest_marker("chaos")])
    is_matrix = config.getoption("--matrix")
    wanted = {"matrix"} if is_matrix else set()
    kept = [item for item in items if wanted.issuperset(_markers(item))]
    if config.getoption("--quick"):
        kept = [item for item in kept if _is_quick(item)]
    elif not is_matrix:
        left_out = _left_out(kept)
        kept = [item for item in kept if item.nodeid not in left_out]
    return _keep(config, items, kept)


def _markers(item: pytest.Item) -> list[str]:
    return [name for name in _LONG if item.get_closest_marker(name)]


def _left_out(items: list[pytest.Item]) -> set[str]:
    """Of tests whose combinations stand for each other: all but one, chosen by the test's name."""
    variants: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        given = _parameters(item)
        free = {name for name, paths in _ON_ONE.items() if name in given and item.nodeid.startswith(paths)}
        if given.get("way") == "out_of_process" and "driver" in given:
            free.add("driver")
        if free:
            bound = sorted((name, repr(value)) for name, value in given.items() if name not in free)
            variants[f"{item.nodeid.partition('[')[0]} {bound}"].append(item)
    return {
        other.nodeid
        for name, same in variants.items()
        for at, other in enumerate(same)
        if at != zlib.crc32(name.encode()) % len(same)
    }


def _keep(config: pytest.Config, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    names = {item.nodeid for item in kept}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in names])
    items[:] = sorted(kept, key=lambda item: not item.nodeid.startswith(_TOGETHER))


def _is_quick(item: pytest.Item) -> bool:
    if "browser" in item.nodeid or "end_to_end" in item.nodeid:
        return False
    if _NOT_QUICK_FIXTURES.intersection(getattr(item, "fixturenames", ())):
        return False
    return not _NOT_QUICK_VALUES.intersection(map(str, _parameters(item).values()))


def _parameters(item: pytest.Item) -> dict[str, object]:
    call = getattr(item, "callspec", None)
    return dict(call.params) if call is not None else {}
