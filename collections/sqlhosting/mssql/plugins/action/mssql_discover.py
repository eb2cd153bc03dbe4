# Copyright: (c) 2026, the sqlhosting project
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

from ansible_collections.sqlhosting.mssql.plugins.module_utils._errors import InvalidInput
from ansible_collections.sqlhosting.mssql.plugins.module_utils.discover import module
from ansible_collections.sqlhosting.mssql.plugins.plugin_utils._action import SharedAction


class ActionModule(SharedAction):
    """Runs mssql_discover: in this process, or on the target."""

    code = module
    only_reads = True
    first_reads = (
        "instance/identity",
        "instance/system",
        "instance/cpu_load",
        "instance/databases",
        "instance/files",
        "instance/logins",
        "instance/configuration",
        "instance/endpoints",
        "instance/availability_groups",
        "instance/availability_databases",
        "quota/used",
    )

    def _outcome(self, raw: dict, context, task_vars: dict) -> dict:
        """What mssql_fleet brought for this host is the task's result, failure included; nothing is asked."""
        answer = raw.pop("answer", None)
        if answer is None:
            return super()._outcome(raw, context, task_vars)
        if not isinstance(answer, dict) or "summary" not in answer:
            raise InvalidInput(field="answer", problem="is none of the answers that mssql_fleet returns")
        return answer
