# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: journal
type: aggregate
short_description: Gives each run its journal of statements and says at the end where it is
version_added: 0.1.0
description:
  - Sets E(SQLHOSTING_RUN) and E(SQLHOSTING_JOURNAL) for the run unless they are set already, so that all
    modules of the collection append to one file, and prints one line at the end with the file and its counts.
  - Names each task that failed after it had sent changing statements. Ansible's recap counts such a task as
    failed only, not as changed.
  - With C(--check) it prints every planned statement before that line.
  - The file is C(.artifacts/journals/<UTC time>-<playbook>-<pid>.jsonl) beside the C(ansible.cfg) in use, or
    in the current folder. It is made when the first statement is journalled.
  - Never makes a run fail.
requirements:
  - enable it with C(callbacks_enabled = sqlhosting.mssql.journal) in C(ansible.cfg)
author:
  - The sqlhosting project (@sqlhosting)
"""

import os

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._warm import learn, warm

_ADHOC = "__adhoc_playbook__"  # ansible's name for the playbook behind the ansible command


class CallbackModule(CallbackBase):
    """One journal per run, one line at its end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "sqlhosting.mssql.journal"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments, **keywords) -> None:
        super().__init__(*arguments, **keywords)
        self._half_done: list = []

    def v2_playbook_on_start(self, playbook) -> None:
        """Ansible's workers are forks of this process: they inherit what is set here."""
        try:
            name = os.path.splitext(os.path.basename(str(playbook._file_name or "")))[0]
            _begin(name if name and name != _ADHOC else "ansible")
        except Exception as exc:  # a callback that raises would be switched off, or break the run
            self._display.warning(f"sqlhosting.mssql.journal: {type(exc).__name__}: {exc}")

    def v2_playbook_on_task_start(self, task, is_conditional) -> None:
        """Before the workers of a task are forked: do once what each of them would do."""
        del is_conditional
        try:
            warm(task.resolved_action or task.action)
        except Exception as exc:
            self._display.warning(f"sqlhosting.mssql.journal: {type(exc).__name__}: {exc}")

    def v2_runner_on_ok(self, result) -> None:
        """The forks of later tasks inherit what this one had to load."""
        try:
            found = getattr(result, "result", None) or result._result
            task = getattr(result, "task", None) or result._task
            learn(task.resolved_action or task.action, found)
        except Exception as exc:
            self._display.warning(f"sqlhosting.mssql.journal: {type(exc).__name__}: {exc}")

    def v2_runner_on_failed(self, result, ignore_errors=False) -> None:
        """Remember what was sent before a failure; a looped task tells it by item."""
        del ignore_errors
        try:
            found = getattr(result, "result", None) or result._result
            host = getattr(result, "host", None) or result._host
            task = getattr(result, "task", None) or result._task
            sent = changes_sent(found)
            if sent and found.get("changed"):
                self._half_done.append(half_done_line(host.get_name(), task.get_name(), sent))
        except Exception as exc:
            self._display.warning(f"sqlhosting.mssql.journal: {type(exc).__name__}: {exc}")

    def v2_playbook_on_stats(self, stats) -> None:
        """The plan of a run with ``--check``; the last line of every run."""
        del stats
        try:
            if context.CLIARGS.get("check"):
                for text in planned_texts(
                    os.environ[_journal.JOURNAL_VARIABLE], os.environ[_journal.RUN_VARIABLE]
                ):
                    self._display.display(text)
            for each in self._half_done:
                self._display.display(each)
            line = closing_line(os.environ[_journal.JOURNAL_VARIABLE], os.environ[_journal.RUN_VARIABLE])
            if line:
                self._display.display(line)
        except Exception as exc:
            self._display.warning(f"sqlhosting.mssql.journal: {type(exc).__name__}: {exc}")


def _begin(name: str) -> None:
    os.environ.setdefault(_journal.RUN_VARIABLE, _journal.new_ulid())
    if not os.environ.get(_journal.JOURNAL_VARIABLE):
        folder = os.path.dirname(constants.CONFIG_FILE) if constants.CONFIG_FILE else os.getcwd()
        os.environ[_journal.JOURNAL_VARIABLE] = _journal.default_path(folder, name, os.getpid())


def _lines_of(path: str, run: str) -> list:
    if not os.path.isfile(path):  # nothing was journalled, or it is a device: /dev/full can be read for ever
        return []
    with open(path, "rb") as file:
        return [line for line in _journal.parse_lines(file.read()) if line.get("run") == run]


def changes_sent(result: dict) -> int:
    """How many changing statements a task's result says were sent, those of its loop's items together."""
    items = result.get("results") or [result]
    return sum((item.get("statements") or {}).get("change", 0) for item in items)


def half_done_line(host: str, task: str, sent: int) -> str:
    """``HALF DONE on sql01: 'task' failed, 3 changing statements had been sent. …``"""
    statements = "1 changing statement" if sent == 1 else f"{sent} changing statements"
    return (
        f"HALF DONE on {host}: {task!r} failed, {statements} had been sent. Nothing is undone, "
        "the next run goes on from there."
    )


def planned_texts(path: str, run: str) -> list:
    """What the run would send, in order: ``-- instance, database x`` and the statement, without secrets."""
    planned = [line for line in _lines_of(path, run) if line["event"] == _journal.PLANNED]
    texts = [
        "-- {host} ({instance}), database {database}\n{text}\n".format(
            host=line.get("inventory_host"),
            instance=line["instance"],
            database=line["database"],
            text=line["text"],
        )
        for line in planned
    ]
    return [f"PLAN: {len(texts)} statements would change something\n", *texts] if texts else []


def closing_line(path: str, run: str) -> str:
    """``journal: PATH (statements: 12 read, 3 changing)``; empty when the run sent and planned nothing."""
    lines = _lines_of(path, run)
    if not lines:
        return ""
    counts = _journal.count(lines)
    parts = [f"{counts['read']} read", f"{counts['change']} changing"]
    parts += [f"{counts[key]} {key}" for key in ("planned", "failed", "unknown") if counts[key]]
    try:
        shown = os.path.relpath(path)
    except ValueError:  # another drive
        shown = path
    return f"journal: {path if shown.startswith('..') else shown} (statements: {', '.join(parts)})"
