"""The audit chain: every hash fits, no number is missing, whoever writes at the same time."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from webapp.audit.models import AuditEntry, AuditHead
from webapp.audit.operations import FIRST_HASH, Actor, entry_hash, record
from webapp.database import Database, without_nul

ACTOR = Actor("user", "admin@example.com", id="0" * 26, address="192.0.2.1")
WRITERS, EACH = 6, 10


def write(database: Database, count: int = 1, text: str = "x") -> None:
    """Entries in transactions of their own."""
    for number in range(count):
        with database.transaction() as session:
            record(session, ACTOR, "thing:made", object_kind="thing", object_name=text, number=number)


def assert_chained(database: Database) -> list[AuditEntry]:
    """Verify the chain from its first entry to its head; the entries."""
    with database.reading() as session:
        entries = list(session.scalars(select(AuditEntry).order_by(AuditEntry.number)))
        head = session.scalars(select(AuditHead)).one()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    previous = FIRST_HASH
    for entry in entries:
        assert entry.previous_hash == previous
        assert entry.hash == entry_hash(entry)
        previous = entry.hash
    assert (head.number, head.hash) == (len(entries), previous)
    return entries


def test_every_entry_is_bound_to_the_one_before(database: Database) -> None:
    with database.transaction() as session:
        for name in ("one", "zwei – 二", "<three>'\""):
            record(
                session, ACTOR, "thing:made", object_kind="thing", object_name=name, about={"a": [1, None]}
            )
    write(database, 2)
    entries = assert_chained(database)
    assert [entry.object_name for entry in entries[:3]] == ["one", "zwei – 二", "<three>'\""]
    assert entries[0].details == {"about": {"a": [1, None]}}
    assert entries[0].address == "192.0.2.1"


def test_writers_at_the_same_time_leave_no_gap(database: Database) -> None:
    problems: list[BaseException] = []

    def run(name: str) -> None:
        try:
            write(database, EACH, name)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=run, args=(f"writer {number}",)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    entries = assert_chained(database)
    assert len(entries) == WRITERS * EACH
    for number in range(WRITERS):
        mine = [e.details["number"] for e in entries if e.object_name == f"writer {number}"]
        assert mine == list(range(EACH))


def test_what_is_rolled_back_leaves_no_entry_and_no_gap(database: Database) -> None:
    write(database)
    with pytest.raises(RuntimeError, match="changed my mind"), database.transaction() as session:
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="never")
        raise RuntimeError("changed my mind")
    with database.session(writes=True) as session:
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="never")
        session.rollback()
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="after all")
        session.commit()
    write(database)
    assert [entry.object_name for entry in assert_chained(database)] == ["x", "after all", "x"]


def test_an_entry_noted_before_a_savepoint_that_is_given_up_is_kept(database: Database) -> None:
    with database.transaction() as session:
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="outside")
        savepoint = session.begin_nested()
        savepoint.rollback()
    assert [entry.object_name for entry in assert_chained(database)] == ["outside"]


def test_what_is_noted_within_a_savepoint_goes_with_it(database: Database) -> None:
    with database.transaction() as session:
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="outside")
        with session.begin_nested():
            record(session, ACTOR, "thing:made", object_kind="thing", object_name="kept")
        outer = session.begin_nested()
        with session.begin_nested():
            record(session, ACTOR, "thing:made", object_kind="thing", object_name="within both")
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="within one")
        outer.rollback()
        record(session, ACTOR, "thing:made", object_kind="thing", object_name="after")
    assert [entry.object_name for entry in assert_chained(database)] == ["outside", "kept", "after"]


@pytest.mark.parametrize("typed", ["C:\\u0000", "a\0b", {"a\0": ["\0", 1, {"b": "\\\\u0000"}]}, {7: "seven"}])
def test_whatever_people_type_fits_its_hash_when_it_is_read_again(database: Database, typed: object) -> None:
    with database.transaction() as session:
        record(session, ACTOR, "thing:made", object_kind="thing", typed=typed)
    (entry,) = assert_chained(database)
    assert entry.details["typed"] == without_nul(typed)
    assert "\0" not in str(entry.details)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor_name", "somebody@example.com"), ("action", "thing:unmade"), ("object_id", "1" * 26),
        ("details", {"number": 1}), ("address", None), ("previous_hash", "f" * 64),
    ],
)  # fmt: skip
def test_a_changed_entry_does_not_fit_its_hash(database: Database, column: str, value: object) -> None:
    write(database)
    with database.transaction() as session:
        setattr(session.scalars(select(AuditEntry)).one(), column, value)
    with database.reading() as session:
        entry = session.scalars(select(AuditEntry)).one()
    assert entry.hash != entry_hash(entry)
