# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run a module's ``run(session, params)``: in the controller's process, or as an Ansible module elsewhere."""

from __future__ import annotations

import datetime
import decimal
import json
import traceback

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.sqlhosting.mssql.plugins.module_utils import _journal, tsql
from ansible_collections.sqlhosting.mssql.plugins.module_utils._arguments import RULES, full_spec, validate
from ansible_collections.sqlhosting.mssql.plugins.module_utils._driver_errors import readable
from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import (
    DriverMissing,
    InvalidInput,
    MssqlError,
)
from ansible_collections.sqlhosting.mssql.plugins.module_utils._lease import Lease
from ansible_collections.sqlhosting.mssql.plugins.module_utils._plan import Plan
from ansible_collections.sqlhosting.mssql.plugins.module_utils._session import RunContext, Session
from ansible_collections.sqlhosting.mssql.plugins.module_utils._templates import TextTemplates

CONTEXT_OPTION = "_context"  # hidden: what the action hands to a module that runs on another machine


def run_module(argument_spec: dict, rules: dict, run, raw: dict, context: RunContext) -> dict:
    """Validate ``raw`` options and run. Always gives a result; a failure has ``failed``, ``msg`` and
    ``error``.
    """
    result, params, secrets = _validated_run(argument_spec, rules, run, raw, context)
    context.journal.close()
    if params is not None:
        result["invocation"] = {"module_args": without(params, secrets)}
    return result


def run_beside(argument_spec: dict, rules: dict, run, raw: dict, context: RunContext) -> dict:
    """The same in one of several threads that share a journal: it stays open, and the result does not say
    with which options it was made.
    """
    return _validated_run(argument_spec, rules, run, raw, context)[0]


def _validated_run(argument_spec: dict, rules: dict, run, raw: dict, context: RunContext) -> tuple:
    """(result, validated options or None, secret values)."""
    try:
        params, secrets = validate(full_spec(argument_spec), rules, raw)
    except InvalidInput as exc:
        return _failure(exc, None, context), None, set()
    return _run(run, params, context, secrets), params, secrets


def module_main(argument_spec: dict, rules: dict, run) -> None:
    """The ``main()`` of every module: what runs when Ansible executes the module on a target."""
    module = AnsibleModule(
        argument_spec=dict(full_spec(argument_spec), **{CONTEXT_OPTION: {"type": "dict"}}),
        supports_check_mode=True,
        **{rule: rules[rule] for rule in RULES if rule in rules},
    )
    settings = module.params.pop(CONTEXT_OPTION)
    if not settings:
        module.fail_json(
            msg="This module needs its action plugin, which hands it templates, journal and plan: "
            "call it by its full name sqlhosting.mssql.… from a playbook or with the ansible command."
        )
    context = context_from(settings, module)
    result = _run(run, module.params, context, set(module.no_log_values))
    context.journal.close()
    for text in result.pop("warnings", ()):  # exit_json no longer takes them
        module.warn(text)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def context_settings(context: RunContext, *, journal_path: str, texts: dict) -> dict:
    """What :func:`context_from` needs on the other machine, as plain data."""
    return {
        "journal": journal_path,
        "run": context.journal.run,
        "positions": context.journal.plan_positions(),
        "planned": [list(pair) for pair in context.journal.planned_things()],
        "plan": context.plan.statements if context.plan else None,
        "templates": texts,
        "inventory_host": context.inventory_host,
        "task": context.task,
    }


def context_from(settings: dict, module: AnsibleModule) -> RunContext:
    """The run's context on the target."""
    return RunContext(
        journal=_journal.Journal(
            settings["journal"],
            settings["run"],
            positions=settings["positions"],
            planned=settings["planned"],
            fresh=True,
        ),
        templates=TextTemplates(settings["templates"]),
        plan=Plan(settings["plan"]) if settings["plan"] is not None else None,
        lease=Lease(settings["lease"]) if settings.get("lease") else None,
        check_mode=module.check_mode,
        diff_mode=module._diff,
        inventory_host=settings["inventory_host"],
        task=settings["task"],
    )


def _run(run, params: dict, context: RunContext, secrets: set) -> dict:
    """The one outermost edge: whatever happens becomes a result, and the session ends."""
    session = Session(params, context)
    try:
        if tsql.ImmutableSandboxedEnvironment is None:
            raise DriverMissing(
                "the Python package jinja2 is not installed where the module runs",
                remedy="Install it ('pip install jinja2').",
            )
        result = dict(run(session, params))
    except MssqlError as exc:
        result = _failure(exc, session, context)
    except Exception as exc:
        remedy = "This is a fault of the collection: run again with -vvv and report the traceback."
        unexpected = MssqlError(
            f"unexpected {type(exc).__name__}: {readable(str(exc))}", instance=session.instance, remedy=remedy
        )
        result = _failure(unexpected, session, context)
        result["error"]["traceback"] = traceback.format_exc()
    finally:
        session.close()
    result.setdefault("changed", False)
    result.setdefault("failed", False)
    result["statements"] = dict(session.counts)
    result["journal"] = context.journal.path
    return without(jsonable(result), secrets)


def _failure(exc: MssqlError, session: Session | None, context: RunContext) -> dict:
    if session is not None:  # refusals of the modules themselves do not know where they were made
        exc.instance = exc.instance or session.instance
        exc.inventory_host = exc.inventory_host or context.inventory_host
    error = exc.as_dict()
    if hasattr(exc, "differences"):
        error["differences"] = exc.differences
    changed = bool(session and session.counts["change"])
    return {
        "failed": True,
        "changed": changed,
        "msg": str(exc),
        "summary": str(exc),
        "error": error,
        "statements": dict(session.counts) if session else {"read": 0, "change": 0, "planned": 0},
        "journal": context.journal.path,
    }


def without(value: dict, secrets: set) -> dict:
    """``value`` with every secret masked, as Ansible masks them.

    Ansible looks at each item for each secret, milliseconds in a large result. In most results none occurs,
    and their text tells that at once.
    """
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return remove_values(value, secrets)
    for secret in secrets:
        if json.dumps(secret, ensure_ascii=False)[1:-1] in text:
            return remove_values(value, secrets)
    return value


def jsonable(value: object) -> object:
    """Plain data that is equal in both ways of running: what JSON would make of it."""
    if isinstance(value, dict):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        return [jsonable(item) for item in items]
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, (bytes, bytearray)):
        return "0x" + bytes(value).hex().upper()
    return value
