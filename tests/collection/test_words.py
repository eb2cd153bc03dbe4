"""What a module says of its changes: written once, fit for every place where it is read."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
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

MODULE_UTILS = Path("collections/sqlhosting/mssql/plugins/module_utils")
MAKERS = {"Change", "_setting", "_change", "_file_change"}  # each takes template and words first

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


def _written(node: ast.expr, function: ast.FunctionDef) -> Iterator[str]:
    """What a sentence is written as: ``drop login {}``; nothing of one that the function was given."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
        case ast.BinOp(left=left):
            yield from _written(left, function)
        case ast.IfExp(body=body, orelse=other):
            yield from _written(body, function)
            yield from _written(other, function)
        case ast.Name(id=name):
            for each in ast.walk(function):
                if isinstance(each, ast.Assign) and getattr(each.targets[0], "id", None) == name:
                    yield from _written(each.value, function)
        case _:
            raise AssertionError(f"words that are written elsewhere: {ast.unparse(node)}")


def _sentences() -> Iterator[tuple[str, str]]:
    """(template, words as they are written) of every change that the collection can send."""
    for path in sorted(MODULE_UTILS.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "id", None) in MAKERS:
                    for words in _written(node.args[1], function):
                        yield ast.unparse(node.args[0]), words
                elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "off.says":
                    for words in _written(node.value, function):
                        yield "off.says", words


def test_every_change_says_what_it_does_as_an_order_that_fits_a_plan() -> None:
    found = list(_sentences())
    assert len(found) > 25
    for template, words in found:
        assert re.match(r"[a-z]+(?<!ed) \S", words), (template, words)
        assert "[" not in words, (template, words)  # names go through named()
