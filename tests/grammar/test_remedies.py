"""What is offered to be pasted is T-SQL as it stands: remedies, and what documents show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover.account import missing_rights

from tests.grammar.renderings import ODD_NAMES
from tests.support.grammar import VERSIONS, refusals
from tests.support.simulators import ROOT, Instance, Simulator, connect, running_simulator

PLUGINS = ROOT / "collections/sqlhosting/mssql/plugins"
CONTAINED = "EXEC sp_configure N'contained database authentication', 1; RECONFIGURE;"
_STATEMENT = re.compile(
    r"(?:ALTER|BACKUP|CREATE|DBCC|DENY|DROP|EXEC|GRANT|KILL|RECONFIGURE|RESTORE|REVOKE|SELECT|SET|USE) "
)
_SHOWN = re.compile(r"^```(?:sql|tsql)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def written_in(path: Path) -> Iterator[str]:
    """The remedies in a source file that begin like a statement; ``x`` for what f-strings print."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        given: list[ast.expr] = []
        if isinstance(node, ast.keyword) and node.arg == "remedy":
            given = [node.value]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            given = [v for key, v in pairs if isinstance(key, ast.Constant) and key.value == "remedy"]
        for text in map(_text, given):
            if _STATEMENT.match(text):
                yield text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(p.value) if isinstance(p, ast.Constant) else "x" for p in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_remedies_that_begin_like_a_statement_are_statements() -> None:
    written = {text for path in sorted(PLUGINS.rglob("*.py")) for text in written_in(path)}
    assert CONTAINED in written
    assert "GRANT x TO [x];" in written
    written = {text.replace("GRANT x TO", "GRANT ALTER ANY LOGIN TO") for text in written}
    for version in VERSIONS:
        assert refusals(written, version) == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_right_can_be_granted_to_an_odd_name(version: str) -> None:
    major = {"2019": 15, "2022": 16, "2025": 17}[version]
    remedies = [each["remedy"] for name in ODD_NAMES for each in missing_rights({}, name, major)]
    assert len(remedies) > 50
    assert refusals(remedies, version) == {}


def test_documents_show_t_sql() -> None:
    shown = [
        text
        for folder in (ROOT / "docs", ROOT / "roles", PLUGINS.parent)
        for path in sorted(folder.rglob("*.md"))
        for text in _SHOWN.findall(path.read_text(encoding="utf-8"))
    ]
    assert refusals(shown, "2025") == {}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with running_simulator({"instances": [{"name": "a"}]}, folder=tmp_path_factory.mktemp("r")) as running:
        yield running


def test_the_remedy_for_contained_databases_runs_and_helps(simulator: Simulator) -> None:
    instance: Instance = simulator.instances["a"]
    with connect(instance) as opened:
        opened.execute(CONTAINED)
        opened.execute("CREATE DATABASE kept CONTAINMENT = PARTIAL")
