"""The journal file: order, durability of lines, torn lines, many writers."""

from __future__ import annotations

import json
import multiprocessing
import resource
import signal
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import JournalUnavailable
from ansible_collections.sqlhosting.mssql.plugins.module_utils._journal import (
    Journal,
    count,
    default_path,
    new_ulid,
    parse_lines,
    utc_now,
)


def _line(event: str = "intent", **more: Any) -> dict[str, Any]:
    return {"event": event, "statement_id": new_ulid(), "kind": "read", "instance": "a,1", **more}


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_numbered_and_carry_the_run(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "folder/j.jsonl"), "R1")
    for _ in range(3):
        journal.append(_line())
    assert [(line["seq"], line["run"]) for line in _lines(tmp_path / "folder/j.jsonl")] == [
        (1, "R1"),
        (2, "R1"),
        (3, "R1"),
    ]


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    Journal(str(tmp_path / "j.jsonl"), "R1").append(_line())
    assert (tmp_path / "j.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_second_run_goes_on_counting_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(str(path), "R1").append(_line())
    Journal(str(path), "R2").append(_line())
    assert [(line["seq"], line["run"]) for line in _lines(path)] == [(1, "R1"), (2, "R2")]


def test_a_torn_last_line_is_closed_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    Journal(str(path), "R1").append(_line())
    with path.open("ab") as file:
        file.write(b'{"event": "outcome", "statement_id": "01TORN')
    journal = Journal(str(path), "R1")
    journal.append(_line())
    journal.append(_line())
    raw = path.read_bytes().split(b"\n")
    assert raw[1].endswith(b"01TORN")
    assert [line["seq"] for line in parse_lines(path.read_bytes())] == [1, 2, 3]


def _append_many(path: str, barrier: Any) -> None:
    journal = Journal(path, "R1")
    barrier.wait()
    for _ in range(50):
        journal.append(_line(text="x" * 3000))


def test_many_processes_append_without_losing_or_mixing_lines(tmp_path: Path) -> None:
    path = str(tmp_path / "j.jsonl")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    writers = [context.Process(target=_append_many, args=(path, barrier)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = _lines(Path(path))
    assert [line["seq"] for line in lines] == list(range(1, 201))
    assert len({line["statement_id"] for line in lines}) == 200


@pytest.mark.parametrize("path", ["/proc/nowhere/j.jsonl", "/dev/full"])
def test_a_journal_that_cannot_be_written_is_an_error(path: str) -> None:
    with pytest.raises(JournalUnavailable) as caught:
        Journal(path, "R1").append(_line())
    assert path in str(caught.value)
    assert "Nothing is sent without it" in str(caught.value)


def _write_up_to_the_limit(path: str, answer: Any) -> None:

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    journal = Journal(path, "R1")
    journal.append(_line())
    whole = Path(path).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 20, whole + 20))  # the next line fits only in part
    try:
        journal.append(_line())
    except JournalUnavailable as exc:
        answer.put((str(exc), Path(path).stat().st_size == whole))


def test_a_disk_that_fills_up_within_a_line_leaves_no_half_line(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    writer = context.Process(target=_write_up_to_the_limit, args=(str(tmp_path / "j.jsonl"), answer))
    writer.start()
    message, unchanged = answer.get(timeout=20)
    writer.join()
    assert "No space left" in message
    assert unchanged


def test_a_journal_that_somebody_shortened_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    journal = Journal(str(path), "R1")
    journal.append(_line())
    path.write_bytes(b"")
    with pytest.raises(JournalUnavailable, match="shortened"):
        journal.append(_line())


def test_a_fresh_journal_does_not_follow_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "trap").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalUnavailable):
        Journal(str(tmp_path / "trap"), "R1", fresh=True).append(_line())
    assert not (tmp_path / "elsewhere").exists()


def test_what_a_run_has_planned_and_used_is_known_to_its_other_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "j.jsonl")
    writer, reader = Journal(path, "R1"), Journal(path, "R1")
    writer.append(_line("planned", kind="change", creates="database:shop"))
    writer.append(_line("intent", kind="change", plan_position=3))
    Journal(path, "R2").append(_line("planned", kind="change", creates="database:other"))
    assert reader.planned_things() == [("a,1", "database:shop")]
    assert reader.plan_position("a,1") == 3
    assert reader.plan_position("b,1") == -1


def test_lines_from_another_machine_get_this_journals_numbers(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "j.jsonl"), "R1")
    journal.append(_line())
    journal.adopt([_line(seq=1, run="R1", at="then"), _line(seq=2, run="R1", at="later")])
    assert [(line["seq"], line.get("at")) for line in _lines(tmp_path / "j.jsonl")] == [
        (1, None),
        (2, "then"),
        (3, "later"),
    ]


def test_statements_are_counted_by_what_became_of_them() -> None:
    lines = [
        _line("intent", statement_id="1"),
        _line("outcome", statement_id="1", status="ok"),
        _line("intent", statement_id="2", kind="change"),
        _line("outcome", statement_id="2", status="error"),
        _line("intent", statement_id="3", kind="change"),
        _line("planned", statement_id="4", kind="change"),
    ]
    assert count(lines) == {"read": 1, "change": 2, "planned": 1, "failed": 1, "unknown": 1}


def test_ids_sort_by_time_and_times_are_utc() -> None:
    first = new_ulid()
    assert len(first) == 26
    assert first[:8] <= new_ulid()[:8]
    assert utc_now().endswith("Z")


def test_the_default_path_names_the_playbook_and_the_process() -> None:
    path = default_path("/srv/x", "book application", 4711)
    assert path.startswith("/srv/x/.artifacts/journals/2")
    assert path.endswith("Z-book_application-4711.jsonl")
