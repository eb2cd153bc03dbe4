"""What reaches an instance is what was asked for and approved, whatever somebody does to the database.

Generated: for each column of each table a changed, a swapped, an older and a missing value, each row removed,
inserted once more and put back as it was before, before each step of a request. SQLHOSTING_TAMPERING=all runs
all of it; otherwise a part that is always the same.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.portal import Portal, settings_for
from tests.webapp.tampering.changes import Change, ImpossibleError, apply, changes
from tests.webapp.tampering.world import STEPS, Outcome, World

ALL = os.environ.get("SQLHOSTING_TAMPERING") == "all"
SHARDS = 4
# They hold up everything, and are noticed by ``sqlhosting audit verify``: the audit's next number is taken.
HOLD_UP = {("audit_entries", "inserted"), ("audit_entries", "changed"), ("audit_head", "changed")}


@pytest.fixture(params=[False, True], ids=["approved by a person", "approved by a policy"])
def world(request: pytest.FixtureRequest, migrated_sqlite: Path, tmp_path: Path) -> Iterator[World]:
    """A request that goes through when nobody does anything."""
    file = tmp_path / "platform.db"
    file.write_bytes(migrated_sqlite.read_bytes())
    portal = Portal(settings_for(f"sqlite:///{file}", data_folder=tmp_path / "data"))
    yield World(portal, tmp_path, is_trusted=request.param)
    portal.close()


def cases(world: World, shard: int) -> Iterator[tuple[str, Change]]:
    """Each change with the step before which it is made; without ALL, one step for each."""
    for at, step in enumerate(STEPS):
        for change in changes(world.snapshot(step), None):
            number = zlib.crc32(f"{change.table}{change.column}{change.kind}".encode())
            if number % SHARDS == shard and (ALL or (number // SHARDS + at) % len(STEPS) == 0):
                yield step, change


@pytest.mark.parametrize("shard", range(SHARDS) if ALL else [0])
def test_nothing_but_what_was_approved_reaches_an_instance(world: World, shard: int) -> None:
    wrong, counts = [], Counter[str]()
    for step, change in cases(world, shard):
        world.put_back(step)
        at = STEPS.index(step)
        try:
            apply(change, world.file, world.snapshot(STEPS[max(0, at - 1 - at // 3)]) if at else None)
        except ImpossibleError:
            counts["impossible"] += 1
            continue
        outcome = world.go_on(step)
        if outcome.fault and "IntegrityError" in outcome.fault and (change.table, change.kind) in HOLD_UP:
            counts["hold-up"] += 1
            continue
        counts[verdict(outcome)] += 1
        if problem := wrong_with(outcome, world.expected):
            wrong.append(f"before {step}: {change}: {problem}")
    print(f"\ntampering shard={shard} trusted={world.is_trusted} {dict(counts)}")
    assert not wrong, "\n".join(wrong)
    assert counts["refused"] > 20
    assert counts["as approved"] > 20


def verdict(outcome: Outcome) -> str:
    """In a word."""
    return "fault" if outcome.fault else "refused" if outcome.refused else "as approved"


def wrong_with(outcome: Outcome, expected: Outcome) -> str | None:
    """What is wrong with an outcome; None: it is as approved, or refused in words."""
    if outcome.fault:
        return f"a fault: {outcome.fault[:300]}"
    if outcome.stolen:
        return f"somebody else was shown the password of {outcome.stolen}"
    if outcome.refused:
        return None if len(outcome.refused.split()) > 3 else f"refused without words: {outcome.refused}"
    for name in ("statements", "inventory", "variables", "connection", "password_is_own"):
        got, wanted = getattr(outcome, name), getattr(expected, name)
        if got != wanted:
            return f"{name}: {str(got)[:300]} instead of {str(wanted)[:300]}"
    return None
