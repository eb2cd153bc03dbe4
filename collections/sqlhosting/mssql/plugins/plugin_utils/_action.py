# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one action behind every module of the collection.

With a local connection the module runs in this process: no payload, no second interpreter. Otherwise (a jump
host, become, or ``sqlhosting_in_process: false``) Ansible executes it on the target; templates, plan and
journal
settings travel with it and its journal lines are brought back, also after a failure.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from types import ModuleType

from ansible import constants
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal
from ansible_collections.sqlhosting.mssql.plugins.module_utils._arguments import full_spec, validate
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput, MssqlError
from ansible_collections.sqlhosting.mssql.plugins.module_utils._lease import Lease
from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import (
    CONTEXT_OPTION,
    context_settings,
    run_module,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._plan import load_plan
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import FolderTemplates

# What belongs to the whole run: no task can put another one, or none, in its place.
_OF_THE_RUN = (_journal.PLAN_VARIABLE, _journal.LEASE_VARIABLE)
IN_PROCESS_VARIABLE = "sqlhosting_in_process"
_END = "sqlhosting-journal-end"
_NATIVE = ((str, str.__str__), (int, int), (float, float))


def _begin_run() -> None:
    """Give the run its id and journal where the callback did not; workers inherit the environment."""
    if _journal.RUN_VARIABLE not in os.environ:
        os.environ[_journal.RUN_VARIABLE] = _journal.new_ulid()
    if _journal.JOURNAL_VARIABLE not in os.environ:
        folder = os.path.dirname(constants.CONFIG_FILE) if constants.CONFIG_FILE else os.getcwd()
        os.environ[_journal.JOURNAL_VARIABLE] = _journal.default_path(folder, "ansible", os.getpid())


_begin_run()


class SharedAction(ActionBase):
    """Run ``sqlhosting.mssql.mssql_<object>``; each module's action is a subclass of its own name.

    Its file imports the module's code, and Ansible imports that file in the parent: the workers inherit it.
    """

    code: ModuleType  # the module's ARGUMENT_SPEC, SPEC_RULES and run
    only_reads = False  # it never sends a change, so it needs no lease
    is_always_here = False  # it runs on the controller whatever the connection is
    first_reads: tuple[str, ...] = ()  # the templates that nearly every run of it begins with
    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict | None = None) -> dict:
        """The module's result, the same whichever way it ran."""
        result = super().run(tmp, task_vars)
        del tmp
        task_vars = task_vars or {}
        raw = plain(self._task.args)
        saved = dict(os.environ)
        try:
            self._apply_environment()
            context = self._context(task_vars)
            result.update(self._outcome(raw, context, task_vars))
        except MssqlError as exc:
            result.update(failed=True, changed=False, msg=str(exc), summary=str(exc), error=exc.as_dict())
        finally:
            os.environ.clear()
            os.environ.update(saved)
        return result

    def _outcome(self, raw: dict, context: RunContext, task_vars: dict) -> dict:
        """What the module makes of its ``raw`` options, here or elsewhere."""
        module = self.code
        if self._in_process(task_vars):
            return run_module(module.ARGUMENT_SPEC, module.SPEC_RULES, module.run, raw, context)
        name = (self._task.resolved_action or self._task.action).rpartition(".")[2]
        return self._run_elsewhere(name, module, raw, context, task_vars)

    def _in_process(self, task_vars: dict) -> bool:
        if self.is_always_here:
            return True
        wanted = boolean(plain(self._templar.template(task_vars.get(IN_PROCESS_VARIABLE, True))))
        return wanted and self._is_here()

    def _is_here(self) -> bool:
        """Whether a module would run on this machine, as this user."""
        return self._connection.transport == "local" and not self._play_context.become

    def _apply_environment(self) -> None:
        """The task's ``environment:`` keyword, as a module on a target would get it."""
        environment: dict = {}
        self._compute_environment_string(environment)
        for name in _OF_THE_RUN:
            if os.environ.get(name):
                environment.pop(name, None)
        os.environ.update({str(key): str(value) for key, value in environment.items()})

    def _context(self, task_vars: dict) -> RunContext:
        journal = _journal.Journal(
            os.path.abspath(os.environ[_journal.JOURNAL_VARIABLE]), os.environ[_journal.RUN_VARIABLE]
        )
        approved = os.environ.get(_journal.PLAN_VARIABLE)
        lease = os.environ.get(_journal.LEASE_VARIABLE)
        return RunContext(
            journal=journal,
            templates=FolderTemplates(os.environ.get(_journal.TEMPLATES_VARIABLE)),
            plan=load_plan(approved) if approved else None,
            lease=Lease(lease) if lease else None,
            check_mode=bool(self._task.check_mode),
            diff_mode=bool(self._task.diff),
            inventory_host=str(task_vars.get("inventory_hostname") or "") or None,
            task=str(self._task.get_name()),
        )

    def _run_elsewhere(self, name: str, module, raw: dict, context: RunContext, task_vars: dict) -> dict:
        """Execute the module on the target and bring its journal lines back."""
        try:
            params, _secrets = validate(full_spec(module.ARGUMENT_SPEC), module.SPEC_RULES, raw)
        except InvalidInput:
            # The same message as in-process, and nothing is shipped.
            return run_module(module.ARGUMENT_SPEC, module.SPEC_RULES, module.run, raw, context)
        context.journal.check_writable()
        if context.lease is not None and not context.check_mode and self._may_change(params):
            # The file is on this machine; elsewhere nobody can look at it, so it is looked at first.
            context.lease.check()
        # A name that nobody can guess, made with O_EXCL; not in Ansible's temporary folder, where a user whom
        # become names may not write.
        remote = f"/tmp/sqlhosting-{context.journal.run}-{_journal.new_ulid()}.jsonl"  # noqa: S108
        settings = context_settings(context, journal_path=remote, texts=context.templates.texts())
        if context.lease is not None and self._is_here():
            settings["lease"] = context.lease.path
        fetched: list[dict] = []
        try:
            result = self._execute_module(
                module_name=f"sqlhosting.mssql.{name}",
                module_args={**raw, CONTEXT_OPTION: settings},
                task_vars=task_vars,
            )
        finally:
            fetched = self._fetch_journal(remote, context)
        return _checked(result, fetched, remote, context)

    def _may_change(self, params: dict) -> bool:
        """Whether the task might send a change. A module with the option ``enforce`` does when it is set."""
        return not self.only_reads and params.get("enforce", True)

    def _fetch_journal(self, remote: str, context: RunContext) -> list[dict]:
        """Append the target's lines to our journal and remove its file; none when it cannot be reached."""
        path = shlex.quote(remote)
        try:
            # The last line proves that everything before it came through.
            found = self._low_level_execute_command(
                f"if [ -f {path} ]; then cat {path} && echo {_END}; fi", sudoable=True
            )
        except AnsibleError:
            return []
        if found.get("rc") != 0:
            return []
        lines = _journal.parse_lines(found.get("stdout", "").encode("utf-8", "surrogateescape"))
        context.journal.adopt(lines)
        context.journal.close()
        if found.get("stdout", "").rstrip().endswith(_END):
            self._low_level_execute_command(f"rm -f {path}", sudoable=True)
        return lines


def _checked(result: dict, fetched: list[dict], remote: str, context: RunContext) -> dict:
    """The module's result, failed when journal lines that it wrote did not come back."""
    result["journal"] = context.journal.path
    if result.get("error"):
        # Ansible adds where the module called fail_json; in-process there is no such place.
        result.pop("exception", None)
    sent = result.get("statements") or {}
    wanted = sum(sent.get(kind, 0) for kind in ("read", "change", "planned"))
    have = sum(1 for line in fetched if line["event"] in (_journal.INTENT, _journal.PLANNED))
    if have < wanted:
        result["failed"] = True
        result["msg"] = (
            f"{wanted - have} of {wanted} statements are missing in the journal: {remote} on the target "
            f"could not be "
            f"read completely. Append its lines to {context.journal.path}. {result.get('msg', '')}"
        ).rstrip()
    return result


def plain(value: object) -> object:
    """Ansible's tagged, lazy and vaulted values as plain ones, which the driver and JSON understand."""
    if value is None or isinstance(value, bool):
        return value
    for kind, native in _NATIVE:
        if isinstance(value, kind):
            return native(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value)  # a vaulted string: str() decrypts it
