"""What a module says of its changes: written once, fit for every place where it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils._change import (
    Change,
    apply_changes,
    named,
    summarise,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._journal import Journal, parse_lines
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext, Session
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates
from ansible_collections.sqlhosting.mssql.plugins.module_utils.tsql import Secret

NAMES = {
    "shop": "`shop`",
    "a]b": "`a]b`",
    "a`, drop `b": "`a', drop 'b`",
    "{{ 7 * 7 }}": "`{ { 7 * 7 }}`",
    "{% x %}{# y #}": "`{ % x %}{ # y #}`",
    "a\nb": "`a\\u000ab`",
    "a\u202eb": "`a\\u202eb`",
    "Größe 1": "`Größe 1`",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=ascii)
def test_a_name_is_on_one_line_and_is_neither_markup_nor_code(name: str, shown: str) -> None:
    assert named(name) == shown


def test_the_same_words_serve_before_and_after() -> None:
    changes = [Change("database/drop", "drop database `a`", name="a")]
    assert summarise("It", changes, [], check_mode=True) == "It would change: drop database `a`."
    assert summarise("It", changes, [], check_mode=False) == "It changed: drop database `a`."


@pytest.mark.parametrize(
    ("change", "about"),
    [
        (Change("database/drop", "", name="a"), "database:a"),
        (Change("database/drop", "", object="snapshot:a", name="a"), "snapshot:a"),
        (Change("user/grant", "", database="a/b", user="u"), "user:a/b/u"),
        (Change("new/thing", ""), None),
    ],
)
def test_a_change_knows_what_it_is_about(change: Change, about: str | None) -> None:
    assert change.object == about


def _planned(tmp_path: Path, change: Change, **options: Any) -> dict[str, Any]:
    """The journal's line of ``change`` in check mode, where no server is needed."""
    folder = tmp_path / "templates" / "new"
    folder.mkdir(parents=True)
    (folder / "thing.sql.j2").write_text("ALTER THING {{ name|ident }} WITH P = {{ p|secret('pw') }}")
    journal = tmp_path / "journal.jsonl"
    context = RunContext(
        journal=Journal(str(journal), "R1"),
        templates=FolderTemplates(str(tmp_path / "templates")),
        check_mode=True,
    )
    given = {"login_host": "h", "login_port": 1433, "login_instance": None, "login_database": "master"}
    apply_changes(Session({**given, **options}, context), [change], {})
    (line,) = parse_lines(journal.read_bytes())
    return line


def test_a_statement_that_nobody_has_met_is_in_the_journal_with_its_words(tmp_path: Path) -> None:
    line = _planned(tmp_path, Change("new/thing", "alter thing `a`", name="a", p=Secret("plan-ted")))
    assert (line["words"], line["object"]) == ("alter thing `a`", "new:a")
    assert "creates" not in line


def test_a_secret_in_words_is_masked_and_a_name_that_is_a_password_elsewhere_is_not(tmp_path: Path) -> None:
    careless = "alter thing `shop` with plan-ted and pool-secret"
    change = Change("new/thing", careless, name="shop", p=Secret("plan-ted"))
    line = _planned(tmp_path, change, login_password="pool-secret")
    assert line["words"] == "alter thing `shop` with <secret> and <secret>"
    assert "plan-ted" not in json.dumps(line)


def test_a_name_that_is_also_the_password_stays_readable(tmp_path: Path) -> None:
    line = _planned(tmp_path, Change("new/thing", "alter thing `shop`", name="shop", p=Secret("shop")))
    assert line["words"] == "alter thing `shop`"
