"""Many at once in threads: who hangs delays nobody, and is given up in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._side_by_side import side_by_side
from ansible_collections.sqlhosting.mssql.plugins.module_utils.fleet.module import check, gathered

GOOD = {"module": "mssql_discover", "options": {}, "at_once": 20, "answer_timeout": 300}


def test_each_has_its_outcome() -> None:
    outcomes = dict(side_by_side(range(50), lambda number: lambda: number * 2, at_once=7))
    assert outcomes == {number: number * 2 for number in range(50)}


def test_no_more_run_at_once_than_allowed() -> None:
    running, most, lock = set(), [0], threading.Lock()
    pause = threading.Event()

    def prepare(number: int) -> Callable[[], None]:
        def work() -> None:
            with lock:
                running.add(number)
                most[0] = max(most[0], len(running))
            pause.wait(0.02)
            with lock:
                running.discard(number)

        return work

    assert len(list(side_by_side(range(12), prepare, at_once=3))) == 12
    assert most[0] == 3


def test_who_hangs_gives_its_place_to_others_and_is_given_up() -> None:
    release = threading.Event()

    def prepare(name: str) -> Callable[[], object]:
        return (lambda: release.wait(20)) if name.startswith("dead") else (lambda: "well")

    names = ["dead1", "dead2", "one", "two"]
    try:
        ended = list(side_by_side(names, prepare, at_once=2, patience_s=0.1, limit_s=0.6))
    finally:
        release.set()
    assert [name for name, _outcome in ended] == ["one", "two", "dead1", "dead2"]
    assert dict(ended) == {"one": "well", "two": "well", "dead1": None, "dead2": None}


@pytest.mark.parametrize(
    "wrong",
    [
        {"at_once": 0},
        {"at_once": 201},
        {"answer_timeout": -1},
        {"module": "mssql_quota", "options": {"enforce": True}},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    check(GOOD)
    with pytest.raises(InvalidInput):
        check({**GOOD, **wrong})


def test_what_the_answers_amount_to() -> None:
    answers = {
        "a": {"failed": False, "summary": "a: seen.", "statements": {"read": 11}},
        "b": {"failed": True, "summary": "b: nothing listens."},
    }
    result = gathered(answers, ["c"])
    assert result["failed_hosts"] == ["b"]
    assert result["statements"]["read"] == 11
    assert result["summary"] == "1 of 2 instances answered; no answer from b; not asked from here: c."


def test_who_reads_the_answers_elsewhere_gets_those_that_failed_alone() -> None:
    answers = {"a": {"failed": False, "summary": "seen"}, "b": {"failed": True, "summary": "silent"}}
    result = gathered(answers, [], returned="failed")
    assert set(result["answers"]) == {"b"}
    assert result["summaries"] == ["seen", "silent"]
