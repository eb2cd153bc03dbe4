# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import functools
import json
import os

from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.sqlhosting.mssql.plugins.module_utils._arguments import validate
from ansible_collections.sqlhosting.mssql.plugins.module_utils._connection import instance_label
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    ConnectionLost,
    InvalidInput,
    JournalUnavailable,
    MssqlError,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._module import run_beside
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext
from ansible_collections.sqlhosting.mssql.plugins.module_utils._side_by_side import side_by_side
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover import module as discover
from ansible_collections.sqlhosting.mssql.plugins.module_utils.fleet import module as fleet
from ansible_collections.sqlhosting.mssql.plugins.module_utils.quota import module as quota
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._action import (
    IN_PROCESS_VARIABLE,
    SharedAction,
    plain,
)

_MODULES = {"mssql_discover": discover, "mssql_quota": quota}
_LOCAL = ("local", "ansible.builtin.local")


class ActionModule(SharedAction):
    """Runs mssql_fleet: always in this process, with a thread for each instance that is being asked."""

    code = fleet
    only_reads = True
    is_always_here = True

    def _outcome(self, raw: dict, context: RunContext, task_vars: dict) -> dict:
        params, _secrets = validate(fleet.ARGUMENT_SPEC, fleet.SPEC_RULES, raw)
        fleet.check(params)
        context.journal.check_writable()
        hosts = params["hosts"]
        if hosts is None:
            hosts = [str(name) for name in task_vars["ansible_play_batch"]]
        connections = _Connections(task_vars["hostvars"], params["connection_variable"], self._task)
        elsewhere: list[str] = []
        labels: dict[str, str] = {}
        answers: dict = dict.fromkeys(hosts)  # in the order of the inventory, whoever answers first

        def prepare(host: str):
            around = _beside(context, host)
            try:
                if not connections.is_here(host):
                    elsewhere.append(host)
                    return _no_answer
                connection = connections.of(host)
            except (AnsibleError, MssqlError) as exc:
                # An inventory that is wrong about one host says nothing about the others.
                return functools.partial(_failed, InvalidInput(
                    field=params["connection_variable"], problem=str(exc)), around)  # fmt: skip
            module = _MODULES[params["module"]]
            options = {**connection, **params["options"]}
            labels[host] = instance_label({"login_host": "localhost", **options})
            return functools.partial(
                run_beside, module.ARGUMENT_SPEC, module.SPEC_RULES, module.run, options, around
            )

        for host, answered in side_by_side(
            list(answers), prepare, at_once=params["at_once"], limit_s=params["answer_timeout"]
        ):
            if host in elsewhere:
                del answers[host]
                continue
            answer = answered
            if answer is None:
                answer = _failed(_too_late(params["answer_timeout"], labels[host]), _beside(context, host))
            answers[host] = answer
            if params["results_file"]:
                _append(params["results_file"], host, answer)
        result = fleet.gathered(answers, elsewhere, returned=params["returned_answers"])
        result["journal"] = context.journal.path
        return result


class _Connections:
    """What the inventory says of the hosts: how to reach their instances, and from where."""

    def __init__(self, hostvars, variable: str, task) -> None:
        self._hostvars = hostvars
        self._variable = variable
        self._task = task
        self._seen: dict = {}

    def is_here(self, host: str) -> bool:
        """Whether a module for this host would run in this process."""
        variables = self._variables(host)
        local = str(self._value(variables, "ansible_connection", self._task.connection)) in _LOCAL
        become = boolean(self._value(variables, "ansible_become", bool(self._task.become)))
        return local and not become and boolean(self._value(variables, IN_PROCESS_VARIABLE, True))

    def of(self, host: str) -> dict:
        """The host's connection options. Raises :class:`InvalidInput`, AnsibleError."""
        variables = self._variables(host)
        if self._variable not in variables:
            raise InvalidInput(field=self._variable, problem=f"the inventory does not say it of {host}")
        options = plain(variables[self._variable])
        if not isinstance(options, dict):
            raise InvalidInput(field=self._variable, problem=f"of {host} is not a dictionary of options")
        return options

    def _variables(self, host: str):
        if self._seen.get("host") != host:  # each host is asked for several variables, one after the other
            self._seen = {"host": host, "variables": self._hostvars[host]}
        return self._seen["variables"]

    @staticmethod
    def _value(variables, name: str, default: object) -> object:
        return plain(variables[name]) if name in variables else default


def _beside(context: RunContext, host: str) -> RunContext:
    """The task's circumstances for one of its hosts."""
    return RunContext(
        journal=context.journal,
        templates=context.templates,
        plan=context.plan,
        lease=context.lease,
        check_mode=context.check_mode,
        diff_mode=context.diff_mode,
        inventory_host=host,
        task=context.task,
        pause=context.pause,
    )


def _no_answer() -> dict:
    return {}


def _too_late(limit_s: int, instance: str) -> ConnectionLost:
    return ConnectionLost(
        f"it did not answer within {limit_s} s (answer_timeout)",
        instance=instance,
        remedy="See what it is busy with: the journal holds the statement that it did not answer.",
        retryable=True,
    )


def _failed(exc: MssqlError, context: RunContext) -> dict:
    exc.inventory_host = exc.inventory_host or context.inventory_host
    return {
        "failed": True,
        "changed": False,
        "msg": str(exc),
        "summary": str(exc),
        "error": exc.as_dict(),
        "journal": context.journal.path,
    }


def _append(path: str, host: str, answer: dict) -> None:
    """One JSON line for each answer, as soon as it is there. Raises :class:`JournalUnavailable`."""
    line = json.dumps({"host": host, "result": answer}, separators=(",", ":")).encode("ascii") + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            written = os.write(descriptor, line)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise JournalUnavailable(f"results_file {path}: {exc.strerror or exc}") from exc
    if written != len(line):
        raise JournalUnavailable(f"results_file {path}: No space left on device")
