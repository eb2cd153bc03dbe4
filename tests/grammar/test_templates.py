"""The shipped T-SQL templates are T-SQL of every supported version, to Microsoft's own grammars."""

from __future__ import annotations

import pytest

from tests.grammar import renderings
from tests.support.changes import TEMPLATES
from tests.support.grammar import VERSIONS, Recorder, refusals, with_named_parameters

ALL = sorted(str(path.relative_to(TEMPLATES)).removesuffix(".sql.j2") for path in TEMPLATES.rglob("*.sql.j2"))


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [text for template in ALL for text in renderings.of_template(template)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_template_is_t_sql_with_odd_names_and_all_options(texts: list[str], version: str) -> None:
    assert len(texts) > 1000
    assert refusals(texts, version) == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_grammar_sees_what_is_wrong_among_much_that_is_right(texts: list[str], version: str) -> None:
    wrong = [
        "SELECT 1 FROM",
        "ALTER LOGIN a WITH SID = 0x01",
        "SELECT 'a' COLLATE [Latin1_General_CI_AS]",
        "USE [a",
    ]
    found = refusals([*texts[:500], *wrong, *texts[500:600], "SELECT   1"], version)
    assert sorted(found) == sorted(wrong)
    assert all(why[0].isdigit() for why in found.values())


def test_each_version_has_a_grammar_of_its_own() -> None:
    statement = "SELECT 1 FROM a WINDOW w AS (ORDER BY b)"  # 2022 and later
    assert [bool(refusals([statement], version)) for version in VERSIONS] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("SELECT ?, '?', [?]", "SELECT @p1, '?', [?]"),
        ("SELECT N'it''s ?' -- ?\n, ?", "SELECT N'it''s ?' -- ?\n, @p1"),
        ('SELECT "?" /* ? */', 'SELECT "?" /* ? */'),
    ],
)
def test_only_parameters_are_renamed(text: str, named: str) -> None:
    assert with_named_parameters(text) == named


def test_what_was_taken_and_is_no_t_sql_is_told() -> None:
    recorder = Recorder()
    line = {"instance": "a", "outcome": "ok", "fault": None}
    recorder.note_trace(
        [{**line, "text": "SELECT FROM"}, {**line, "text": "x y z", "fault": "f"}], {"a": "16.0.4135.4"}
    )
    recorder.note_journal([{"event": "planned", "text": "DROP LOGIN ?"}, {"event": "outcome"}])
    told = [each.split("\n    ") for each in recorder.refusals()]
    assert [text for _, text in told] == ["DROP LOGIN ?", "DROP LOGIN ?", "SELECT FROM", "DROP LOGIN ?"]
    assert told[2][0] == "SQL Server 2022, 1:8: Incorrect syntax near 'FROM'. (error 46010)"
