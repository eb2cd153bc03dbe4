"""How a limit becomes MAXSIZE and how use is judged: the decisions of mssql_quota, as tables."""

from __future__ import annotations

import json

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._sizes import format_mib
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.decide import (
    QuotaFile,
    apply_to_files,
    decide_limit,
    percent_of,
    room_problem,
    shares,
    status_of,
    worst_of,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.options import Wish
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota.report import (
    Measured,
    entry_of,
    fit_entries,
)

PAGES = 128  # in a MiB
GIB = 1024**3


def file(
    size_mib: float, *, max_mib: int | None = None, growth_mib: int = 64, kind: str = "data", **more
) -> QuotaFile:
    """A file as sys.master_files would tell it; ``max_mib`` None is unlimited."""
    row = {
        "file_type": 0 if kind == "data" else 1,
        "file_name": more.pop("name", "shop"),
        "physical_name": more.pop("path", "/var/opt/mssql/data/shop.mdf"),
        "size": int(size_mib * PAGES),
        "max_size": -1 if max_mib is None else max_mib * PAGES,
        "growth": growth_mib * PAGES,
        "is_percent_growth": False,
    }
    return QuotaFile({**row, **more})


def shown(changes: list) -> list[str]:
    return [
        f"{change.values['file']} "
        + (
            f"max {change.values['max_mib']}"
            if "max_mib" in change.values
            else f"growth {change.values['growth']}"
        )
        for change in changes
    ]


@pytest.mark.parametrize(
    ("used", "limit", "status"),
    [
        (0, 100, "ok"),
        (79.9, 100, "ok"),
        (80, 100, "warning"),
        (94.99, 100, "warning"),
        (95, 100, "critical"),
        (99.99, 100, "critical"),
        (100, 100, "exceeded"),
        (101, 100, "exceeded"),
        (None, 100, "unknown"),
        (50, None, "ok"),
        (None, None, "ok"),
    ],
)
def test_use_is_judged_by_the_limit(used: float | None, limit: float | None, status: str) -> None:
    assert status_of(used, limit, warning=80, critical=95) == status


def test_large_sizes_are_written_out() -> None:
    assert format_mib(1048575) == "1048575MiB"
    assert format_mib(16 * 1024 * 1024) == "16TiB"


def test_a_percentage_is_rounded_down_so_that_it_never_shows_a_threshold_that_is_not_reached() -> None:
    assert percent_of(94.999, 100) == 94.9
    assert percent_of(None, 100) is None
    assert percent_of(1, None) is None


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], "ok"),
        (["ok", "unknown"], "unknown"),
        (["unknown", "warning"], "warning"),
        (["critical", "exceeded", "ok"], "exceeded"),
    ],
)
def test_what_is_unknown_is_worse_than_ok_but_hides_no_alarm(statuses: list[str], worst: str) -> None:
    assert worst_of(statuses) == worst


@pytest.mark.parametrize(
    ("files", "limit_mib", "expected"),
    [
        # one file takes the whole limit
        ([file(64)], 1024, [1024]),
        # equal shares, the remainder to the first files
        ([file(64), file(64), file(64)], 1000, [334, 333, 333]),
        # a file with more than its share keeps what it has, the others share the rest
        ([file(600), file(64), file(64)], 1000, [600, 200, 200]),
        # below what is allocated: every file keeps what it has
        ([file(600), file(500)], 1000, [600, 500]),
        # a file that does not grow keeps its size, rounded up to whole MiB
        ([file(99.5, growth_mib=0), file(64)], 1000, [100, 900]),
        # none grows: all take part
        ([file(100, growth_mib=0), file(100, growth_mib=0)], 1000, [500, 500]),
        # a page more than 64 MiB counts as 65
        ([file(64 + 1 / PAGES)], 64, [65]),
    ],
)
def test_a_limit_is_shared_by_the_files_and_never_takes_what_they_have(
    files: list[QuotaFile], limit_mib: int, expected: list[int]
) -> None:
    assert shares(files, limit_mib) == expected


