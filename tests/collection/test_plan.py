"""The approved plan: what is not next in it is refused; what was altered is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import PlanRefused
from ansible_collections.sqlhosting.mssql.plugins.module_utils._plan import Plan, load_plan, plan_hash

from webapp.statements import plan as portal_plan


def statement(text: str, *, instance: str = "a,1", database: str = "master") -> dict[str, Any]:
    return {
        "instance": instance,
        "database": database,
        "template": "x/y",
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "text": text,
    }


PLAN = Plan(
    [
        statement("A"),
        statement("B"),
        statement("A"),
        statement("C", database="shop"),
        statement("A", instance="b,1"),
    ]
)


def _position(text: str, *, after: int, instance: str = "a,1", database: str = "master") -> int:
    wanted = statement(text)["sha256"]
    return PLAN.position_of(instance=instance, database=database, sha256=wanted, after=after)


def test_statements_pass_in_order_and_those_already_in_effect_are_skipped() -> None:
    assert _position("A", after=-1) == 0
    assert _position("B", after=-1) == 1
    assert _position("A", after=0) == 2
    assert _position("C", after=0, database="shop") == 3
    assert _position("A", after=-1, instance="b,1") == 4


@pytest.mark.parametrize(
    ("text", "after", "place", "says"),
    [
        ("Z", -1, {}, "does not hold this statement"),
        ("B", 1, {}, "only earlier"),
        ("B", -1, {"database": "shop"}, "does not hold this statement"),
        ("B", -1, {"instance": "b,1"}, "does not hold this statement"),
        ("A", 2, {}, "only earlier"),
    ],
)
def test_anything_else_is_refused(text: str, after: int, place: dict[str, str], says: str) -> None:
    with pytest.raises(PlanRefused, match=says) as caught:
        _position(text, after=after, **place)
    assert not caught.value.retryable


def test_a_rehearsal_may_skip_but_not_add_or_reorder() -> None:
    assert PLAN.differences([]) == []
    assert PLAN.differences([statement("B"), statement("A", instance="b,1"), statement("A")]) == []
    found = PLAN.differences([statement("B"), statement("D"), statement("B")])
    assert [(d["text"], d["reason"].split(" this")[0]) for d in found] == [
        ("D", "the approved plan does not hold"),
        ("B", "the approved plan holds"),
    ]


def _write(path: Path, **changes: Any) -> str:
    data = {"version": 1, "hash": PLAN.hash, "statements": PLAN.statements, **changes}
    path.write_text(json.dumps(data))
    return str(path)


def test_a_plan_file_is_read_back(tmp_path: Path) -> None:
    assert load_plan(_write(tmp_path / "plan.json")).statements == PLAN.statements


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"statements": PLAN.statements[:-1]}, "altered"),
        (
            {"statements": [{**PLAN.statements[0], "text": "DROP"}, *PLAN.statements[1:]]},
            "text and its sha256 differ",
        ),
        ({"statements": [{**PLAN.statements[0], "instance": "z,1"}, *PLAN.statements[1:]]}, "altered"),
        ({"hash": "0" * 64}, "altered"),
        ({"version": 2}, "version 2"),
        ({"statements": [{"instance": "a"}]}, "is not a plan"),
        ({"statements": None}, "is not a plan"),
    ],
)
def test_a_plan_that_was_altered_is_refused(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanRefused, match=says):
        load_plan(_write(tmp_path / "plan.json", **changes))


def test_a_plan_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken").write_text("{")
    for path in (tmp_path / "missing", tmp_path / "broken", tmp_path):
        with pytest.raises(PlanRefused, match="cannot be read"):
            load_plan(str(path))


def test_the_portal_and_the_modules_hash_alike() -> None:
    assert portal_plan.plan_hash(PLAN.statements) == plan_hash(PLAN.statements) == PLAN.hash
