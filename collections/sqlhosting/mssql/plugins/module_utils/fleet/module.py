# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""mssql_fleet: one reading module on many instances. What its answers amount to; the action asks."""

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils._side_by_side import MOST_THREADS

ARGUMENT_SPEC = {
    "module": {"type": "str", "choices": ["mssql_discover", "mssql_quota"], "default": "mssql_discover"},
    "options": {"type": "dict", "default": {}},
    "hosts": {"type": "list", "elements": "str"},
    "connection_variable": {"type": "str", "default": "sqlhosting_connection"},
    "at_once": {"type": "int", "default": 20},
    "answer_timeout": {"type": "int", "default": 300},
    "results_file": {"type": "path"},
    "returned_answers": {"type": "str", "choices": ["all", "failed"], "default": "all"},
}
SPEC_RULES: dict = {}
_NAMED = 10  # hosts in the summary; the rest is counted


def check(params: dict) -> None:
    """Refuse what makes no sense for many instances. Raises :class:`InvalidInput`."""
    if not 1 <= params["at_once"] <= MOST_THREADS:
        raise InvalidInput(
            field="at_once", problem=f"{params['at_once']} is not between 1 and {MOST_THREADS}"
        )
    if params["answer_timeout"] < 0:
        raise InvalidInput(
            field="answer_timeout",
            problem=f"{params['answer_timeout']} is negative",
            remedy="0 means no limit.",
        )
    if params["module"] == "mssql_quota" and params["options"].get("enforce"):
        raise InvalidInput(
            field="options",
            problem="enforce changes databases, and many instances are only looked at together",
            remedy="Run mssql_quota itself on each of them.",
        )


def gathered(answers: dict, elsewhere: list, *, returned: str = "all") -> dict:
    """The task's result from each host's ``answers`` and the hosts that have to be asked ``elsewhere``.

    ``returned``: the option ``returned_answers``.
    """
    failed = [host for host, answer in answers.items() if answer.get("failed")]
    kinds = ("read", "change", "planned")
    sent = [answer.get("statements") or {} for answer in answers.values()]
    return {
        "changed": False,
        "failed": False,
        "answers": {host: one for host, one in answers.items() if returned == "all" or host in failed},
        "failed_hosts": failed,
        "elsewhere_hosts": elsewhere,
        "summaries": [answer["summary"] for answer in answers.values()],
        "summary": _summary(len(answers), failed, elsewhere),
        "statements": {kind: sum(counts.get(kind, 0) for counts in sent) for kind in kinds},
    }


def _summary(asked: int, failed: list, elsewhere: list) -> str:
    text = f"{asked - len(failed)} of {asked} instances answered"
    if failed:
        text += f"; no answer from {_listed(failed)}"
    if elsewhere:
        text += f"; not asked from here: {_listed(elsewhere)}"
    return text + "."


def _listed(names: list) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
