"""Run the collection's modules in this process, as tasks of one playbook run with one journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal
from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import run_module
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates

from tests.support.grammar import RECORDED
from tests.support.modules import login_options, module_code
from tests.support.simulators import Instance


class Tasks:
    """One playbook run: its tasks share a journal, in which ``planned`` and ``sent`` look."""

    def __init__(self, instance: Instance, driver: str, folder: Path, **options: Any) -> None:
        self.options = login_options(instance, driver, **options)
        self.run_id = _journal.new_ulid()
        self.journal = folder / f"{self.run_id}.jsonl"

    def __call__(
        self,
        module: str,
        *,
        check_mode: bool = False,
        diff: bool = True,
        templates_folder: Path | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """The result of one task, a failed one included. ``templates_folder`` is looked into first."""
        code = module_code(module)
        context = RunContext(
            journal=_journal.Journal(str(self.journal), self.run_id),
            templates=FolderTemplates(templates_folder and str(templates_folder)),
            check_mode=check_mode,
            diff_mode=diff,
            pause=lambda _seconds: None,
        )
        raw = {**self.options, **options}
        result: dict[str, Any] = run_module(code.ARGUMENT_SPEC, code.SPEC_RULES, code.run, raw, context)
        RECORDED.note_journal(self._all())
        return result

    def lines(self, event: str, kind: str = "change") -> list[dict[str, Any]]:
        """The journal's lines of one event."""
        return [line for line in self._all() if line["event"] == event and line["kind"] == kind]

    def _all(self) -> list[dict[str, Any]]:
        if not self.journal.exists():
            return []
        return [json.loads(line) for line in self.journal.read_text(encoding="utf-8").splitlines()]

    def planned(self) -> list[tuple[str, str, str]]:
        """(database, text, sha256) of what check mode would have sent."""
        return [(line["database"], line["text"], line["sha256"]) for line in self.lines("planned")]

    def sent(self) -> list[tuple[str, str, str]]:
        """(database, text, sha256) of the changing statements that were sent."""
        return [(line["database"], line["text"], line["sha256"]) for line in self.lines("intent")]


class Both:
    """Runs a task in check mode and then for real, and asserts that both tell the same."""

    def __init__(self, instance: Instance, driver: str, folder: Path) -> None:
        self.instance, self.driver, self.folder = instance, driver, folder

    def tasks(self, **options: Any) -> Tasks:
        """A playbook run of its own; ``options`` are connection options."""
        return Tasks(self.instance, self.driver, self.folder, **options)

    def __call__(self, module: str, **options: Any) -> tuple[dict[str, Any], list[str]]:
        """The real run's result, and the changing statements that it sent."""
        rehearsal, real = self.tasks(), self.tasks()
        expected = rehearsal(module, check_mode=True, **options)
        assert not rehearsal.sent()
        result = real(module, **options)
        for key in ("failed", "changed"):
            assert expected[key] == result[key], (expected, result)
        if not result["failed"]:
            assert rehearsal.planned() == real.sent()
            assert expected["statements"]["planned"] == result["statements"]["change"] == len(real.sent())
            assert result["changed"] is bool(real.sent())
        return result, [text for _database, text, _hash in real.sent()]