@pytest.mark.parametrize(
    ("files", "limit_mib", "expected"),
    [
        ([file(64)], 1024, ["shop max 1024"]),
        ([file(64, max_mib=1024)], 1024, []),
        ([file(64, max_mib=1024)], 2048, ["shop max 2048"]),
        ([file(64, max_mib=2048)], 1024, ["shop max 1024"]),
        # growth first: a FILEGROWTH above MAXSIZE is refused (5169)
        ([file(64, max_mib=2048, growth_mib=512)], 256, ["shop growth 64", "shop max 256"]),
        ([file(8, growth_mib=64)], 32, ["shop growth 32", "shop max 32"]),
        # growth in percent is no size
        ([file(64, growth=10, is_percent_growth=True)], 128, ["shop max 128"]),
        # never below what is allocated
        ([file(512)], 100, ["shop max 512"]),
        ([file(512, max_mib=512)], 100, []),
        # a split by hand whose sum is the limit stays
        ([file(64, max_mib=700, name="a"), file(64, max_mib=300, name="b")], 1000, []),
        (
            [file(64, max_mib=700, name="a"), file(64, max_mib=400, name="b")],
            1000,
            ["a max 500", "b max 500"],
        ),
        ([file(64, name="a", growth_mib=0), file(64, name="b")], 1000, ["b max 936"]),
        # a log without a maximum ends at 2 TiB, which the catalog writes in two ways
        ([file(64, kind="log")], 2 * 1024 * 1024, []),
        ([file(64, kind="log", max_size=268435456)], 2 * 1024 * 1024, []),
        ([file(64, kind="log", max_size=268435456)], 2048, ["shop max 2048"]),
        # "no growth" (0) is not a limit
        ([file(64, max_size=0)], 128, ["shop max 128"]),
    ],
)
def test_only_what_differs_is_changed_and_the_second_time_nothing(
    files: list[QuotaFile], limit_mib: int, expected: list[str]
) -> None:
    changes = decide_limit("shop", files, limit_mib)
    assert shown(changes) == expected
    apply_to_files(files, changes)
    assert decide_limit("shop", files, limit_mib) == []


def test_an_equal_share_stays_when_files_grow_within_it() -> None:
    files = [file(64, name="a"), file(64, name="b")]
    apply_to_files(files, decide_limit("shop", files, 1000))
    files[0].pages = 480 * PAGES
    assert decide_limit("shop", files, 1000) == []


@pytest.mark.parametrize(
    ("free_gib", "problem"),
    [(50, False), (10, True), (None, False)],
)
def test_a_limit_beyond_the_volume_is_noticed(free_gib: int | None, problem: bool) -> None:
    free = None if free_gib is None else free_gib * GIB
    files = [file(1024, available_bytes=free), file(1024, name="b", available_bytes=free)]
    found = room_problem("data", files, 20 * 1024)
    assert (found is not None) is problem
    if found:
        assert found == (
            "the data limit 20GiB needs 18GiB more on /var/opt/mssql/data/, where 10GiB are free"
        )


def entry(number: int, *, used_mib: int = 1) -> dict:
    row = {"name": f"customer_{number:04}_orders", "state_desc": "ONLINE", "log_reuse_wait_desc": "NOTHING"}
    database = Measured(row, Wish(None, {"data": 1024, "log": 512}))
    database.files = {"data": [file(64, max_mib=1024)], "log": [file(64, max_mib=512, kind="log")]}
    database.used = {"data": used_mib * PAGES, "log": 80}
    return entry_of(database, {"warning_percent": 80, "critical_percent": 95})


@pytest.mark.parametrize(("count", "complete"), [(1000, True), (2000, False), (5000, False)])
def test_the_result_stays_well_below_what_ansible_runner_empties(count: int, complete: bool) -> None:
    entries = [entry(number, used_mib=1000 if number % 100 == 0 else 1) for number in range(count)]
    found, omitted = fit_entries(entries)
    assert len(json.dumps(found)) <= 500_000
    assert (omitted == []) is complete
    assert [e["name"] for e in found if e["status"] == "critical"] == [
        e["name"] for e in entries if e["status"] == "critical"
    ]
    assert complete or len(found) == (2000 if count == 2000 else count // 100)
